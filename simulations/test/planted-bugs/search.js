/**
 * Runs a scenario with one bug planted, seed by seed, until a run has complaints of the expected kind; then the same run
 * without the bug.
 * Prints one line of JSON. `node search.js NAME [first seed] [seeds] [seconds]`
 */
import { bugs } from './bugs/index.js';
import { checkerOf, checkersOf, fits } from './checkers.js';
import { plant } from './plant.js';

const [name, first = '1', seeds = '10000', seconds] = process.argv.slice(2);
const bug = bugs.find((candidate) => candidate.name === name);
if (bug === undefined) throw new Error(`there is no planted bug ${name}`);
const secondsEach = seconds === undefined ? undefined : Number(seconds);

const startedMs = performance.now();
const { planted, unchanged } = plant(bug);
const run = await planted();
let found;
let operations = 0;
const misfits = [];
for (let seed = Number(first); seed < Number(first) + Number(seeds) && found === undefined; seed += 1) {
  const result = run(bug.scenario, seed, secondsEach);
  operations += result.figures?.calls ?? 0;
  if (result.complaints.length === 0) continue;
  // A complaint of another kind may have another reason: a run with the bug is not the run without it.
  if (checkersOf(result.complaints).some((checker) => fits(checker, bug.breaks))) found = result;
  else misfits.push(`seed ${seed}: ${result.complaints[0]}`);
}
const tookMs = performance.now() - startedMs;
const control = found && (await unchanged())(bug.scenario, found.seed, secondsEach);
process.stdout.write(
  `${JSON.stringify({
    name,
    seed: found?.seed,
    checkers: found && checkersOf(found.complaints).filter((checker) => fits(checker, bug.breaks)),
    complaints: found?.complaints
      .filter((complaint) => fits(checkerOf(complaint), bug.breaks))
      .map((complaint) => complaint.slice(0, 1000)),
    /** Of runs that were checked to their end. */
    operations,
    seconds: Math.round(tookMs / 100) / 10,
    control: control?.complaints,
    misfits,
  })}\n`,
);
