/** What clients do when nodes fall silent or move: stories that chaos runs told first. */
import { encodeUtf8, KvorumError } from '@kvorum/common';
import type { ClientCore } from '@kvorum/client/core';
import { describe, expect, it } from 'vitest';
import type { ProcessId } from '../src/world/network.ts';
import { World } from '../src/world/world.ts';

const SEEDS = [1, 2, 3, 4, 5];
const key = encodeUtf8('key');

function formed(seed: number): World {
  const world = new World({ seed, nodes: 3, partitions: 1, replication: 3 });
  world.startAll();
  expect(world.runUntil(() => world.processes.every((p) => world.node(p)?.healthy === true), 3000)).toBe(true);
  return world;
}

function leaderOf(world: World): ProcessId {
  const find = (): ProcessId | undefined => world.up.find((process) => world.node(process)?.group(1)?.serves === true);
  expect(world.runUntil(() => find() !== undefined, 3000)).toBe(true);
  return find() as ProcessId;
}

/** Puts until one put succeeds; returns how long that took. */
function msUntilServed(world: World, core: ClientCore, timeoutMs: number, limitMs: number): number {
  const startMs = world.nowMs;
  let served = false;
  const put = (): void => {
    core.submit({ type: 'put', key, value: key }, timeoutMs, (outcome) => {
      if (outcome instanceof KvorumError) world.schedule.after(1000, put);
      else served = true;
    });
  };
  put();
  expect(world.runUntil(() => served, limitMs)).toBe(true);
  return world.nowMs - startMs;
}

describe('a client', () => {
  // Its operations were over before any of them had waited long enough to give the connection up.
  it.each(SEEDS)('leaves a silent connection also when its own deadlines are short (seed %i)', (seed) => {
    const world = formed(seed);
    const { core } = world.client();
    msUntilServed(world, core, 5000, 5000);
    world.pause(leaderOf(world));
    expect(msUntilServed(world, core, 200, 60_000)).toBeLessThan(2500);
  });

  // Nobody took the request for a session, which is no operation, for a sign of silence.
  it.each(SEEDS)('leaves a silent connection also when it waits for a session there (seed %i)', (seed) => {
    const world = formed(seed);
    const { core, process } = world.client();
    const leader = leaderOf(world);
    let read = false;
    core.submit({ type: 'get', key }, 5000, () => (read = true));
    expect(world.runUntil(() => read, 5000)).toBe(true);
    world.network.cut(process, leader);
    expect(msUntilServed(world, core, 60_000, 60_000)).toBeLessThan(2500);
  });

  // Every few of its requests it tried the others again, and each time a request waited for that.
  it.each(SEEDS)(
    'asks by way of the one node it reaches, and finds the others when they are back (seed %i)',
    (seed) => {
      const world = formed(seed);
      const { core, process } = world.client();
      const leader = leaderOf(world);
      const [home] = world.processes.filter((other) => other !== leader) as [ProcessId];
      const cut = world.processes.filter((other) => other !== home);
      for (const other of cut) world.network.cut(process, other);
      msUntilServed(world, core, 5000, 5000);
      for (let second = 0; second < 8; second += 1) {
        expect(msUntilServed(world, core, 5000, 5000)).toBeLessThan(50);
        world.runFor(1000);
      }
      world.network.healAll();
      // The probe that is under way ends first.
      world.runFor(1500);
      msUntilServed(world, core, 5000, 5000);
      world.runFor(100);
      world.network.cut(process, home);
      expect(msUntilServed(world, core, 5000, 5000)).toBeLessThan(50);
    },
  );

  // It worked with one node only, and knew of the others what was true when it came.
  it.each(SEEDS)('at work learns where nodes have moved that it asks nothing (seed %i)', (seed) => {
    const world = formed(seed);
    const { core } = world.client();
    const leader = leaderOf(world);
    const [moved, down] = world.processes.filter((process) => process !== leader) as [ProcessId, ProcessId];
    msUntilServed(world, core, 5000, 5000);
    world.move(moved);
    world.start(moved);
    for (let second = 0; second < 8; second += 1) {
      msUntilServed(world, core, 5000, 5000);
      world.runFor(1000);
    }
    world.crash(down);
    world.move(leader);
    world.start(leader);
    expect(msUntilServed(world, core, 5000, 60_000)).toBeLessThan(2500);
  });
});
