/**
 * The history of one key, prepared for the search: events in one total order, calls turned into steps.
 *
 * Three reductions happen here, each of which leaves the verdict as it is:
 * - A value that no step asks for (nobody read it, no cas expects it) is like any other such value: all of them become
 *   UNSEEN.
 * - Indeterminate writes with equal steps are interchangeable once both are invoked: they form one `OptionalWrite`,
 *   whose members are used up in the order of their invocations.
 * - When an indeterminate write is the only writer of its value and somebody read that value with its version, then
 *   this is the version the write got, if the history is linearizable at all.
 */

import type { Call } from './history.ts';
import { ABSENT, FIRST_VALUE, UNSEEN, stepOf, versionAfter, type Step } from './model.ts';

/** Indeterminate writes that do the same; each may take effect once, after its invocation, or never. */
export interface OptionalWrite {
  readonly step: Step;
  /** Of each member, ascending: the position of its invocation, and its index in the recorded history. */
  readonly invokedAt: number[];
  readonly indices: number[];
}

export interface KeyHistory {
  /** The definite operations, by invocation. Positions number the events of the key from 1. */
  readonly steps: readonly Step[];
  readonly indices: readonly number[];
  readonly invokedAt: Int32Array;
  readonly returnedAt: Int32Array;
  readonly eventCount: number;
  readonly optional: readonly OptionalWrite[];
}

/**
 * Invocations and definite returns of the given calls in real-time order, each as `2 * n` for the invocation of
 * `indices[n]` and `2 * n + 1` for its return: a long run has too many of them for an object each.
 */
export function eventsOf(calls: readonly Call[], indices: readonly number[]): number[] {
  const events: number[] = [];
  const at = new Float64Array(2 * indices.length);
  const order = new Float64Array(2 * indices.length);
  const ordered = indices.every((index) => calls[index]!.order !== undefined);
  indices.forEach((index, n) => {
    const call = calls[index]!;
    requireTimes(call, index);
    at[2 * n] = call.invokedAt;
    at[2 * n + 1] = call.returnedAt;
    order[2 * n] = ordered ? call.order![0] : 0;
    order[2 * n + 1] = ordered ? call.order![1] : 1;
    events.push(2 * n);
  });
  // Calls are recorded when they end, so the returns are mostly one ascending run, which the sort makes use of.
  indices.forEach((index, n) => {
    if (calls[index]!.result !== 'unknown') events.push(2 * n + 1);
  });
  return events.sort((a, b) => at[a]! - at[b]! || order[a]! - order[b]! || a - b);
}

function requireTimes(call: Call, index: number): void {
  const [invoked, returned] = call.order ?? [0, 1];
  const valid = Number.isSafeInteger(call.invokedAt) && Number.isSafeInteger(invoked);
  const validReturn =
    Number.isSafeInteger(call.returnedAt) &&
    call.returnedAt >= call.invokedAt &&
    Number.isSafeInteger(returned) &&
    returned > invoked;
  if (!valid || (call.result !== 'unknown' && !validReturn)) {
    throw new RangeError(`call ${index} (client ${call.client}, ${call.kind} ${call.key}) has impossible times`);
  }
}

export function prepareKey(calls: readonly Call[], indices: readonly number[]): KeyHistory {
  const values = new Map<string, number>();
  const intern = (value: string): number => {
    const known = values.get(value);
    if (known !== undefined) return known;
    values.set(value, values.size + FIRST_VALUE);
    return values.size + FIRST_VALUE - 1;
  };
  const checked: number[] = [];
  const steps: Step[] = [];
  for (const index of indices) {
    const step = stepOf(calls[index]!, intern);
    if (step === undefined) continue;
    checked.push(index);
    steps.push(step);
  }
  pinVersions(steps, values.size + FIRST_VALUE);
  return layOut(calls, checked, steps);
}

function pinVersions(steps: readonly Step[], values: number): void {
  const isWanted = new Uint8Array(values);
  const writers = new Int32Array(values);
  const observed = new Float64Array(values);
  isWanted[ABSENT] = 1;
  for (const step of steps) {
    if (step.needValue >= 0) isWanted[step.needValue] = 1;
    if (step.writes) writers[step.nextValue]!++;
    else if (step.needValue >= 0) observed[step.needValue] = step.needVersion;
  }
  for (const step of steps) {
    if (!step.writes) continue;
    if (isWanted[step.nextValue] === 0) step.nextValue = UNSEEN;
    else if (versionAfter(step) === 0 && step.nextValue !== ABSENT && writers[step.nextValue] === 1) {
      step.nextVersion = observed[step.nextValue]!;
    }
  }
}

/** `steps` are those of the calls at `checked`. */
function layOut(calls: readonly Call[], checked: readonly number[], steps: readonly Step[]): KeyHistory {
  const definite: Step[] = [];
  const indices: number[] = [];
  const operations = new Int32Array(checked.length);
  const optional = new Map<string, OptionalWrite>();
  const invokedAt = new Int32Array(checked.length);
  const returnedAt = new Int32Array(checked.length);
  const events = eventsOf(calls, checked);
  events.forEach((event, at) => {
    const n = event >>> 1;
    const step = steps[n]!;
    const index = checked[n]!;
    const position = at + 1;
    if ((event & 1) === 1) {
      returnedAt[operations[n]!] = position;
    } else if (calls[index]!.result === 'unknown') {
      const alike = `${step.needValue} ${step.needVersion} ${step.nextValue} ${step.nextVersion}`;
      const write = optional.get(alike) ?? { step, invokedAt: [], indices: [] };
      write.invokedAt.push(position);
      write.indices.push(index);
      optional.set(alike, write);
    } else {
      operations[n] = definite.length;
      invokedAt[definite.length] = position;
      definite.push(step);
      indices.push(index);
    }
  });
  return {
    steps: definite,
    indices,
    invokedAt,
    returnedAt,
    eventCount: events.length,
    optional: [...optional.values()],
  };
}
