/**
 * The operations of each key as its timeline shows them: when each takes effect in the linearization that was found, or
 * how far the longest order goes and why none of the operations that could come next can.
 */
import type { Call, KeyResult } from '../checkers/index.ts';
import { checkKey } from '../checkers/index.ts';

export interface StuckOperation {
  /** Index of the call. */
  readonly call: number;
  readonly reason: string;
}

export interface KeyTimeline {
  readonly key: string;
  readonly verdict: KeyResult['verdict'];
  /** Indices of the key's calls, by invocation. */
  readonly calls: readonly number[];
  /** Indices of calls in the order in which they take effect, and a point in time for each, within its interval. */
  readonly order: readonly number[];
  readonly pointsUs: readonly number[];
  /** Where there is no linearization: those that could come next and cannot. */
  readonly stuck: readonly StuckOperation[];
  readonly explanation: string;
}

interface KeyState {
  readonly value: string | undefined;
  /** Undefined: a write of unknown outcome came last. */
  readonly version: number | undefined;
}

export function keyTimelines(calls: readonly Call[], endUs: number): KeyTimeline[] {
  const keys = new Map<string, number[]>();
  calls.forEach(({ key }, index) => {
    const indices = keys.get(key);
    if (indices === undefined) keys.set(key, [index]);
    else indices.push(index);
  });
  return [...keys].map(([key, indices]) => {
    const result = checkKey(calls, {}, indices);
    const order = result.longestPrefix;
    const isStuck = result.verdict !== 'linearizable';
    return {
      key,
      verdict: result.verdict,
      calls: indices.toSorted((a, b) => (calls[a]?.invokedAt ?? 0) - (calls[b]?.invokedAt ?? 0)),
      order,
      pointsUs: effectPoints(
        order.flatMap((index) => calls[index] ?? []),
        endUs,
      ),
      stuck: isStuck ? stuckOperations(calls, indices, order) : [],
      explanation: result.explanation ?? '',
    };
  });
}

/**
 * Points for operations that take effect in this order. Each may stand anywhere between the earliest point that those
 * before it allow and the latest that those after it allow; both only grow along the order, so the middle does too.
 */
export function effectPoints(order: readonly Call[], endUs: number): number[] {
  let earliest = 0;
  const from = order.map((call) => (earliest = Math.max(earliest, call.invokedAt)));
  let latest = Math.max(endUs, earliest);
  const to = order
    .toReversed()
    .map((call) => (latest = Math.min(latest, call.result === 'unknown' ? Infinity : call.returnedAt)))
    .reverse();
  return order.map((_, i) => Math.round(((from[i] ?? 0) + (to[i] ?? 0)) / 2));
}

/** Those of the rest that were invoked before the first of them returned: one of them would have to come next. */
function stuckOperations(
  calls: readonly Call[],
  indices: readonly number[],
  order: readonly number[],
): StuckOperation[] {
  const placed = new Set(order);
  const rest = indices.filter((index) => !placed.has(index) && typeof calls[index]?.result === 'object');
  const firstReturn = rest.reduce((first, index) => Math.min(first, calls[index]?.returnedAt ?? Infinity), Infinity);
  const state = stateAfter(order.flatMap((index) => calls[index] ?? []));
  return rest.flatMap((index) => {
    const call = calls[index];
    if (call === undefined || call.invokedAt > firstReturn) return [];
    return [{ call: index, reason: reasonOf(call, state) }];
  });
}

function stateAfter(order: readonly Call[]): KeyState {
  let state: KeyState = { value: undefined, version: 0 };
  for (const call of order) {
    if (call.kind === 'get' || call.result === 'failed') continue;
    const { result } = call;
    if (result !== 'unknown' && 'applied' in result && !result.applied) continue;
    const value = call.kind === 'put' ? call.value : call.kind === 'delete' ? undefined : call.next;
    state = { value, version: result === 'unknown' ? undefined : result.version };
  }
  return state;
}

function reasonOf(call: Call, state: KeyState): string {
  const { result } = call;
  if (typeof result === 'string') return '';
  const holds = `the key then holds ${stateText(state.value, state.version)}`;
  if ('value' in result) {
    const isSame = result.value === state.value && (state.version === undefined || result.version === state.version);
    if (!isSame && result.value !== undefined) return `it saw ${stateText(result.value, result.version)}, but ${holds}`;
    if (!isSame && state.value !== undefined) return `it found the key absent, but ${holds}`;
  } else if (state.version !== undefined && result.version <= state.version) {
    return `it got version ${result.version}, but ${holds}: versions only grow`;
  } else if (call.kind === 'cas' && call.expected !== state.value) {
    return `it swapped ${stateText(call.expected, undefined)}, but ${holds}`;
  } else if (call.kind === 'casVersion' && state.version !== undefined && call.expectedVersion !== state.version) {
    return `it swapped version ${call.expectedVersion}, but ${holds}`;
  } else if (call.kind === 'delete' && 'existed' in result && result.existed !== (state.value !== undefined)) {
    return `it ${result.existed ? 'deleted a value' : 'found nothing to delete'}, but ${holds}`;
  }
  return 'it could come next, but then another one here finds no place any more';
}

function stateText(value: string | undefined, version: number | undefined): string {
  if (value === undefined) return 'nothing';
  return `${JSON.stringify(value)}${version === undefined ? '' : ` version ${version}`}`;
}
