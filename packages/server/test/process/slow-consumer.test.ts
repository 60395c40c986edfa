/**
 * A client that asks and does not read the answers: its connection is closed, and the memory it cost is bounded.
 */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { beforeAll, expect, it } from 'vitest';
import type { Layout } from '@kvorum/common';
import { encodeRequests, encodeUtf8, defaultLimits, FRAME_BYTES_MAX, groupOfKey } from '@kvorum/common';
import { sharedBench, testBench } from './support/bench.ts';
import { Cluster, expectServing } from './support/cluster.ts';
import { until, within } from './support/deadline.ts';
import { print } from './support/print.ts';
import { RawClient } from './support/raw.ts';

const MIB = 1024 * 1024;
/** What a server takes by itself, and the backlog of one connection, and a turn's replies above it. */
const RSS_BYTES_MAX = 500 * MIB;
/** A server that does one client's work for longer is taken for dead by its peers. */
const STANDSTILL_MS_MAX = 300;
const READS_PER_FRAME = 64;
const FRAMES = 40;

const bench = sharedBench();
let cluster: Cluster;

beforeAll(async () => {
  cluster = await Cluster.form(bench, 1);
}, 30_000);

it('is closed with a reason once its replies pile up', async () => {
  const own = testBench();
  const normal = cluster.client();
  const layout = await normal.layout();
  await normal.put('large', 'v'.repeat(defaultLimits.valueBytesMax));
  const server = cluster.server(0);
  const before = server.rssBytes;

  const slow = await RawClient.open(own, cluster.address(0));
  const { _socket: tcp } = slow.socket as unknown as { _socket: Socket };
  let received = 0;
  slow.socket.removeAllListeners('message').on('message', (data: Buffer) => (received += data.length));
  tcp.pause();
  // 2.5 GiB of answers, were they all given.
  for (let n = 0; n < FRAMES; n += 1) slow.send(readsOf(layout, 'large', READS_PER_FRAME, 1 + n * READS_PER_FRAME));

  // It is served in between, and after.
  await expectServing(cluster, normal);
  const piled = server.rssBytesMax;
  print(
    `a client that reads nothing of ${FRAMES * READS_PER_FRAME} MiB: rss ${Math.round(before / MIB)} MiB before, ` +
      `at most ${Math.round(piled / MIB)} MiB`,
  );
  expect(piled).toBeLessThan(RSS_BYTES_MAX);

  tcp.resume();
  expect(await slow.closing()).toEqual({ code: 1008, reason: 'replies are not being read' });
  expect(received).toBeLessThan(3 * defaultLimits.clientBacklogBytesMax);
  await until('no such client', 2000, async () => (await server.status()).clients === 1);
  await expectServing(cluster, normal);
});

it('and many of them, too, cost a bounded amount', async () => {
  const own = testBench();
  const normal = cluster.client();
  await normal.put('medium', 'v'.repeat(64 * 1024));
  const frame = readsOf(await normal.layout(), 'medium', 1024);
  const slow = await Promise.all(Array.from({ length: 8 }, () => RawClient.open(own, cluster.address(0))));
  for (const client of slow) {
    (client.socket as unknown as { _socket: Socket })._socket.pause();
    client.send(frame);
  }
  await expectServing(cluster, normal);
  const { rssBytesMax } = cluster.server(0);
  print(`eight clients that read nothing of 64 MiB each: rss at most ${Math.round(rssBytesMax / MIB)} MiB`);
  expect(rssBytesMax).toBeLessThan(
    RSS_BYTES_MAX + slow.length * (defaultLimits.clientBacklogBytesMax + FRAME_BYTES_MAX),
  );
});

it('a frame of many gets of a large value does not keep the others waiting', async () => {
  const own = testBench();
  const normal = cluster.client();
  await normal.put('large', 'v'.repeat(defaultLimits.valueBytesMax));
  // Read from the disk from then on, not from what was applied a moment ago.
  await cluster.server(0).end('SIGTERM');
  cluster.start(0);
  await cluster.healthy();
  const greedy = await RawClient.open(own, cluster.address(0));
  greedy.send(readsOf(await normal.layout(), 'large', 256));
  // The server is in the middle of it.
  await within('first answer', 5000, once(greedy.socket, 'message'));
  const startedMs = performance.now();
  await cluster.server(0).http('/healthz', 'GET', 10_000);
  const waitedMs = performance.now() - startedMs;
  print(`256 gets of 1 MiB in one frame: the server answers others after ${Math.round(waitedMs)} ms`);
  expect(waitedMs).toBeLessThanOrEqual(STANDSTILL_MS_MAX);
});

/** So many gets of the key in one frame, with ids from `firstId` on: a node heeds growing ids only. */
function readsOf(layout: Layout, name: string, count: number, firstId = 1): Uint8Array {
  const key = encodeUtf8(name);
  const request = { type: 'read', group: groupOfKey(layout, key), query: { type: 'get', key } } as const;
  const body = { type: 'group', forward: false, request } as const;
  return encodeRequests(Array.from({ length: count }, (_, n) => ({ id: firstId + n, body })));
}
