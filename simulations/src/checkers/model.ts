/**
 * The sequential specification of one key, as the linearizability search runs it: what a state is, and which
 * operation is legal in it. All operations, definite and indeterminate, are one shape (`Step`), so one function holds
 * the semantics.
 *
 * The specification is nondeterministic in one point: the version an indeterminate write gets is any number above the
 * latest. A state therefore stands for the set of versions the key may have, and that set is always either one number
 * or everything from a number on: an indeterminate write turns {m} or [m, inf) into [m + 1, inf), and whatever
 * reports a version turns it into that number. So the set is exact, nothing is guessed, and no correct history is
 * refused.
 */

import type { Call, Observed } from './history.ts';

/** Values are interned: ABSENT, UNSEEN, then one number per text. */
export const ABSENT = 0;
/** All values nobody ever asks for; see key-history.ts. */
export const UNSEEN = 1;
export const FIRST_VALUE = 2;
/** In `needValue` only. */
export const PRESENT = -1;
export const ANY = -2;
const NEVER = -3;

export interface State {
  readonly value: number;
  /** When exact, the key's version (for an absent key the latest one ever given); else the least it can be. */
  readonly version: number;
  /** Always true for an absent key: nobody can ask for its version, so only the lower bound counts. */
  readonly exact: boolean;
}

export const INITIAL: State = { value: ABSENT, version: 0, exact: true };

export interface Step {
  needValue: number;
  /** 0: any version. */
  needVersion: number;
  writes: boolean;
  nextValue: number;
  /** 0: not known. */
  nextVersion: number;
  /** A delete that found nothing may repeat the latest version. */
  mayRepeatVersion: boolean;
}

/** The state after the step, `undefined` when it is illegal, and the very same object when nothing changed. */
export function accept(step: Step, state: State): State | undefined {
  if (!meetsValue(step, state.value)) return undefined;
  let floor = state.version;
  if (step.needVersion > 0) {
    if (state.exact ? step.needVersion !== floor : step.needVersion < floor) return undefined;
    floor = step.needVersion;
  }
  if (!step.writes) return state.exact ? state : { value: state.value, version: floor, exact: true };
  if (step.nextVersion === 0) return { value: step.nextValue, version: floor + 1, exact: step.nextValue === ABSENT };
  if (step.nextVersion < floor || (step.nextVersion === floor && !step.mayRepeatVersion)) return undefined;
  return { value: step.nextValue, version: step.nextVersion, exact: true };
}

export function meetsValue(step: Step, value: number): boolean {
  return step.needValue === value || step.needValue === ANY || (step.needValue === PRESENT && value !== ABSENT);
}

/** The key's version right after the step, 0 when its result does not tell. */
export function versionAfter(step: Step): number {
  return step.writes ? step.nextVersion : step.needVersion;
}

/** The result contradicts the operation itself (such as a mismatch that reports the expected value). */
export function isImpossible(step: Step): boolean {
  return step.needValue === NEVER;
}

/** The step of a call, or undefined where there is nothing to check: a failed call, an indeterminate read. */
export function stepOf(call: Call, intern: (value: string) => number): Step | undefined {
  if (call.result === 'failed') return undefined;
  switch (call.kind) {
    case 'get':
      return call.result === 'unknown' ? undefined : read(call.result, intern);
    case 'put':
      return write(ANY, 0, intern(call.value), call.result === 'unknown' ? undefined : call.result.version);
    case 'cas': {
      const next = intern(call.next);
      const expected = call.expected === undefined ? ABSENT : intern(call.expected);
      if (call.result === 'unknown') return write(expected, 0, next, undefined);
      if (call.result.applied) return write(expected, 0, next, call.result.version);
      return call.result.value === call.expected ? impossible() : read(call.result, intern);
    }
    case 'casVersion': {
      const next = intern(call.next);
      const expected = call.expectedVersion;
      if (call.result !== 'unknown' && !call.result.applied) {
        return (call.result.version ?? 0) === expected ? impossible() : read(call.result, intern);
      }
      const version = call.result === 'unknown' ? undefined : call.result.version;
      if (expected === 0) return write(ABSENT, 0, next, version);
      return isVersion(expected) ? write(PRESENT, expected, next, version) : impossible();
    }
    case 'delete': {
      if (call.result === 'unknown') return write(PRESENT, 0, ABSENT, undefined);
      const step = write(call.result.existed ? PRESENT : ABSENT, 0, ABSENT, call.result.version);
      step.mayRepeatVersion = !call.result.existed;
      return step;
    }
  }
}

function read({ value, version }: Observed, intern: (value: string) => number): Step {
  if (value === undefined) return version === undefined ? reading(ABSENT, 0) : impossible();
  return version !== undefined && isVersion(version) ? reading(intern(value), version) : impossible();
}

function reading(needValue: number, needVersion: number): Step {
  return { needValue, needVersion, writes: false, nextValue: ABSENT, nextVersion: 0, mayRepeatVersion: false };
}

function write(needValue: number, needVersion: number, nextValue: number, version: number | undefined): Step {
  if (version !== undefined && !isVersion(version)) return impossible();
  return { needValue, needVersion, writes: true, nextValue, nextVersion: version ?? 0, mayRepeatVersion: false };
}

function impossible(): Step {
  return reading(NEVER, 0);
}

function isVersion(version: number): boolean {
  return Number.isSafeInteger(version) && version > 0;
}
