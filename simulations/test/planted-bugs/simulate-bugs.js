/**
 * `npm run simulate:bugs`: plants each bug in turn, counts the seeds until it is caught, and writes the table of
 * docs/planted-bugs.md. With `--brief` it looks for the short runs that the test repeats instead.
 */
import { Command } from 'commander';
import { bugs } from './bugs/index.js';
import { inTurns, search } from './children.js';
import { checkFit, RANDOM_SCHEDULES } from './plant.js';
import { noteFound, readFound, table, writeDocumentation } from './records.js';

/** Simulated seconds of a brief run, for bugs that are caught soon and for the others; and how many seeds are tried. */
const BRIEF_SECONDS = [5, 10, 20];
const LATE_SEEDS_MIN = 8;
const BRIEF_SEEDS = 30;

const print = (line) => void process.stdout.write(`${line}\n`);

const flags = new Command('simulate:bugs')
  .description('Plants known bugs in the compiled code and counts the seeds until the simulator catches them.')
  .option('--bug <names...>', 'these only (default: all)')
  .option('--missing', 'only those that nothing is known of yet')
  .option('--seeds <n>', 'give up after so many', Number, 10_000)
  .option('--jobs <n>', 'searches at a time', Number, 2)
  .option('--brief', 'look for short runs that catch the bugs, for the test')
  .parse()
  .opts();

const known = readFound();
const isMissing = ({ name }) => known[name]?.[flags.brief ? 'brief' : 'seeds'] === undefined;
const chosen = bugs.filter(
  (bug) => (flags.bug?.includes(bug.name) ?? true) && (flags.missing === undefined || isMissing(bug)),
);
checkFit(bugs);
let failures = 0;
let noting = Promise.resolve();
const tasks = chosen.map((bug) => async () => {
  const result = flags.brief ? await findBrief(bug) : await find(bug);
  if (result?.tried !== undefined || result === undefined) failures += 1;
  // One at a time: each reads the file and writes it again.
  if (result !== undefined) noting = noting.then(() => noteFound({ [bug.name]: result }));
});
await Promise.all(inTurns(tasks, flags.jobs));
await noting;
await writeDocumentation();
if (!flags.brief) print(table());
print(failures === 0 ? 'every bug was caught' : `${failures} of ${chosen.length} bugs were not caught`);
process.exitCode = failures === 0 ? 0 : 1;

/** From seed 1 on, in runs of the scenario's own length. */
async function find(bug) {
  const { seed, checkers, complaints, operations, seconds, control } = await search(bug, 1, flags.seeds);
  const figures = `${operations} operations, ${seconds} s`;
  if (seed === undefined) {
    print(`${bug.name}: not caught by ${flags.seeds} seeds of ${bug.scenario}, ${figures}`);
    // What was known of it is no longer true.
    return {
      seeds: undefined,
      checkers: undefined,
      brief: undefined,
      tried: { ...known[bug.name]?.tried, [bug.scenario]: flags.seeds },
    };
  }
  print(`${bug.name}: caught by seed ${seed} of ${bug.scenario}, ${figures}: ${complaints[0].split('\n')[0]}`);
  if (control.length > 0) {
    print(`  and without the bug: ${control[0]}`);
    return undefined;
  }
  return { seeds: seed, checkers, tried: undefined };
}

async function findBrief(bug) {
  const { seeds, checkers } = known[bug.name] ?? {};
  if (seeds === undefined) return undefined;
  const seconds = bug.scenario === RANDOM_SCHEDULES ? [] : BRIEF_SECONDS.slice(seeds < LATE_SEEDS_MIN ? 0 : -1);
  const lengths = seconds.map((each) => [each, 1, BRIEF_SEEDS]);
  // Last of all the run that is known to catch it.
  for (const [seconds, first, count] of [...lengths, [undefined, seeds, 1]]) {
    const result = await search(bug, first, count, seconds);
    const same = result.checkers?.some((checker) => checkers.includes(checker));
    if (!same || result.control.length > 0) continue;
    print(`${bug.name}: seed ${result.seed}, ${seconds ?? 'all'} simulated seconds, ${result.seconds} s`);
    return { brief: { seed: result.seed, seconds } };
  }
  print(`${bug.name}: no short run catches it`);
  return undefined;
}
