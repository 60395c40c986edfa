/**
 * What `npm run simulate` does with its flags; returns the exit status.
 */
import type { Output } from './console.ts';
import { INTERRUPTED } from './console.ts';
import { reducedText } from './failure-text.ts';
import { several } from './figures.ts';
import type { Flags } from './flags.ts';
import { writePictures } from './pictures.ts';
import { plannedTasks, runsOf } from './plan.ts';
import { RunLog } from './run-log.ts';
import type { RunTask } from './run-tasks.ts';
import { runTasks } from './run-tasks.ts';
import type { Failing } from './shrink.ts';
import { shrink } from './shrink.ts';
import { summaryText } from './summary.ts';
import { emptyTally, marksNeverHit } from './tally.ts';
import type { Outcome, Task } from './task.ts';
import { NOT_REPEATABLE } from './task.ts';

export interface Surroundings {
  /** One for each process. */
  readonly lanes: readonly RunTask[];
  readonly interrupted: AbortSignal;
  readonly output: Output;
  readonly commit: string;
}

export async function simulate(flags: Flags, surroundings: Surroundings): Promise<number> {
  const { output, lanes, interrupted, commit } = surroundings;
  const batches = flags.chosen.map(({ name, seconds }) => ({
    scenario: name,
    firstSeed: flags.seed,
    seeds: flags.seeds,
    options: { seconds, ...flags.overrides },
  }));
  const wanted = runsOf(batches);
  const log = new RunLog({ scenarios: flags.chosen, commit, wanted, tally: emptyTally(), output });
  // The first failure is enough to shrink.
  const enough = new AbortController();
  let failing: Failing | undefined;
  let drawn = true;
  const tasks = plannedTasks(batches, { repeatPercent: flags.repeatPercent, detailed: flags.trace });
  await runTasks(tasks, lanes, AbortSignal.any([interrupted, enough.signal]), (task, outcome) => {
    if (flags.trace) output.print(outcome.trace);
    log.add(task, outcome);
    if (wanted === 1) {
      output.print([`trace hash ${outcome.traceHash}`]);
      drawn = draw(flags, surroundings, task, outcome);
    }
    if (!flags.shrink || outcome.complaints.length === 0) return;
    failing ??= { options: task.options, outcome };
    enough.abort();
  });
  output.progress.end();
  if (flags.shrink && failing !== undefined && !interrupted.aborted) await reduce(flags, surroundings, failing);
  else output.print(summaryText(log.tally, { wanted, wallMs: log.elapsedMs, processes: lanes.length }));
  if (flags.shrink && failing === undefined) output.print(['no run failed: there is nothing to shrink']);
  if (interrupted.aborted) return INTERRUPTED;
  const missed = flags.requireMarks ? marksNeverHit(log.tally) : [];
  if (missed.length > 0) output.print([`FAILED: ${several(missed.length, 'coverage mark')} never hit`]);
  return log.allPassed && drawn && missed.length === 0 ? 0 : 1;
}

/** Draws what was asked for; false if the run that was drawn is not the one that was checked. */
function draw({ chosen, pictures }: Flags, { output, commit }: Surroundings, task: Task, outcome: Outcome): boolean {
  const files = Object.values(pictures).filter((file) => file !== undefined);
  const [scenario] = chosen;
  if (files.length === 0 || scenario === undefined) return true;
  const traceHash = writePictures(scenario, task.options, commit, pictures);
  output.print(files.map((file) => `wrote ${file}`));
  if (traceHash === outcome.traceHash) return true;
  output.print([`FAILED: what was drawn is another run, with the trace hash ${traceHash}`]);
  return false;
}

async function reduce(flags: Flags, { output, lanes, commit }: Surroundings, failing: Failing): Promise<void> {
  const [scenario] = flags.chosen;
  const [lane] = lanes;
  if (scenario === undefined || lane === undefined) return;
  const startedMs = performance.now();
  // Whether a run is repeatable shows only when it is repeated.
  const repeat = failing.outcome.complaints[0]?.startsWith(NOT_REPEATABLE) === true;
  const reduced = await shrink(failing, {
    nodes: scenario.nodes,
    run: (options) => lane({ scenario: scenario.name, options, repeat, detailed: true }),
    onRun: (runs, best) =>
      output.progress.update(() => {
        const { options, outcome } = best;
        const faults = outcome.deeds.filter((deed) => !deed.spared).length;
        return `shrinking: ${several(runs, 'run')}, now ${options.seconds} s, ${several(faults, 'fault')}, ${several(options.nodes ?? scenario.nodes, 'node')}`;
      }),
  });
  output.progress.end();
  output.print(reducedText({ scenario, commit }, failing.outcome, reduced, performance.now() - startedMs));
}
