/**
 * What many runs add up to. Plain data, so that a long run can save it; the order in which runs end makes no difference.
 */
import { faultKinds } from '../faults/nemesis.ts';
import { complaintKind } from './complaint-kind.ts';
import { milliseconds, percent } from './figures.ts';
import type { Outcome, Task } from './task.ts';

/** The longest time or the least share that was measured, and where. */
export interface Extreme {
  readonly value: number;
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
  /** Of what a bound is on, by its name, which tells what it is: ` ms` for a time, ` share` for a share. */
  readonly extremes: Record<string, Extreme>;
}

export interface Tally {
  readonly scenarios: Record<string, ScenarioTally>;
  readonly faults: Record<string, number>;
  readonly marks: Record<string, number>;
  /** Everything else that was counted, such as frames. */
  readonly counts: Record<string, number>;
}

const TIME = / ms$/;
const SHARE = / share$/;

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
    if (TIME.test(name) || SHARE.test(name)) note(sums.extremes, name, { value, seed: options.seed });
    else add(tally.counts, name, value);
  }
}

/** All scenarios together, but for what belongs to a seed. */
export function totalOf(tally: Tally): Omit<ScenarioTally, 'failures' | 'extremes'> {
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
    extremes: {},
  };
}

/** Keeps the one that is more extreme, of equal ones that of the lower seed. */
function note(extremes: Record<string, Extreme>, name: string, extreme: Extreme): void {
  const before = extremes[name];
  const further = before === undefined ? 1 : (extreme.value - before.value) * (SHARE.test(name) ? -1 : 1);
  if (further > 0 || (further === 0 && extreme.seed < (before?.seed ?? 0))) extremes[name] = extreme;
}

/** A row for each: such as `longest progress after healing`, `300 ms`, and the seed. */
export function extremeRows(tally: Tally): [scenario: string, name: string, value: string, seed: string][] {
  return Object.entries(tally.scenarios).flatMap(([scenario, { extremes }]) =>
    Object.entries(extremes).map(([name, { value, seed }]): [string, string, string, string] => {
      if (TIME.test(name)) return [scenario, `longest ${name.replace(TIME, '')}`, milliseconds(value), `${seed}`];
      return [scenario, `least ${name.replace(SHARE, '')}`, percent(value), `${seed}`];
    }),
  );
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
