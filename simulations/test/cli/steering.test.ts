/** A search that goes after what few runs reach. */
import { describe, expect, it } from 'vitest';
import { formatBranches, parseBranches } from '../../src/cli/branches.ts';
import { Reach } from '../../src/cli/reach.ts';
import { Steering } from '../../src/cli/steering.ts';
import type { Task } from '../../src/cli/task.ts';
import { outcomeOf } from './outcomes.ts';

const batches = [{ scenario: 'chaos-3', firstSeed: 1, seeds: 200, options: { seconds: 60 } }];

/** Steers runs of which one seed alone reaches something at a time, unless its runs part before that. */
function steered(): { readonly tasks: Task[]; readonly rare: number } {
  const steering = new Steering(batches);
  const tasks: Task[] = [];
  let rare = 0;
  for (const task of steering.tasks(0)) {
    tasks.push(task);
    const { seed, branches = [] } = task.options;
    if (rare === 0 && seed > 7) rare = seed;
    const reachesIt = seed === rare && branches.every(({ atMs }) => atMs > 30_000);
    steering.learn(task, outcomeOf({ reached: { common: 100, ...(reachesIt ? { 'mark log-cut': 30_000 } : {}) } }));
  }
  return { tasks, rare };
}

describe('steering', () => {
  it('makes as many runs as were planned, some of them with seeds of their own', () => {
    const { tasks } = steered();
    expect(tasks).toHaveLength(200);
    expect(tasks.every(({ reached }) => reached)).toBe(true);
    const fresh = tasks.filter(({ options }) => options.branches === undefined);
    expect(fresh.length).toBeGreaterThan(30);
    expect(new Set(fresh.map(({ options }) => options.seed)).size).toBe(fresh.length);
  });

  it('goes after what is rare: most of the others part from the run that reached it, about then', () => {
    const { tasks, rare } = steered();
    const branched = tasks.slice(100).filter(({ options }) => options.branches !== undefined);
    const near = branched.filter(({ options }) => options.seed === rare);
    expect(near.length).toBeGreaterThan(branched.length * 0.6);
    for (const { options } of near) {
      const last = options.branches?.at(-1);
      if ((last?.atMs ?? 0) > 1000) expect(Math.abs((last?.atMs ?? 0) - 30_000)).toBeLessThanOrEqual(1000);
    }
  });

  it('is repeated exactly', () => {
    expect(steered()).toEqual(steered());
  });

  it('keeps branches in the order of time', () => {
    for (const { options } of steered().tasks) {
      const times = (options.branches ?? []).map(({ atMs }) => atMs);
      expect(times).toEqual([...new Set(times)].sort((a, b) => a - b));
    }
  });
});

describe('branches as flags', () => {
  it('are read as they are written', () => {
    const branches = [
      { atMs: 31_250, seed: 77, part: 'timing' },
      { atMs: 40_000, seed: 4_294_967_295, part: 'all' },
    ] as const;
    expect(formatBranches(branches)).toBe('31250:77:timing,40000:4294967295:all');
    expect(parseBranches(formatBranches(branches))).toEqual(branches);
  });

  it.each(['', '1:2', '1:2:what', '1:4294967296:all', '-1:2:all', '1:2:all,', '1.5:2:all'])('%s is none', (text) => {
    expect(parseBranches(text)).toBeUndefined();
  });
});

it('what is rare is told with the number of runs that reached it', () => {
  const reach = new Reach();
  for (let run = 0; run < 100; run += 1) {
    reach.add(outcomeOf({ reached: { common: 1, ...(run === 50 ? { 'mark log-cut': 9 } : {}) } }));
  }
  expect(reach.text()).toEqual([
    '',
    'reached: 1 coverage mark, 1 pair of a state and a message',
    '  mark log-cut  1 run',
  ]);
});
