/**
 * More connections than a server has use for: those that say nothing are closed, those above the limit are refused, and
 * whoever behaves is served all the while.
 */
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { afterEach, beforeAll, expect, it } from 'vitest';
import {
  CLIENT_PATH,
  CLIENT_SUBPROTOCOL,
  encodeRequests,
  defaultLimits,
  defaultTimings,
  formatAddress,
  REQUESTS_PER_FRAME_MAX,
} from '@kvorum/common';
import { WebSocket } from 'ws';
import { sharedBench, testBench } from './support/bench.ts';
import { Cluster, expectServing } from './support/cluster.ts';
import { until } from './support/deadline.ts';
import { SteadyLoad } from './support/load.ts';
import { print } from './support/print.ts';
import { openTcp, RawClient } from './support/raw.ts';
import type { Closed } from './support/raw.ts';
import type { Status } from './support/server-process.ts';
import type { TestClient } from './support/test-client.ts';
import { keyInGroup } from './support/test-client.ts';

const MIB = 1024 * 1024;
const RSS_BYTES_MAX = 600 * MIB;
const TCP_CONNECTIONS = 10_000;
/** Files that this process, and a server, need besides. */
const FILES_SPARE = 1000;
/** Headers have 5 s, and that is looked at each second. */
const TCP_SILENCE_MS_MAX = 10_000;
const SILENT_CLIENTS = 300;

const bench = sharedBench();
let cluster: Cluster;
let normal: TestClient;

beforeAll(async () => {
  cluster = await Cluster.form(bench, 3);
  normal = cluster.client();
  await normal.layout();
}, 30_000);

afterEach(() => expectServing(cluster, normal));

function printRss(what: string): void {
  const server = cluster.server(0);
  print(`${what}: rss ${Math.round(server.rssBytes / MIB)} MiB, at most ${Math.round(server.rssBytesMax / MIB)} MiB`);
  expect(server.rssBytesMax).toBeLessThan(RSS_BYTES_MAX);
}

/** Opens so many at a time. */
async function openAll<T>(count: number, atOnce: number, openOne: () => Promise<T>): Promise<T[]> {
  const opened: T[] = [];
  while (opened.length < count) {
    const batch = Array.from({ length: Math.min(atOnce, count - opened.length) }, openOne);
    opened.push(...(await Promise.all(batch)));
  }
  return opened;
}

it('connections that say nothing are closed: 10,000 of TCP, and websocket clients that ask for nothing', async () => {
  // At the same time: each waits for a limit of the server.
  await Promise.all([silentWebsockets(), silentTcp()]);
});

async function silentTcp(): Promise<void> {
  const filesMax = Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? 1024);
  const wanted = Math.min(TCP_CONNECTIONS, filesMax - FILES_SPARE);
  const own = testBench();
  const sockets: Socket[] = [];
  own.atEnd(() => sockets.forEach((socket) => socket.destroy()));
  let closed = 0;
  await openAll(wanted, 500, async () => {
    const socket = await openTcp(cluster.address(0));
    sockets.push(socket);
    socket.resume().on('close', () => (closed += 1));
  });
  expect(sockets).toHaveLength(wanted);
  const openedMs = performance.now();
  print(`${wanted} silent TCP connections were opened, ${closed} of them closed by then`);
  printRss('with them');
  await expectServing(cluster, normal);
  await until('close of all of them', TCP_SILENCE_MS_MAX, () => closed === wanted);
  print(`all closed ${Math.round(performance.now() - openedMs)} ms after the last was opened`);
  printRss('without them');
}

/** They are told the reason; clients that ask for something are not closed. */
async function silentWebsockets(): Promise<void> {
  const own = testBench();
  const busy = await RawClient.open(own, cluster.address(0));
  expect((await busy.request({ type: 'layout' })).type).toBe('layout');
  const openedMs = performance.now();
  const clients = await openAll(SILENT_CLIENTS, 100, () => RawClient.open(own, cluster.address(0)));
  // A ping is no request.
  for (const client of clients.slice(0, 10)) client.socket.ping();
  expect((await cluster.server(0).status()).clients).toBeGreaterThanOrEqual(SILENT_CLIENTS);
  const closes = await Promise.all(clients.map((client) => client.closing(defaultTimings.firstFrameTimeoutMs + 3000)));
  const tookMs = performance.now() - openedMs;
  expect(tookMs).toBeGreaterThanOrEqual(defaultTimings.firstFrameTimeoutMs - 100);
  const expected: Closed = { code: 1008, reason: 'nothing was asked for 10 s' };
  expect(closes).toEqual(clients.map(() => expected));
  print(`${SILENT_CLIENTS} silent websocket clients were closed after ${Math.round(tookMs)} ms`);
  expect((await busy.request({ type: 'layout' })).type).toBe('layout');
  await until('few clients', 3000, async () => (await cluster.server(0).status()).clients < SILENT_CLIENTS);
}

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
  printRss('with them');
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
  printRss('with them');
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
  printRss(`${opened} sessions`);
});
