/** Searches in processes of their own: a planted bug may do anything to the process that it runs in. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('search.js', import.meta.url));

/** What a search found; without `seed` if it found nothing. */
export function search(bug, firstSeed, seeds, seconds) {
  const args = [script, bug.name, firstSeed, seeds, ...(seconds === undefined ? [] : [seconds])].map(String);
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`the search for ${bug.name} ended without a result: ${stderr || error.message}`));
      else resolve(JSON.parse(stdout));
    });
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
