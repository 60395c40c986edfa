/**
 * Where the recorded run of a bug is looked for: at its seed and at some after it, because a change of anything that draws
 * random numbers moves a bug to a seed nearby. Short runs may have more of them.
 */
import { RANDOM_SCHEDULES } from './plant.js';

const SCHEDULES = 200;
const SIMULATED_SECONDS = 600;
const SCENARIO_SEEDS_MIN = 10;

/** The search that repeats the recorded run: only the checkers that caught the bug before count. */
export function searchNear(bug, { brief, checkers }) {
  const runs = Math.max(SCENARIO_SEEDS_MIN, SIMULATED_SECONDS / (brief.seconds ?? Infinity));
  const seeds = bug.scenario === RANDOM_SCHEDULES ? SCHEDULES : runs;
  return { first: brief.seed, seeds, seconds: brief.seconds, checkers };
}
