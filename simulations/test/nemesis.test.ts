/** What faults leave behind: nothing after healing, and nothing in the choices of a run that leaves one out. */
import { describe, expect, it } from 'vitest';
import { Nemesis } from '../src/faults/nemesis.ts';
import { runScenario } from '../src/run/run.ts';
import { scenarios } from '../src/scenarios/index.ts';
import { World } from '../src/world/world.ts';

describe('healing', () => {
  it.each([
    ['a restart storm', (nemesis: Nemesis) => nemesis.storm(0, [300, 300, 300, 300])],
    ['a pause', (nemesis: Nemesis) => nemesis.pause(0, 700)],
    ['a crash of all nodes', (nemesis: Nemesis) => nemesis.crashAll(700)],
  ])('ends %s', (_name, inflict) => {
    const world = new World({ seed: 1, nodes: 3, partitions: 1, replication: 3 });
    const nemesis = new Nemesis(world);
    const notes: string[] = [];
    world.startAll();
    world.runFor(1000);
    inflict(nemesis);
    world.runFor(400);
    nemesis.heal();
    world.watch({ onNote: (line) => notes.push(line) });
    world.runFor(3000);
    expect(notes.filter((line) => /crashes|starts|stands still|goes on/.test(line))).toEqual([]);
    expect(world.processes.every((process) => world.node(process)?.healthy === true)).toBe(true);
  });
});

describe('a fault that is left out', () => {
  it('changes no choice of the others', () => {
    const chaos = scenarios.find(({ name }) => name === 'chaos-3');
    if (chaos === undefined) throw new Error('there is no chaos-3');
    const choices = (seed: number, without: readonly number[]): string[] =>
      runScenario(chaos, { seed, seconds: 60, without }).deeds.map(({ kind, text }) => `${kind}: ${text}`);
    let flips = 0;
    for (let seed = 1; seed <= 8; seed += 1) {
      const all = choices(seed, []);
      for (const [number, choice] of all.entries()) {
        if (!choice.startsWith('bit-flip')) continue;
        flips += 1;
        expect(choices(seed, [number])).toEqual(all);
      }
    }
    expect(flips).toBeGreaterThan(3);
  });
});
