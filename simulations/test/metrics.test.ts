/** What nodes measure goes through one port, in simulation too, where it can be looked at. */
import type { MetricName } from '@kvorum/common';
import { encodeUtf8 } from '@kvorum/common';
import { expect, it } from 'vitest';
import { World } from '../src/world/world.ts';

/** Of all series of the family with these labels on all nodes that are up, but for one. */
function sumOf(world: World, name: MetricName, labels = '', without?: number): number {
  let sum = 0;
  for (const process of world.up) {
    if (process === without) continue;
    const family = world
      .metrics(process)
      .families()
      .find((each) => each.name === name);
    for (const series of family?.series ?? []) {
      if (!series.labels.includes(labels)) continue;
      sum += series.histogram?.count ?? series.value;
    }
  }
  return sum;
}

it('tells of requests, leaders, suspicions and checkpoints', () => {
  const world = new World({ seed: 1, nodes: 3, partitions: 2, replication: 3 });
  world.startAll();
  expect(world.runUntil(() => world.processes.every((p) => world.node(p)?.healthy === true), 3000)).toBe(true);
  const { core } = world.client();
  const perform = (operation: Parameters<typeof core.submit>[0]): void => {
    let done = false;
    core.submit(operation, 5000, () => (done = true));
    expect(world.runUntil(() => done, 6000)).toBe(true);
  };
  const key = encodeUtf8('k');
  perform({ type: 'put', key, value: key });
  perform({ type: 'get', key });
  perform({ type: 'get', key: encodeUtf8('absent') });
  perform({ type: 'add', key, delta: 1n });
  perform({ type: 'cas', key, expected: undefined, next: key });
  world.runFor(500);
  const count = (operation: string, outcome: string): number =>
    sumOf(world, 'requests_total', `operation="${operation}",outcome="${outcome}"`);
  expect(count('put', 'ok')).toBe(1);
  expect([count('get', 'ok'), count('get', 'not_found')]).toEqual([1, 1]);
  expect(count('add', 'refused')).toBe(1);
  expect(count('cas', 'mismatch')).toBe(1);
  expect(sumOf(world, 'request_duration_seconds', 'operation="get"')).toBeGreaterThanOrEqual(2);
  expect(sumOf(world, 'group_leader')).toBe(3);
  expect(sumOf(world, 'group_has_leader')).toBe(9);
  expect(sumOf(world, 'sessions')).toBeGreaterThanOrEqual(3);
  expect(sumOf(world, 'checkpoint_duration_seconds')).toBeGreaterThan(0);
  expect(sumOf(world, 'peer_suspected')).toBe(0);
  const leader = world.up.find((process) => world.node(process)?.group(1)?.serves === true) ?? 0;
  const atSurvivors = (name: MetricName): number => sumOf(world, name, '', leader);
  const [suspicions, changes] = [atSurvivors('suspicions_total'), atSurvivors('leader_changes_total')];
  world.crash(leader);
  world.runFor(1000);
  expect(atSurvivors('suspicions_total') - suspicions).toBe(2);
  expect(atSurvivors('peer_suspected')).toBe(2);
  expect(atSurvivors('leader_changes_total')).toBeGreaterThan(changes);
});
