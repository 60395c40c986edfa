/**
 * Plants a bug: makes a copy of the compiled project with it available to `import` in this process. No file changes.
 */
import { register } from 'node:module';
import { root } from './compiled.js';
import { plantedUrl } from './hooks.js';

/** In place of a scenario of the simulator. */
export const RANDOM_SCHEDULES = 'random-schedules';
const SCHEDULE_STEPS = 2000;
const MEMBERS = [
  [7, 2, 40],
  [3, 9, 1, 12, 5],
];

/** `sources` are the changed ones by url. Returns what runs the bug's scenario with the bug, and what does without it. */
export function plant(bug, sources) {
  const planted = new Map(Object.entries(sources).map(([url, source]) => [plantedUrl(url, bug.name), source]));
  register('./hooks.js', import.meta.url, { data: { root: root.href, sources: planted } });
  const importScenario = bug.scenario === RANDOM_SCHEDULES ? importSchedules : importSimulations;
  return {
    planted: () => importScenario((url) => plantedUrl(url, bug.name), bug),
    unchanged: () => importScenario((url) => url, bug),
  };
}

/** Random schedules of the log alone, as the tests of the consensus package run them, but longer. */
async function importSchedules(urlOf) {
  const { runSchedule } = await import(urlOf(new URL('packages/consensus/test/schedule.ts', root).href));
  return (_, seed) => {
    try {
      const { acknowledged, readsServed } = runSchedule(MEMBERS[seed % MEMBERS.length], seed, SCHEDULE_STEPS);
      return { complaints: [], figures: { calls: acknowledged + readsServed } };
    } catch ({ cause }) {
      const isComplaint = cause.constructor.name === 'Error';
      return { seed, complaints: [isComplaint ? cause.message : `threw ${cause.constructor.name}: ${cause.message}`] };
    }
  };
}

async function importSimulations(urlOf, { turnUsMax }) {
  const load = (file) => import(urlOf(new URL(`simulations/dist/${file}`, root).href));
  const [{ runScenario }, { scenarios }] = await Promise.all([load('run/run.js'), load('scenarios/index.js')]);
  return (name, seed, seconds) => {
    const scenario = scenarios.find((candidate) => candidate.name === name);
    if (scenario === undefined) throw new Error(`there is no scenario ${name}`);
    return runScenario(scenario, { seed, seconds: seconds ?? scenario.seconds, turnUsMax });
  };
}
