/** A node that dies in the middle of the formation, at any step of it, can be started again: the cluster is complete. */
import { describe, expect, it } from 'vitest';
import type { WorldOptions } from '../../src/world/world.ts';
import { World } from '../../src/world/world.ts';

const options: WorldOptions = { seed: 1, nodes: 3, partitions: 2, replication: 3 };

/** Starts everyone, and kills and restarts one process after so many steps of the world. */
function formWithCrash(steps: number, victim: number, downMs: number, seed: number): World {
  const world = new World({ ...options, seed });
  world.startAll();
  for (let step = 0; step < steps; step += 1) world.schedule.step();
  world.crash(victim);
  world.runFor(downMs);
  world.start(victim);
  return world;
}

const isFormed = (world: World): boolean =>
  world.processes.every((process) => world.node(process)?.status()['state'] === 'member') &&
  world.processes.every((process) => world.node(process)?.healthy === true);

/** How many steps an undisturbed formation takes. */
function stepsOfFormation(seed: number): number {
  const world = new World({ ...options, seed });
  world.startAll();
  let steps = 0;
  while (!world.processes.every((process) => world.node(process)?.status()['state'] === 'member')) {
    world.schedule.step();
    steps += 1;
  }
  return steps;
}

/** Whether a cluster is formed of exactly the processes that there are. */
function complaintOf(world: World): string | undefined {
  if (!world.runUntil(() => isFormed(world), 6000)) {
    return world.processes.map((process) => JSON.stringify(world.node(process)?.status()['state'])).join(' ');
  }
  const nodes = world.processes.map((process) => world.node(process));
  const ids = nodes.map((node) => node?.id).sort();
  if (ids.join() !== '1,2,3') return `ids ${ids.join()}`;
  const clusters = new Set(nodes.map((node) => node?.clusterId));
  return clusters.size === 1 ? undefined : `clusters ${[...clusters].join()}`;
}

describe('a crash during the formation', () => {
  it('of the bootstrap node, at any step', () => {
    const failed: string[] = [];
    const steps = stepsOfFormation(1);
    expect(steps).toBeGreaterThan(20);
    for (let step = 0; step <= steps + 5; step += 1) {
      for (const downMs of [0, 300]) {
        const complaint = complaintOf(formWithCrash(step, 0, downMs, 1));
        if (complaint !== undefined) failed.push(`step ${step}, down ${downMs} ms: ${complaint}`);
      }
    }
    expect(failed).toEqual([]);
  });

  // If it checked in before its identity is on disk and died in between, it would come back as another node:
  // the roster has a ghost, and one node that exists stays a spare.
  it('of a joining node, at any step', () => {
    const failed: string[] = [];
    for (const seed of [1, 2, 3]) {
      const steps = stepsOfFormation(seed);
      for (let step = 0; step <= steps; step += 1) {
        const complaint = complaintOf(formWithCrash(step, 2, 100, seed));
        if (complaint !== undefined) failed.push(`seed ${seed}, step ${step}: ${complaint}`);
      }
    }
    expect(failed).toEqual([]);
  });
});
