/**
 * Log time is what has passed by the monotonic clocks of those who propose. It used to be the highest wall clock of a leader: one
 * entry of a leader an hour ahead expired every session, and then time stood still until the true hour had passed.
 */
import { encodeUtf8, KvorumError } from '@kvorum/common';
import type { ClientCore } from '@kvorum/client/core';
import { describe, expect, it } from 'vitest';
import { settingsWith } from '@kvorum/common';
import type { ProcessId } from '../src/world/network.ts';
import { World } from '../src/world/world.ts';

const HOUR_MS = 3_600_000;
const key = encodeUtf8('key');

function formed(seed: number, sessionIdleMs: number): World {
  const settings = settingsWith({ timings: { sessionIdleMs } });
  const world = new World({ seed, nodes: 3, partitions: 1, replication: 3, settings });
  world.startAll();
  expect(world.runUntil(() => world.processes.every((p) => world.node(p)?.healthy === true), 3000)).toBe(true);
  return world;
}

function leaderOf(world: World): ProcessId {
  const find = (): ProcessId | undefined => world.up.find((process) => world.node(process)?.group(1)?.serves === true);
  expect(world.runUntil(() => find() !== undefined, 3000)).toBe(true);
  return find() as ProcessId;
}

/** The session of the client's group; a put opens one if there is none. */
function put(world: World, core: ClientCore): void {
  let outcome: unknown;
  core.submit({ type: 'put', key, value: key }, 5000, (result) => (outcome = result));
  expect(world.runUntil(() => outcome !== undefined, 6000)).toBe(true);
  expect(outcome).not.toBeInstanceOf(KvorumError);
}

function sessions(world: World): unknown {
  const status = world.node(leaderOf(world))?.status() as { groups: { group: number; sessions: number }[] };
  return status.groups.find(({ group }) => group === 1)?.sessions;
}

describe('a session', () => {
  it.each([1, 2, 3])('outlives a wall clock that jumps by an hour, and the next leader (seed %i)', (seed) => {
    const world = formed(seed, 60_000);
    const { core } = world.client();
    put(world, core);
    for (const jumpMs of [HOUR_MS, -2 * HOUR_MS, 24 * HOUR_MS]) {
      world.moveWallClock(leaderOf(world), jumpMs);
      put(world, core);
      const leader = leaderOf(world);
      world.crash(leader);
      world.runFor(1000);
      put(world, core);
      world.start(leader);
      world.runFor(1000);
    }
    expect(sessions(world)).toBe(1);
  });

  it.each([1, 2, 3])('that nobody uses expires in time nevertheless (seed %i)', (seed) => {
    const world = formed(seed, 20_000);
    put(world, world.client().core);
    const { core } = world.client();
    world.moveWallClock(leaderOf(world), 24 * HOUR_MS);
    for (let second = 0; second < 17; second += 1) {
      put(world, core);
      world.runFor(1000);
    }
    expect(sessions(world)).toBe(2);
    for (let second = 0; second < 6; second += 1) {
      put(world, core);
      world.runFor(1000);
    }
    expect(sessions(world)).toBe(1);
  });

  it.each([1, 2, 3])('does not age while its group has no majority (seed %i)', (seed) => {
    const world = formed(seed, 20_000);
    const { core } = world.client();
    put(world, core);
    const leader = leaderOf(world);
    const others = world.processes.filter((process) => process !== leader);
    for (const process of others) world.crash(process);
    world.runFor(60_000);
    for (const process of others) world.start(process);
    world.runFor(3000);
    put(world, core);
    expect(sessions(world)).toBe(1);
    world.pause(leaderOf(world));
    world.runFor(60_000);
    for (const process of world.processes) world.resume(process);
    world.runFor(1000);
    put(world, core);
    expect(sessions(world)).toBe(1);
  });
});
