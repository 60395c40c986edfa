/**
 * The plain definition of linearizability for one key: try every order that respects real time, every choice of which
 * indeterminate writes happen, and every version such a write can get. Slow, and meant to be plainly right; it shares
 * nothing with the checker but the types of a history. The only shortcut: what is left to do depends on the remaining
 * calls and the state of the key alone, so a pair of these that failed is not tried twice.
 */

import type { Call } from '../../src/checkers/index.ts';

interface KeyState {
  /** undefined: absent. */
  readonly value: string | undefined;
  /** The latest version given on this key, also when it is absent now. */
  readonly latest: number;
}

export function isLinearizable(calls: readonly Call[]): boolean {
  const relevant = calls.filter(({ kind, result }) => result !== 'failed' && !(kind === 'get' && result === 'unknown'));
  const reported = relevant.map(({ result }) => (typeof result === 'object' ? (result.version ?? 0) : 0));
  // Above all reported versions, one for each call is enough: nobody can tell such versions apart but by their order.
  const versionMax = Math.max(0, ...reported) + relevant.length;
  const failed = new Set<string>();

  function canFinish(remaining: readonly Call[], state: KeyState): boolean {
    if (remaining.every(({ result }) => result === 'unknown')) return true;
    const situation = JSON.stringify([remaining.map((call) => relevant.indexOf(call)), state.value, state.latest]);
    if (failed.has(situation)) return false;
    for (const call of remaining) {
      if (remaining.some((other) => returnedBefore(other, call))) continue;
      const rest = remaining.filter((other) => other !== call);
      if (statesAfter(call, state, versionMax).some((after) => canFinish(rest, after))) return true;
    }
    failed.add(situation);
    return false;
  }

  return canFinish(relevant, { value: undefined, latest: 0 });
}

export function returnedBefore(one: Call, other: Call): boolean {
  if (one.result === 'unknown') return false;
  if (one.returnedAt !== other.invokedAt || one.order === undefined || other.order === undefined) {
    return one.returnedAt < other.invokedAt;
  }
  return one.order[1] < other.order[0];
}

/** All states the key can be in after the call took effect and answered what it answered. */
function statesAfter(call: Call, state: KeyState, versionMax: number): KeyState[] {
  const current = state.value === undefined ? undefined : state.latest;
  const sees = (seen: { value: string | undefined; version: number | undefined }) =>
    seen.value === state.value && seen.version === current ? [state] : [];
  const writes = (value: string | undefined, result: { version: number } | string): KeyState[] => {
    if (typeof result === 'object') return result.version > state.latest ? [{ value, latest: result.version }] : [];
    const versions = Array.from({ length: versionMax }, (_, index) => index + 1);
    return versions.filter((version) => version > state.latest).map((latest) => ({ value, latest }));
  };
  switch (call.kind) {
    case 'get':
      return typeof call.result === 'object' ? sees(call.result) : [];
    case 'put':
      return writes(call.value, call.result);
    case 'cas':
    case 'casVersion': {
      const matches = call.kind === 'cas' ? state.value === call.expected : (current ?? 0) === call.expectedVersion;
      if (typeof call.result === 'object' && !call.result.applied) return matches ? [] : sees(call.result);
      if (!matches) return call.result === 'unknown' ? [state] : [];
      return writes(call.next, call.result);
    }
    case 'delete': {
      const existed = state.value !== undefined;
      if (typeof call.result === 'string') return existed ? writes(undefined, call.result) : [state];
      if (call.result.existed !== existed) return [];
      if (existed) return writes(undefined, call.result);
      return call.result.version >= state.latest ? [{ value: undefined, latest: call.result.version }] : [];
    }
  }
}
