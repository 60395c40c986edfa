/** Which runs are made twice. */
import { expect, it } from 'vitest';
import { plannedTasks } from '../../src/cli/plan.ts';

function repeatedSeeds(seeds: number, repeatPercent: number): number[] {
  const batches = ['chaos-3', 'chaos-5'].map((scenario) => ({
    scenario,
    firstSeed: 1,
    seeds,
    options: { seconds: 1 },
  }));
  const tasks = [...plannedTasks(batches, { repeatPercent, detailed: false })].filter(({ repeat }) => repeat);
  const [first = [], second] = batches.map(({ scenario }) =>
    tasks.filter((task) => task.scenario === scenario).map(({ options }) => options.seed),
  );
  expect(second).toEqual(first);
  return first;
}

it.each([
  [1, 1, [1]],
  [30, 1, [30]],
  [100, 1, [100]],
  [101, 1, [51, 101]],
  [250, 1, [84, 167, 250]],
  [4, 50, [2, 4]],
  [3, 100, [1, 2, 3]],
  [30, 0, []],
])('of %i seeds of each scenario at %i %%: %j', (seeds, percent, repeated) => {
  expect(repeatedSeeds(seeds, percent)).toEqual(repeated);
});
