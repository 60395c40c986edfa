/** Connections that say nothing are closed, and whoever behaves is served all the while. */
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { afterEach, beforeAll, expect, it } from 'vitest';
import { defaultTimings } from '@kvorum/common';
import { sharedBench, testBench } from './support/bench.ts';
import { Cluster, expectServing } from './support/cluster.ts';
import { until } from './support/deadline.ts';
import { print, printRss } from './support/print.ts';
import { openAll, openTcp, RawClient } from './support/raw.ts';
import type { Closed } from './support/raw.ts';
import type { TestClient } from './support/test-client.ts';

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
  printRss(cluster.server(0), 'with them');
  await expectServing(cluster, normal);
  await until('close of all of them', TCP_SILENCE_MS_MAX, () => closed === wanted);
  print(`all closed ${Math.round(performance.now() - openedMs)} ms after the last was opened`);
  printRss(cluster.server(0), 'without them');
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
