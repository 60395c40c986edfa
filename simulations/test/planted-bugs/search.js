/**
 * Runs a scenario with one bug planted, seed by seed, until a run has complaints of the expected kind; then the same run
 * without the bug. What to look for is read from standard input, see children.js; the result is one line of JSON.
 */
import { readFileSync } from 'node:fs';
import { checkerOf, checkersOf, fits } from './checkers.js';
import { plant } from './plant.js';

const { bug, sources, first, seeds, seconds, checkers, wallSeconds } = JSON.parse(readFileSync(0, 'utf8'));
/** A complaint of another kind may have another reason: a run with the bug is not the run without it. */
const counts = (checker) => fits(checker, bug.breaks) && (checkers?.includes(checker) ?? true);

const startedMs = performance.now();
const tookSeconds = () => (performance.now() - startedMs) / 1000;
const isTimeLeft = () => wallSeconds === undefined || tookSeconds() < wallSeconds;
const { planted, unchanged } = plant(bug, sources);
const run = await planted();
let found;
let operations = 0;
let next = first;
const misfits = [];
for (; next < first + seeds && found === undefined && isTimeLeft(); next += 1) {
  const result = run(bug.scenario, next, seconds);
  operations += result.figures?.calls ?? 0;
  if (result.complaints.length === 0) continue;
  if (checkersOf(result.complaints).some(counts)) found = result;
  else misfits.push(`seed ${next}: ${result.complaints[0]}`);
}
const searchedSeconds = Math.round(tookSeconds() * 10) / 10;
const control = found && (await unchanged())(bug.scenario, found.seed, seconds);
process.stdout.write(
  `${JSON.stringify({
    seed: found?.seed,
    checkers: found && checkersOf(found.complaints).filter((checker) => fits(checker, bug.breaks)),
    complaints: found?.complaints
      .filter((complaint) => fits(checkerOf(complaint), bug.breaks))
      .map((complaint) => complaint.slice(0, 1000)),
    /** The first seed that was not run. */
    next,
    /** Of runs that were checked to their end. */
    operations,
    seconds: searchedSeconds,
    control: control?.complaints,
    misfits,
  })}\n`,
);
