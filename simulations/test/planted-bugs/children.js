/** Searches in processes of their own: a planted bug may do anything to the process that it runs in. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { changedSources } from './changed-sources.js';

const script = fileURLToPath(new URL('search.js', import.meta.url));
/** A search ends with a run: so long one may take, and the same without the bug. A planted bug may make it endless. */
const LAST_RUNS_MS = 180_000;

/**
 * Looks for the bug in `seeds` seeds from `first` on. `seconds`: simulated ones of each run, instead of the scenario's own.
 * `checkers`: only their complaints count, instead of any that fits the bug. `wallSeconds`: no more runs after so long.
 * The result is that of search.js.
 */
export async function search(bug, { first = 1, seeds, seconds, checkers, wallSeconds }) {
  const asked = JSON.stringify({ bug, sources: changedSources(bug), first, seeds, seconds, checkers, wallSeconds });
  return new Promise((resolve, reject) => {
    const timeout = wallSeconds === undefined ? 0 : Math.ceil(Math.max(0, wallSeconds) * 1000) + LAST_RUNS_MS;
    const child = execFile(process.execPath, [script], { maxBuffer: 2 ** 26, timeout }, (error, stdout, stderr) => {
      const reason = error?.killed ? 'a run of it does not end' : stderr || error?.message;
      if (error) reject(new Error(`the search for ${bug.name} ended without a result: ${reason}`));
      else resolve(JSON.parse(stdout));
    });
    child.stdin.end(asked);
  });
}

/** Runs the tasks, so many at a time; gives the promises of their results at once. */
export function inTurns(tasks, jobs) {
  const lanes = Array.from({ length: jobs }, () => Promise.resolve());
  return tasks.map((task, place) => {
    const lane = place % jobs;
    const result = lanes[lane].then(task);
    lanes[lane] = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  });
}
