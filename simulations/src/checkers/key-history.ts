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

export interface Event {
  /** Index in the recorded history. */
  readonly index: number;
  readonly isReturn: boolean;
}

/** Invocations and definite returns of the given calls in real-time order. */
export function eventsOf(calls: readonly Call[], indices: readonly number[]): Event[] {
  const events: (Event & { readonly at: number; readonly order: number })[] = [];
  const ordered = indices.every((index) => calls[index]?.order !== undefined);
  for (const index of indices) {
    const call = calls[index];
    if (call === undefined) continue;
    const definite = call.result !== 'unknown';
    requireTimes(call, index, definite);
    const [invoked, returned] = ordered && call.order !== undefined ? call.order : [0, 1];
    events.push({ index, isReturn: false, at: call.invokedAt, order: invoked });
    if (definite) events.push({ index, isReturn: true, at: call.returnedAt, order: returned });
  }
  return events.sort((a, b) => a.at - b.at || a.order - b.order || a.index - b.index);
}

function requireTimes(call: Call, index: number, definite: boolean): void {
  const [invoked, returned] = call.order ?? [0, 1];
  const valid = Number.isSafeInteger(call.invokedAt) && Number.isSafeInteger(invoked);
  const validReturn =
    Number.isSafeInteger(call.returnedAt) &&
    call.returnedAt >= call.invokedAt &&
    Number.isSafeInteger(returned) &&
    returned > invoked;
  if (!valid || (definite && !validReturn)) {
    throw new RangeError(`call ${index} (client ${call.client}, ${call.kind} ${call.key}) has impossible times`);
  }
}

export function prepareKey(calls: readonly Call[], indices: readonly number[]): KeyHistory {
  const steps = new Map<number, Step>();
  const values = new Map<string, number>();
  const intern = (value: string): number => {
    const known = values.get(value);
    if (known !== undefined) return known;
    values.set(value, values.size + FIRST_VALUE);
    return values.size + FIRST_VALUE - 1;
  };
  for (const index of indices) {
    const call = calls[index];
    const step = call === undefined ? undefined : stepOf(call, intern);
    if (step !== undefined) steps.set(index, step);
  }
  pinVersions([...steps.values()]);
  return layOut(steps, eventsOf(calls, [...steps.keys()]), (index) => calls[index]?.result === 'unknown');
}

function pinVersions(steps: readonly Step[]): void {
  const observed = new Map<number, number>();
  const wanted = new Set<number>([ABSENT]);
  const writers = new Map<number, number>();
  for (const step of steps) {
    wanted.add(step.needValue);
    if (step.writes) writers.set(step.nextValue, (writers.get(step.nextValue) ?? 0) + 1);
    else observed.set(step.needValue, step.needVersion);
  }
  for (const step of steps) {
    if (!step.writes) continue;
    if (!wanted.has(step.nextValue)) step.nextValue = UNSEEN;
    else if (versionAfter(step) === 0 && step.nextValue !== ABSENT && writers.get(step.nextValue) === 1) {
      step.nextVersion = observed.get(step.nextValue) ?? 0;
    }
  }
}

function layOut(
  steps: ReadonlyMap<number, Step>,
  events: readonly Event[],
  isIndeterminate: (index: number) => boolean,
): KeyHistory {
  const definite: Step[] = [];
  const indices: number[] = [];
  const operations = new Map<number, number>();
  const optional = new Map<string, OptionalWrite>();
  const invokedAt = new Int32Array(steps.size);
  const returnedAt = new Int32Array(steps.size);
  events.forEach(({ index, isReturn }, at) => {
    const step = steps.get(index);
    if (step === undefined) return;
    const position = at + 1;
    const operation = operations.get(index);
    if (isReturn) {
      if (operation !== undefined) returnedAt[operation] = position;
    } else if (isIndeterminate(index)) {
      const alike = `${step.needValue} ${step.needVersion} ${step.nextValue} ${step.nextVersion}`;
      const write = optional.get(alike) ?? { step, invokedAt: [], indices: [] };
      write.invokedAt.push(position);
      write.indices.push(index);
      optional.set(alike, write);
    } else {
      operations.set(index, definite.length);
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
