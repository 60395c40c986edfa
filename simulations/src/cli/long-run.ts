/**
 * What `npm run simulate:long` does; returns the exit status.
 */
import { appendFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import type { Scenario } from '../run/run.ts';
import type { Output } from './console.ts';
import { INTERRUPTED } from './console.ts';
import { evidenceSection } from './evidence.ts';
import { count, several } from './figures.ts';
import type { LongRunFlags } from './long-run-flags.ts';
import { longRunText } from './long-run-flags.ts';
import type { LongRunState } from './long-run-state.ts';
import { loadState, removeState, saveState, UnreadableState } from './long-run-state.ts';
import type { PlannedTask } from './plan.ts';
import { plannedTasks, runsOf } from './plan.ts';
import { RunLog } from './run-log.ts';
import type { RunTask } from './run-tasks.ts';
import { runTasks } from './run-tasks.ts';
import type { Source } from './source.ts';
import { sameSource, sourceText } from './source.ts';
import { summaryText } from './summary.ts';
import { emptyTally, faultsNeverFired, marksNeverHit } from './tally.ts';

export const REPEAT_PERCENT = 5;
const SAVE_PAUSE_MS = 5000;

export interface LongRunSurroundings {
  readonly scenarios: readonly Scenario[];
  readonly lanes: readonly RunTask[];
  readonly interrupted: AbortSignal;
  readonly output: Output;
  readonly source: Source;
  readonly stateFile: URL;
  readonly evidenceFile: URL;
}

export async function longRun(flags: LongRunFlags, surroundings: LongRunSurroundings): Promise<number> {
  const { output, stateFile, interrupted, lanes, scenarios } = surroundings;
  const saved = savedState(flags, surroundings);
  if (typeof saved === 'string') {
    output.warn(`error: ${saved}`);
    return 1;
  }
  if (flags.appendNow && saved !== undefined) {
    append(saved, surroundings);
    return 0;
  }
  const state = saved ?? begin(flags, surroundings);
  state.processes = lanes.length;
  const wanted = runsOf(state.batches);
  if (saved !== undefined) output.print([`goes on after ${count(saved.done.size)} of ${several(wanted, 'seed')}`]);
  const commit = sourceText(state.source);
  const log = new RunLog({ scenarios, commit, wanted, tally: state.tally, output });
  const wallMsBefore = state.wallMs;
  let savedMs = 0;
  const save = (): void => {
    state.wallMs = wallMsBefore + log.elapsedMs;
    savedMs = log.elapsedMs;
    saveState(stateFile, state);
  };
  await runTasks(remaining(state), lanes, interrupted, (task, outcome) => {
    log.add(task, outcome);
    state.done.add(task.place);
    if (log.elapsedMs - savedMs >= SAVE_PAUSE_MS) save();
  });
  save();
  output.progress.end();
  output.print(summaryText(state.tally, { wanted, wallMs: state.wallMs, processes: lanes.length }));
  if (state.done.size < wanted) {
    output.print([`saved; to go on: ${longRunText(state.batches, scenarios)}`]);
    return INTERRUPTED;
  }
  append(state, surroundings);
  removeState(stateFile);
  const marks = marksNeverHit(state.tally);
  if (marks.length > 0) output.print([`FAILED: ${several(marks.length, 'coverage mark')} never hit`]);
  const faults = faultsNeverFired(state.tally);
  if (faults.length > 0) output.print([`FAILED: of some kinds of faults none fired: ${faults.join(', ')}`]);
  return log.allPassed && marks.length + faults.length === 0 ? 0 : 1;
}

function* remaining({ batches, repeatPercent, done }: LongRunState): Generator<PlannedTask> {
  for (const task of plannedTasks(batches, { repeatPercent, detailed: false })) if (!done.has(task.place)) yield task;
}

function begin(flags: LongRunFlags, { source }: LongRunSurroundings): LongRunState {
  return {
    source,
    batches: flags.batches,
    repeatPercent: REPEAT_PERCENT,
    done: new Set(),
    tally: emptyTally(),
    processes: flags.jobs,
    wallMs: 0,
  };
}

/** What it goes on from, if anything; a string says why it does not begin or go on. */
function savedState(flags: LongRunFlags, surroundings: LongRunSurroundings): LongRunState | string | undefined {
  try {
    const saved = flags.restart ? undefined : loadState(surroundings.stateFile);
    return refuse(flags, surroundings, saved) ?? saved;
  } catch (error) {
    if (error instanceof UnreadableState) return error.message;
    throw error;
  }
}

/** Why it does not begin or go on. */
function refuse(
  flags: LongRunFlags,
  { source, scenarios }: LongRunSurroundings,
  saved: LongRunState | undefined,
): string | undefined {
  if (flags.appendNow) return saved === undefined ? 'no long run was begun' : undefined;
  if (source.commit === undefined) return 'there is no commit to which the figures could belong';
  if (saved === undefined) return undefined;
  const choice = 'go back to it, or give up what it did with --restart';
  if (!sameSource(saved.source, source)) {
    return `the run was begun at ${sourceText(saved.source)}, this is ${sourceText(source)}: ${choice}`;
  }
  if (!isDeepStrictEqual(saved.batches, flags.batches)) {
    return `the run was begun as "${longRunText(saved.batches, scenarios)}": ${choice}`;
  }
  return undefined;
}

function append(state: LongRunState, { scenarios, evidenceFile, output }: LongRunSurroundings): void {
  const seeds = state.batches.map(({ scenario, firstSeed, seeds }) => [scenario, [firstSeed, firstSeed + seeds - 1]]);
  const section = evidenceSection({
    date: new Date().toISOString().slice(0, 10),
    commit: sourceText(state.source),
    command: longRunText(state.batches, scenarios),
    node: process.version,
    processes: state.processes,
    wallMs: state.wallMs,
    wanted: runsOf(state.batches),
    seeds: Object.fromEntries(seeds) as Record<string, readonly [number, number]>,
    tally: state.tally,
  });
  appendFileSync(evidenceFile, `\n${section}`);
  output.print([`added to ${fileURLToPath(evidenceFile)}`]);
}
