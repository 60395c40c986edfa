/**
 * A disk without room: nothing is acknowledged that is not on it, the process stops and says why, and goes on where it was
 * once there is room.
 */
import { expect, it } from 'vitest';
import { testBench } from './support/bench.ts';
import { Cluster } from './support/cluster.ts';
import { missing } from './support/load.ts';
import { print } from './support/print.ts';

/** The largest that a file of the server may become. */
const FILE_KIB_MAX = 8 * 1024;
const VALUE = 'v'.repeat(256 * 1024);

it('stops with status 1 and a reason, and has every acknowledged write after a restart with room', async () => {
  const bench = testBench();
  const cluster = await Cluster.plan(bench, 1, ['--partitions', '2']);
  const server = bench.startLimited(FILE_KIB_MAX, ...(cluster.commands[0] ?? []));
  cluster.servers[0] = server;
  await cluster.healthy();
  const client = cluster.client();
  const acked = new Map<string, string>();
  for (let n = 0; server.alive && n < 200; n += 1) {
    const written = await client.put(`full-${n}`, VALUE, 2000).catch(() => undefined);
    if (written !== undefined) acked.set(`full-${n}`, VALUE);
  }
  const exit = await server.exit();
  expect(exit, server.output).toEqual({ code: 1, signal: null });
  expect(server.output).toMatch(/a write to \S+ failed: .*Make room or replace the disk, then start again/);

  cluster.start(0);
  await cluster.healthy();
  expect(acked.size).toBeGreaterThan(0);
  expect(await missing(cluster.client(), acked)).toEqual([]);
  print(`${acked.size} writes of 256 KiB were acknowledged until the disk was full; all there`);
  // What the disk said, rather than the storage library's inner words.
  expect(server.output).not.toContain('see commitError');
});

it('of one of three: the others go on, and it catches up when there is room again', async () => {
  const bench = testBench();
  const cluster = await Cluster.plan(bench, 3, ['--partitions', '2']);
  cluster.start(0);
  cluster.start(1);
  const full = bench.startLimited(FILE_KIB_MAX, ...(cluster.commands[2] ?? []));
  cluster.servers[2] = full;
  await cluster.healthy();
  const client = cluster.client();
  const acked = new Map<string, string>();
  for (let n = 0; n < 60; n += 1) {
    await client.put(`one-full-${n}`, VALUE);
    acked.set(`one-full-${n}`, VALUE);
  }
  expect(await full.exit()).toEqual({ code: 1, signal: null });
  expect(full.output).toContain('Make room');

  cluster.start(2);
  await cluster.healthy();
  await cluster.caughtUp();
  expect(await missing(client, acked)).toEqual([]);
});
