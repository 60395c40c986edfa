/**
 * All servers die at once: nothing that was acknowledged is lost, and nothing is executed twice.
 */
import { expect, it } from 'vitest';
import type { KvorumError } from '@kvorum/common';
import { testBench } from './support/bench.ts';
import { Cluster } from './support/cluster.ts';
import { until } from './support/deadline.ts';
import { missing, SteadyLoad } from './support/load.ts';
import { print } from './support/print.ts';
import type { TestClient } from './support/test-client.ts';

const OUTSTANDING = 50;
const PHASE_WRITES = 40;
const OPERATION_MS_MAX = 20_000;

it('SIGKILL of all three under load: every acknowledged write is there after the restart', async () => {
  const bench = testBench();
  const cluster = await Cluster.form(bench, 3);
  const load = await SteadyLoad.start(cluster.client(), OUTSTANDING, 'durable');
  await load.progress(PHASE_WRITES);
  for (let time = 0; time < 2; time += 1) {
    await Promise.all(cluster.servers.map((server) => server.end('SIGKILL')));
    cluster.startAll();
    // The same clients go on: what was under way is tried again.
    await load.progress(PHASE_WRITES);
  }
  await load.stop();
  await cluster.healthy();
  await cluster.caughtUp();
  expect(await missing(cluster.client(), load.acked)).toEqual([]);
  expect(load.failed).toEqual([]);

  // From the disk alone, once more.
  await Promise.all(cluster.servers.map((server) => server.end('SIGKILL')));
  cluster.startAll();
  await cluster.healthy();
  expect(await missing(cluster.client(), load.acked)).toEqual([]);
  print(`${load.acked.size} acknowledged writes, all there after three kills of the whole cluster`);
});

interface Tally {
  acked: number;
  unknown: number;
}

/** Adds 1 with get and cas until it is told to stop; counts what was acknowledged and what is not known. */
async function increment(client: TestClient, key: string, tally: Tally, stopped: () => boolean): Promise<void> {
  while (!stopped()) {
    try {
      const found = await client.get(key, OPERATION_MS_MAX);
      const next = `${Number(found?.value ?? 0) + 1}`;
      if (await client.cas(key, found?.version ?? 0, next, OPERATION_MS_MAX)) tally.acked += 1;
    } catch (error) {
      if ((error as KvorumError).outcome === 'unknown') tally.unknown += 1;
    }
  }
}

it('counters keep count through a kill of each server and of all', async () => {
  const bench = testBench();
  const cluster = await Cluster.form(bench, 3);
  const keys = ['counter-a', 'counter-b', 'counter-c', 'counter-d'];
  const tallies = new Map<string, Tally>(keys.map((key) => [key, { acked: 0, unknown: 0 }]));
  const sum = (): number => [...tallies.values()].reduce((total, { acked }) => total + acked, 0);
  let stopping = false;
  // Two clients of their own for each counter, so that they get in each other's way.
  const workers = [0, 1].flatMap(() => {
    const client = cluster.client();
    return [...tallies].map(([key, tally]) => increment(client, key, tally, () => stopping));
  });
  const moreIncrements = async (): Promise<void> => {
    const target = sum() + 100;
    await until('100 more increments', 15_000, () => sum() >= target);
  };

  await moreIncrements();
  for (const place of [0, 1, 2]) {
    await cluster.server(place).end('SIGKILL');
    await moreIncrements();
    cluster.start(place);
    await cluster.healthy();
  }
  await Promise.all(cluster.servers.map((server) => server.end('SIGKILL')));
  cluster.startAll();
  await moreIncrements();
  stopping = true;
  await Promise.all(workers);

  const reader = cluster.client();
  for (const [key, { acked, unknown }] of tallies) {
    const final = Number((await reader.get(key))?.value);
    print(`${key}: ${acked} acknowledged, ${unknown} unknown, final ${final}`);
    expect(acked).toBeGreaterThan(0);
    expect(final).toBeGreaterThanOrEqual(acked);
    expect(final).toBeLessThanOrEqual(acked + unknown);
  }
});
