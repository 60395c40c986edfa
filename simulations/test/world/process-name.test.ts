/** One numbering: what people read of a process is the id that its node has in the cluster. */
import { nodeName } from '@kvorum/common';
import { describe, expect, it } from 'vitest';
import type { Scenario } from '../../src/run/run.ts';
import { runScenario } from '../../src/run/run.ts';
import { isClient, processName, processNames } from '../../src/world/process-name.ts';
import { World } from '../../src/world/world.ts';

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];

function notesOf(world: World): string[] {
  const notes: string[] = [];
  world.watch({ onNote: (line) => notes.push(line) });
  return notes;
}

const isFormed = (world: World): boolean => world.processes.every((process) => world.node(process)?.healthy === true);

/** Two nodes start in the other order. */
function swapped(): { readonly world: World; readonly notes: readonly string[] } {
  const world = new World({ seed: 1, nodes: 3, partitions: 1, replication: 3 });
  const notes = notesOf(world);
  for (const process of [0, 2, 1]) {
    world.start(process);
    world.runFor(50);
  }
  expect(world.runUntil(() => isFormed(world), 3000)).toBe(true);
  return { world, notes };
}

describe('the name of a process', () => {
  it('is that of its node, or of a client', () => {
    expect([0, 4, 1000, 1003].map(processName)).toEqual(['n1', 'n5', 'client-0', 'client-3']);
    expect([0, 4, 1000].map(isClient)).toEqual([false, false, true]);
    const struck = [[0, 1, 2], [2, 1000], [1000, 1001, 1002], []];
    expect(struck.map((processes) => processNames(processes, 3))).toEqual([
      'all',
      'n3, client-0',
      'client-0, client-1, client-2',
      '',
    ]);
  });

  it.each(SEEDS)('is the id that its node gets in a scenario that forms its cluster in order, seed %i', (seed) => {
    let names: string[] = [];
    const forming: Scenario = {
      name: 'forming',
      summary: 'the cluster forms',
      nodes: 5,
      seconds: 1,
      run(run) {
        run.form();
        names = run.world.processes.map((process) => nodeName(run.world.node(process)?.id ?? 0));
      },
    };
    const { complaints, trace } = runScenario(forming, { seed, seconds: 1 });
    expect(complaints).toEqual([]);
    expect(names).toEqual(['n1', 'n2', 'n3', 'n4', 'n5']);
    expect(trace.filter((line) => line.includes('to the other nodes'))).toEqual([]);
  });

  it('is told apart from the id once, where the nodes started in another order', () => {
    const { world, notes } = swapped();
    expect(world.processes.map((process) => world.node(process)?.id)).toEqual([1, 3, 2]);
    world.crash(1);
    world.start(1);
    world.runFor(1000);
    const told = notes.filter((line) => line.includes('to the other nodes'));
    expect([...told].sort()).toEqual(['n2 is n3 to the other nodes', 'n3 is n2 to the other nodes']);
  });
});
