/**
 * Is the recorded history of a key linearizable? The algorithm of Wing and Gong ("Testing and verifying concurrent
 * objects", 1993) in the form Lowe gave it ("Testing for linearizability", 2017): a search over a list of call and
 * return entries, with a cache of the configurations that failed. Athalye's porcupine is the known implementation of
 * it, and the reference for the linked list, the bitset and checking key by key.
 *
 * The parts: model.ts (what is legal), key-history.ts (preparation), pending-calls.ts (the list), optional-writes.ts
 * (indeterminate writes), failed-configurations.ts, search.ts, explain.ts.
 *
 * Invariants: `violation` only for a history that no order of its operations explains; `linearizable` only with such
 * an order at hand (`longestPrefix`); `unknown` only when the step budget ran out, and then it says so. Versions are
 * part of the model, so one verdict covers values and versions.
 */

import { explain } from './explain.ts';
import type { Call } from './history.ts';
import { prepareKey } from './key-history.ts';
import { overlapOf, type Overlap } from './overlap.ts';
import { search } from './search.ts';

export type Verdict = 'linearizable' | 'violation' | 'unknown';

export interface CheckOptions {
  /** Configurations and chains of indeterminate writes to look at per key before giving up as `unknown`. */
  readonly stepsMax?: number;
}

export const STEPS_MAX = 2_000_000;

export interface KeyResult {
  readonly verdict: Verdict;
  readonly key: string;
  /** Definite operations, and indeterminate writes. */
  readonly checkedOperations: number;
  readonly steps: number;
  readonly overlap: Overlap;
  /**
   * Indices of calls in the order in which they take effect: the longest such order found, all definite operations
   * when linearizable. Indeterminate writes appear where they are needed.
   */
  readonly longestPrefix: readonly number[];
  /** For a violation or an unknown outcome: the operations around the point where it goes on no further. */
  readonly explanation?: string;
}

/** Checks the calls of one key: all of `calls`, or those at `indices`. */
export function checkKey(
  calls: readonly Call[],
  options: CheckOptions = {},
  indices: readonly number[] = calls.map((_, index) => index),
): KeyResult {
  const key = calls[indices[0] ?? 0]?.key ?? '';
  if (indices.some((index) => calls[index]?.key !== key)) throw new RangeError('checkKey takes the calls of one key');
  const history = prepareKey(calls, indices);
  const found = search(history, options.stepsMax ?? STEPS_MAX);
  const result: KeyResult = {
    verdict: found.verdict,
    key,
    checkedOperations: history.optional.reduce((sum, { indices }) => sum + indices.length, history.steps.length),
    steps: found.steps,
    overlap: overlapOf(history),
    longestPrefix: found.path,
  };
  return found.verdict === 'linearizable' ? result : { ...result, explanation: explain(calls, key, history, found) };
}
