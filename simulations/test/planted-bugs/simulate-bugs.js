/**
 * `npm run simulate:bugs`: plants each bug in turn, counts the seeds until it is caught, and writes the table of
 * docs/planted-bugs.md. With `--brief` it looks for the short runs that the test repeats instead; with `--stale` it finds
 * other runs for the bugs that their short runs do not catch any more. Whatever ends it, what it has found is noted.
 */
import { Command, InvalidArgumentError } from 'commander';
import { bugs } from './bugs/index.js';
import { inTurns, search } from './children.js';
import { searchNear } from './near-seeds.js';
import { RANDOM_SCHEDULES } from './plant.js';
import { Progress } from './progress.js';
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
  .option('--stale', 'only those that their short run does not catch any more; with --missing: those too')
  .option('--seeds <n>', 'give a bug up after so many seeds', positive, 10_000)
  .option('--seconds-max <s>', 'stop with a bug after so long; the same command goes on there', positive)
  .option('--jobs <n>', 'searches at a time', positive, 2)
  .option('--brief', 'look for short runs that catch the bugs, for the test')
  .parse()
  .opts();

const known = readFound();
const unknownNames = (flags.bug ?? []).filter((name) => !bugs.some((bug) => bug.name === name));
if (unknownNames.length > 0) {
  process.stderr.write(
    `there is no planted bug ${unknownNames.join(', ')}: simulations/test/planted-bugs/bugs has them\n`,
  );
  process.exit(1);
}
const progress = new Progress();
const lookFor = flags.stale ? renew : flags.brief ? findBrief : find;
const chosen = bugs.filter(isChosen);
const notCaught = [];
let noting = Promise.resolve();
const tasks = chosen.map((bug) => async () => {
  const result = await lookFor(bug, stopwatch()).catch((error) => void print(error.message));
  if (result?.tried !== undefined || result === undefined) notCaught.push(bug.name);
  // One at a time: each reads the file and writes it again.
  if (result !== undefined) noting = noting.then(() => noteFound({ [bug.name]: result }));
});
await Promise.all(inTurns(tasks, flags.jobs));
await noting;
await writeDocumentation();
if (!flags.brief && !flags.stale) print(table());
const missed = `${notCaught.length} of ${chosen.length} bugs were not caught: ${notCaught.join(', ')}`;
print(notCaught.length === 0 ? 'every bug was caught' : missed);
process.exitCode = notCaught.length === 0 ? 0 : 1;

function positive(text) {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('It takes a whole number from 1 on.');
  return value;
}

function isChosen(bug) {
  if (flags.bug !== undefined && !flags.bug.includes(bug.name)) return false;
  const record = known[bug.name];
  const isMissing = record?.[flags.brief ? 'brief' : 'seeds'] === undefined;
  if (!flags.stale) return !flags.missing || isMissing;
  // What was never caught is not stale but missing; what was cut short is to be gone on with.
  return record?.brief !== undefined || progress.nextSeed(bug) !== undefined || (flags.missing && isMissing);
}

/** How much of the time for one bug is left, seconds; undefined without a limit. */
function stopwatch() {
  const startMs = performance.now();
  return (share = 1) => flags.secondsMax && flags.secondsMax * share - (performance.now() - startMs) / 1000;
}

/** The recorded run and its neighbours, then other short runs, then whole ones. */
async function renew(bug, leftSeconds) {
  const { brief } = known[bug.name] ?? {};
  // Cut short the last time, in whole runs; or never caught.
  if (progress.nextSeed(bug) !== undefined || brief === undefined) return findWhole(bug, leftSeconds);
  // Other short runs and whole ones, if it comes to that, need time as well.
  const result = await search(bug, { ...searchNear(bug, known[bug.name]), wallSeconds: leftSeconds(0.25) });
  if (result.control?.length === 0) {
    const moved = result.seed === brief.seed ? 'still caught' : 'moved';
    print(
      `${bug.name}: ${moved}, seed ${result.seed}, ${brief.seconds ?? 'all'} simulated seconds, ${result.seconds} s`,
    );
    return { brief: { ...brief, seed: result.seed } };
  }
  return (await findBrief(bug, leftSeconds)) ?? findWhole(bug, leftSeconds);
}

/** A run of the scenario's own length, for the table and for the test. */
async function findWhole(bug, leftSeconds) {
  const result = await find(bug, leftSeconds);
  return result?.seeds === undefined ? result : { ...result, brief: { seed: result.seeds } };
}

/** From seed 1 on, or from where the last search was cut short, in runs of the scenario's own length. */
async function find(bug, leftSeconds) {
  const first = progress.nextSeed(bug) ?? 1;
  const result = await search(bug, { first, seeds: flags.seeds - first + 1, wallSeconds: leftSeconds() });
  const { seed, next, checkers, complaints, operations, seconds, control } = result;
  const figures = `${operations} operations, ${seconds} s`;
  if (seed === undefined && next <= flags.seeds) {
    progress.cutShort(bug, next);
    print(`${bug.name}: not caught before seed ${next} of ${bug.scenario}, ${figures}; the same command goes on there`);
    const isKnown = known[bug.name]?.seeds !== undefined && !flags.stale;
    return isKnown || next === 1 ? undefined : missedBy(bug, next - 1);
  }
  progress.ended(bug);
  if (seed === undefined) {
    print(`${bug.name}: not caught by ${flags.seeds} seeds of ${bug.scenario}, ${figures}`);
    return missedBy(bug, flags.seeds);
  }
  print(`${bug.name}: caught by seed ${seed} of ${bug.scenario}, ${figures}: ${complaints[0].split('\n')[0]}`);
  if (control.length > 0) {
    print(`  and without the bug: ${control[0]}`);
    return undefined;
  }
  return { seeds: seed, checkers, tried: undefined };
}

/** What was known of it is no longer true. */
function missedBy(bug, seeds) {
  const before = known[bug.name]?.tried ?? {};
  const tried = { ...before, [bug.scenario]: Math.max(seeds, before[bug.scenario] ?? 0) };
  return { seeds: undefined, checkers: undefined, brief: undefined, tried };
}

async function findBrief(bug, leftSeconds) {
  const { seeds, checkers } = known[bug.name] ?? {};
  if (seeds === undefined) return undefined;
  const seconds = bug.scenario === RANDOM_SCHEDULES ? [] : BRIEF_SECONDS.slice(seeds < LATE_SEEDS_MIN ? 0 : -1);
  const lengths = seconds.map((each) => ({ seconds: each, first: 1, seeds: BRIEF_SEEDS }));
  // Last of all the run that is known to catch it.
  for (const runs of [...lengths, { first: seeds, seeds: 1 }]) {
    // Whole runs, if it comes to that, need time as well.
    const result = await search(bug, { ...runs, checkers, wallSeconds: leftSeconds(flags.stale ? 0.5 : 1) });
    if (result.seed === undefined || result.control.length > 0) continue;
    print(`${bug.name}: seed ${result.seed}, ${runs.seconds ?? 'all'} simulated seconds, ${result.seconds} s`);
    return { brief: { seed: result.seed, seconds: runs.seconds } };
  }
  print(`${bug.name}: no short run catches it`);
  return undefined;
}
