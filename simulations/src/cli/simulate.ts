/**
 * What `npm run simulate` does with its flags; returns the exit status.
 */
import type { Output } from './console.ts';
import { INTERRUPTED } from './console.ts';
import { reducedText } from './failure-text.ts';
import { count, several } from './figures.ts';
import type { Flags } from './flags.ts';
import { formatRanges } from './number-ranges.ts';
import { writePictures } from './pictures.ts';
import { plannedTasks, runsOf } from './plan.ts';
import { Reach } from './reach.ts';
import { RunLog } from './run-log.ts';
import type { RunTask } from './run-tasks.ts';
import { runTasks } from './run-tasks.ts';
import type { Failing } from './shrink.ts';
import { firedFaults, shrink } from './shrink.ts';
import { Steering } from './steering.ts';
import { summaryText } from './summary.ts';
import type { Tally } from './tally.ts';
import { emptyTally, marksNeverHit, totalOf } from './tally.ts';
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
  if (flags.seedOf !== undefined) {
    output.print([`seeds from ${flags.seed} on, by commit ${flags.seedOf}: --seed ${flags.seed} runs them again`]);
  }
  const steering = flags.steer ? new Steering(batches) : undefined;
  const reach = new Reach();
  const extras = { repeatPercent: flags.repeatPercent, detailed: flags.trace, reached: flags.reached };
  const tasks = steering?.tasks(flags.repeatPercent) ?? plannedTasks(batches, extras);
  await runTasks(tasks, lanes, AbortSignal.any([interrupted, enough.signal]), (task, outcome) => {
    if (flags.trace) output.print(outcome.trace);
    log.add(task, outcome);
    steering?.learn(task, outcome);
    reach.add(outcome);
    if (wanted === 1) {
      output.print([`trace hash ${outcome.traceHash}`]);
      output.print(withoutText(flags.overrides.without ?? [], outcome));
      drawn = draw(flags, surroundings, task, outcome);
    }
    if (!flags.shrink || outcome.complaints.length === 0) return;
    failing ??= { options: task.options, outcome };
    enough.abort();
  });
  output.progress.end();
  if (flags.shrink && failing !== undefined && !interrupted.aborted) await reduce(flags, surroundings, failing);
  else output.print(summaryText(log.tally, { wanted, wallMs: log.elapsedMs, processes: lanes.length }));
  if (flags.reached) output.print(reach.text());
  if (flags.shrink && failing === undefined) output.print(['no run failed: there is nothing to shrink']);
  if (interrupted.aborted) return INTERRUPTED;
  // Shrinking left seeds out, so nothing can be required of all runs together.
  if (failing !== undefined) return 1;
  const missing = shortcomings(flags, log.tally);
  output.print(missing.map((problem) => `FAILED: ${problem}`));
  return log.allPassed && drawn && missing.length === 0 ? 0 : 1;
}

/** What was required of all runs together and did not happen. */
function shortcomings({ requireMarks, rareMarks, requireOperations }: Flags, tally: Tally): string[] {
  const missed = requireMarks ? marksNeverHit(tally).filter((name) => !rareMarks.includes(name)) : [];
  const { operations } = totalOf(tally);
  return [
    ...(missed.length === 0 ? [] : [`${several(missed.length, 'coverage mark')} never hit: ${missed.join(', ')}`]),
    ...(operations >= requireOperations
      ? []
      : [`${several(operations, 'operation')} checked, ${count(requireOperations)} required`]),
  ];
}

/** Names the faults that were to be left out and did not occur anyway. */
function withoutText(without: readonly number[], { numberedFaults }: Outcome): string[] {
  if (numberedFaults === undefined) return [];
  const absent = without.filter((number) => number >= numberedFaults);
  if (absent.length === 0) return [];
  const numbers = numberedFaults === 0 ? 'no faults' : `the faults 0 to ${numberedFaults - 1} only`;
  return [`--without ${formatRanges(absent)} changed nothing: the run has ${numbers}`];
}

/** Draws what was asked for; false if it could not be written, or shows another run than the one that was checked. */
function draw({ chosen, pictures }: Flags, { output, commit }: Surroundings, task: Task, outcome: Outcome): boolean {
  const files = Object.values(pictures).filter((file) => file !== undefined);
  const [scenario] = chosen;
  if (files.length === 0 || scenario === undefined) return true;
  const { traceHash, written, problems } = writePictures(scenario, task.options, commit, pictures);
  output.print([...written.map((file) => `wrote ${file}`), ...problems.map((problem) => `FAILED: ${problem}`)]);
  if (traceHash === outcome.traceHash) return problems.length === 0;
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
        const faults = firedFaults(outcome).length;
        return `shrinking: ${several(runs, 'run')}, now ${options.seconds} s, ${several(faults, 'fault')}, ${several(options.nodes ?? scenario.nodes, 'node')}`;
      }),
  });
  output.progress.end();
  output.print(reducedText({ scenario, commit }, failing.outcome, reduced, performance.now() - startedMs));
}
