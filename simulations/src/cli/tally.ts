/**
 * What many runs add up to. Plain data, so that a long run can save it; the order in which runs end makes no difference.
 */
import { faultKinds } from '../faults/nemesis.ts';
import { complaintKind } from './complaint-kind.ts';
import type { Outcome, Task } from './task.ts';

export interface Longest {
  readonly ms: number;
  readonly seed: number;
}

export interface ScenarioTally {
  runs: number;
  passed: number;
  operations: number;
  /** Runs whose history could be neither proved nor refuted. */
  unknownVerdicts: number;
  faults: number;
  simulatedMs: number;
  /** Wall time of its runs, on whichever processes. */
  tookMs: number;
  repeated: number;
  repeatedAlike: number;
  /** By seed: the kind of the first complaint. */
  readonly failures: Record<string, string>;
  readonly longest: Record<string, Longest>;
}

export interface Tally {
  readonly scenarios: Record<string, ScenarioTally>;
  readonly faults: Record<string, number>;
  readonly marks: Record<string, number>;
  /** Everything else that was counted, such as frames. */
  readonly counts: Record<string, number>;
}

const TIME = / ms$/;

export function emptyTally(): Tally {
  return { scenarios: {}, faults: {}, marks: {}, counts: {} };
}

export function addOutcome(tally: Tally, { scenario, options }: Task, outcome: Outcome): void {
  const sums = (tally.scenarios[scenario] ??= emptyScenario());
  sums.runs += 1;
  sums.operations += outcome.checkedOperations;
  sums.simulatedMs += outcome.simulatedMs;
  sums.tookMs += outcome.tookMs;
  sums.faults += sum(outcome.faults);
  if (outcome.complaints.some((complaint) => complaint.startsWith('unknown:'))) sums.unknownVerdicts += 1;
  if (outcome.repeated) sums.repeated += 1;
  if (outcome.repeated && outcome.sameHash) sums.repeatedAlike += 1;
  const [complaint] = outcome.complaints;
  if (complaint === undefined) sums.passed += 1;
  else sums.failures[options.seed] = complaintKind(complaint);
  addAll(tally.faults, outcome.faults);
  addAll(tally.marks, outcome.marks);
  for (const [name, value] of Object.entries(outcome.counts)) {
    if (!TIME.test(name)) add(tally.counts, name, value);
    else note(sums.longest, name.replace(TIME, ''), { ms: value, seed: options.seed });
  }
}

/** All scenarios together, but for what belongs to a seed. */
export function totalOf(tally: Tally): Omit<ScenarioTally, 'failures' | 'longest'> {
  const total = emptyScenario();
  for (const sums of Object.values(tally.scenarios)) {
    total.runs += sums.runs;
    total.passed += sums.passed;
    total.operations += sums.operations;
    total.unknownVerdicts += sums.unknownVerdicts;
    total.faults += sums.faults;
    total.simulatedMs += sums.simulatedMs;
    total.tookMs += sums.tookMs;
    total.repeated += sums.repeated;
    total.repeatedAlike += sums.repeatedAlike;
  }
  return total;
}

export function marksNeverHit(tally: Tally): string[] {
  return Object.keys(tally.marks)
    .filter((name) => tally.marks[name] === 0)
    .sort();
}

export function faultsNeverFired(tally: Tally): string[] {
  return faultKinds.filter((kind) => (tally.faults[kind] ?? 0) === 0);
}

/** Ascending. */
export function failedSeeds({ failures }: ScenarioTally): number[] {
  return Object.keys(failures)
    .map(Number)
    .sort((a, b) => a - b);
}

function emptyScenario(): ScenarioTally {
  return {
    runs: 0,
    passed: 0,
    operations: 0,
    unknownVerdicts: 0,
    faults: 0,
    simulatedMs: 0,
    tookMs: 0,
    repeated: 0,
    repeatedAlike: 0,
    failures: {},
    longest: {},
  };
}

function note(longest: Record<string, Longest>, name: string, time: Longest): void {
  const before = longest[name];
  const earlier = time.ms === before?.ms && time.seed < before.seed;
  if (before === undefined || time.ms > before.ms || earlier) longest[name] = time;
}

function add(sums: Record<string, number>, name: string, value: number): void {
  sums[name] = (sums[name] ?? 0) + value;
}

function addAll(sums: Record<string, number>, values: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(values)) add(sums, name, value);
}

function sum(values: Readonly<Record<string, number>>): number {
  return Object.values(values).reduce((total, value) => total + value, 0);
}
