/**
 * One run as the command line orders it, and what it reports of it. Both are plain data, because they travel between
 * processes.
 */
import type { Deed } from '../faults/nemesis.ts';
import type { RunOptions, Scenario } from '../run/run.ts';
import { Reached } from '../run/reached.ts';
import { runScenario } from '../run/run.ts';

/** A smaller group has no majority left when it loses a node: it rightly makes no progress, and that looks like a bug. */
export const NODES_MIN = 3;

export interface Task {
  readonly scenario: string;
  readonly options: RunOptions;
  /** Made twice: the same seed must give the same trace hash. */
  readonly repeat: boolean;
  /** The faults and the trace are wanted even if nothing failed. */
  readonly detailed: boolean;
  /** What the run reaches is wanted. */
  readonly reached?: boolean;
}

export interface Outcome {
  /** What did not hold; empty for a pass. */
  readonly complaints: readonly string[];
  readonly traceHash: string;
  readonly simulatedMs: number;
  /** Wall time of the run, without its repetition. */
  readonly tookMs: number;
  readonly checkedOperations: number;
  /** Faults that were inflicted, by kind. */
  readonly faults: Readonly<Record<string, number>>;
  /** How many faults have numbers, from 0 on, whether they happened or not; undefined if the run came to no end. */
  readonly numberedFaults: number | undefined;
  readonly counts: Readonly<Record<string, number>>;
  /** Coverage marks; the ones that were not hit are there with 0. */
  readonly marks: Readonly<Record<string, number>>;
  /** When it first reached what, milliseconds; empty unless it was wanted. */
  readonly reached: Readonly<Record<string, number>>;
  readonly repeated: boolean;
  readonly sameHash: boolean;
  /** These two are empty unless the run failed or they were asked for. */
  readonly deeds: readonly Deed[];
  readonly trace: readonly string[];
}

export const NOT_REPEATABLE = 'not repeatable';

export function performTask(scenario: Scenario, task: Task): Outcome {
  const startedMs = performance.now();
  const { watched, reached } = watching(scenario, task.options.branches?.at(-1)?.atMs ?? 0);
  const result = runScenario(task.reached === true ? watched : scenario, task.options);
  const tookMs = performance.now() - startedMs;
  const complaints = [...result.complaints];
  const second = task.repeat ? runScenario(scenario, task.options).traceHash : result.traceHash;
  const sameHash = second === result.traceHash;
  if (!sameHash) complaints.push(`${NOT_REPEATABLE}: the trace hash was ${result.traceHash}, then ${second}`);
  const detailed = task.detailed || complaints.length > 0;
  return {
    complaints,
    traceHash: result.traceHash,
    simulatedMs: result.simulatedMs,
    tookMs,
    checkedOperations: result.figures?.checkedOperations ?? 0,
    faults: countFaults(result.deeds),
    numberedFaults: result.deeds.length,
    counts: finite(result.counts),
    marks: result.marks,
    reached: reached(),
    repeated: task.repeat,
    sameHash,
    deeds: detailed ? result.deeds : [],
    trace: detailed ? result.trace : [],
  };
}

/** The scenario, of whose run it can be told what it reached from then on. */
function watching(
  scenario: Scenario,
  fromMs: number,
): { readonly watched: Scenario; readonly reached: () => Outcome['reached'] } {
  let reached: Reached | undefined;
  const run: Scenario['run'] = (run) => {
    reached = new Reached(run.world, fromMs);
    try {
      scenario.run(run);
    } finally {
      reached.noteMarks();
    }
  };
  return { watched: { ...scenario, run }, reached: () => reached?.firstMs ?? {} };
}

/** The outcome of a run that came to no end. */
export function unfinished(task: Task, complaint: string): Outcome {
  return {
    complaints: [complaint],
    traceHash: 'none',
    simulatedMs: 0,
    tookMs: 0,
    checkedOperations: 0,
    faults: {},
    numberedFaults: undefined,
    counts: {},
    marks: {},
    reached: {},
    repeated: task.repeat,
    sameHash: !task.repeat,
    deeds: [],
    trace: [],
  };
}

function countFaults(deeds: readonly Deed[]): Record<string, number> {
  const faults: Record<string, number> = {};
  for (const { kind, fired } of deeds) if (fired) faults[kind] = (faults[kind] ?? 0) + 1;
  return faults;
}

/** An operation that never returned took no time that could be compared; it is a complaint. */
function finite(counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([, value]) => Number.isFinite(value)));
}
