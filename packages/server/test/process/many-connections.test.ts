/**
 * More connections than a server has use for: those above the limit are refused, and whoever behaves is served all the
 * while. Those that say nothing: silent-connections.test.ts.
 */
import { afterEach, beforeAll, expect, it } from 'vitest';
import {
  CLIENT_PATH,
  CLIENT_SUBPROTOCOL,
  encodeRequests,
  defaultLimits,
  formatAddress,
  REQUESTS_PER_FRAME_MAX,
} from '@kvorum/common';
import { WebSocket } from 'ws';
import { sharedBench, testBench } from './support/bench.ts';
import { Cluster, expectServing } from './support/cluster.ts';
import { until } from './support/deadline.ts';
import { SteadyLoad } from './support/load.ts';
import { print, printRss } from './support/print.ts';
import { openAll, RawClient } from './support/raw.ts';
import type { Status } from './support/server-process.ts';
import type { TestClient } from './support/test-client.ts';
import { keyInGroup } from './support/test-client.ts';

const bench = sharedBench();
let cluster: Cluster;
let normal: TestClient;

beforeAll(async () => {
  cluster = await Cluster.form(bench, 3);
  normal = cluster.client();
  await normal.layout();
}, 30_000);

afterEach(() => expectServing(cluster, normal));

it('clients above the limit are refused with 503 and the limit; the others are served', async () => {
  const own = testBench();
  const sockets: WebSocket[] = [];
  own.atEnd(() => sockets.forEach((socket) => socket.terminate()));
  const reasons: string[] = [];
  const url = `ws://${formatAddress(cluster.address(0))}${CLIENT_PATH}`;
  await openAll(defaultLimits.clientConnectionsMax + 20, 200, () => {
    const socket = new WebSocket(url, CLIENT_SUBPROTOCOL, { perMessageDeflate: false });
    sockets.push(socket);
    socket.on('error', () => undefined);
    return new Promise<void>((resolve) => {
      socket.on('open', resolve);
      socket.on('close', () => resolve());
      socket.on('unexpected-response', (_request, response) => {
        let body = '';
        response.on('data', (chunk: Buffer) => (body += chunk.toString()));
        response.on('end', () => {
          reasons.push(`${response.statusCode} ${body.trim()}`);
          socket.terminate();
        });
      });
    });
  });
  print(`${defaultLimits.clientConnectionsMax + 20} websocket clients at once: ${reasons.length} were refused`);
  printRss(cluster.server(0), 'with them');
  expect(reasons.length).toBeGreaterThan(0);
  expect(new Set(reasons)).toEqual(
    new Set([`503 this server has its limit of ${defaultLimits.clientConnectionsMax} connections`]),
  );
  await expectServing(cluster, normal);
});

it('a server is found by its peers though it has as many clients as it takes', async () => {
  const own = testBench();
  const sockets: WebSocket[] = [];
  own.atEnd(() => sockets.forEach((socket) => socket.terminate()));
  const url = `ws://${formatAddress(cluster.address(0))}${CLIENT_PATH}`;
  await openAll(defaultLimits.clientConnectionsMax, 200, () => {
    const socket = new WebSocket(url, CLIENT_SUBPROTOCOL, { perMessageDeflate: false });
    sockets.push(socket);
    return new Promise<void>((resolve) => socket.on('open', resolve).on('error', () => resolve()));
  });
  await cluster.server(1).end('SIGKILL');
  cluster.start(1);
  await cluster.healthy();
});

it('a client that floods a server with questions about its status does not stop the cluster', async () => {
  const own = testBench();
  const load = await SteadyLoad.start(normal, 24, 'flooded');
  await load.progress(20);
  const before = load.takeGap();
  const flooder = await RawClient.open(own, cluster.address(0));
  let answered = 0;
  flooder.socket.removeAllListeners('message').on('message', () => (answered += 1));
  for (let n = 0; n < 10; n += 1) flooder.send(statusRequests(1 + n * REQUESTS_PER_FRAME_MAX));
  await load.progress(50);
  const flooded = load.takeGap();
  flooder.socket.terminate();
  await load.stop();
  print(`40,960 status requests in ten frames: ${flooded.text}; before ${before.text}; ${answered} frames of replies`);
  printRss(cluster.server(0), 'with them');
  expect(load.failed).toEqual([]);
  expect(flooded.ms).toBeLessThanOrEqual(1000);
});

/** A full frame of them: some 12 KB that ask for as many megabytes. */
function statusRequests(firstId: number): Uint8Array {
  const requests = Array.from({ length: REQUESTS_PER_FRAME_MAX }, (_, n) => firstId + n);
  return encodeRequests(requests.map((id) => ({ id, body: { type: 'status' } })));
}

it('a client that opens sessions without end does not lock the others out', async () => {
  const own = testBench();
  const group = 1;
  const key = keyInGroup(await normal.layout(), group, 'besieged');
  await normal.put(key, 'before');
  const leads = (status: Status): boolean => status.groups.some((entry) => entry.group === group && entry.leading);
  const leader = (await cluster.statuses()).findIndex(leads);
  const opener = await RawClient.open(own, cluster.address(leader));
  const body = { type: 'group', forward: true, request: { type: 'open-session', group } } as const;
  const opened = 3 * REQUESTS_PER_FRAME_MAX;
  expect(opened).toBeGreaterThan(defaultLimits.sessionsPerGroupMax);
  for (let first = 1; first < opened; first += REQUESTS_PER_FRAME_MAX) {
    const ids = Array.from({ length: REQUESTS_PER_FRAME_MAX }, (_, n) => first + n);
    opener.send(encodeRequests(ids.map((id) => ({ id, body }))));
    // In use meanwhile: not the least recently used, or else opened again.
    await normal.put(key, `${first}`);
  }
  await until('all sessions', 10_000, () => opener.replies.length === opened);
  const { groups } = await cluster.server(leader).status();
  expect(groups.find((entry) => entry.group === group)?.sessions).toBeLessThanOrEqual(
    defaultLimits.sessionsPerGroupMax,
  );
  await normal.put(key, 'after');
  expect((await normal.get(key))?.value).toBe('after');
  printRss(cluster.server(0), `${opened} sessions`);
});
