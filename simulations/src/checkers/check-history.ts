/**
 * A whole history: every key on its own (linearizability is local: a history is linearizable if and only if it is for
 * each key), one verdict, and the figures that tell how much the verdict is worth.
 *
 * Invariants: one violated key makes the whole a violation; `linearizable` needs every key to be; an empty or idle
 * history is linearizable, so a test must also ask `vacuityComplaints`.
 */

import type { Call } from './history.ts';
import { eventsOf } from './key-history.ts';
import { checkKey, type CheckOptions, type KeyResult, type Verdict } from './linearizability.ts';

export interface HistoryFigures {
  /** All recorded calls. */
  readonly calls: number;
  readonly ok: number;
  readonly failed: number;
  readonly indeterminate: number;
  /** Those the verdict covers: the definite ones, and indeterminate writes. */
  readonly checkedOperations: number;
  readonly keys: number;
  /** Definite operations that ran at the same time as another one on their key. */
  readonly overlapping: number;
  /** Most definite operations at a time on one key. */
  readonly concurrencyMax: number;
}

export interface HistoryResult {
  readonly verdict: Verdict;
  readonly figures: HistoryFigures;
  readonly steps: number;
  /** Keys without a linearization, those with a violation first, then those without a verdict. */
  readonly findings: readonly KeyResult[];
}

export function checkHistory(calls: readonly Call[], options: CheckOptions = {}): HistoryResult {
  const keys = groupByKey(calls);
  const results = [...keys.values()].map((indices) => checkKey(calls, options, indices));
  const violations = results.filter(({ verdict }) => verdict === 'violation');
  const undecided = results.filter(({ verdict }) => verdict === 'unknown');
  return {
    verdict: violations.length > 0 ? 'violation' : undecided.length > 0 ? 'unknown' : 'linearizable',
    figures: figuresOf(calls, keys, results),
    steps: results.reduce((sum, { steps }) => sum + steps, 0),
    findings: [...violations, ...undecided],
  };
}

function groupByKey(calls: readonly Call[]): Map<string, number[]> {
  const keys = new Map<string, number[]>();
  calls.forEach(({ key }, index) => {
    const indices = keys.get(key);
    if (indices === undefined) keys.set(key, [index]);
    else indices.push(index);
  });
  return keys;
}

function figuresOf(
  calls: readonly Call[],
  keys: ReadonlyMap<string, readonly number[]>,
  results: readonly KeyResult[],
): HistoryFigures {
  const failed = calls.filter(({ result }) => result === 'failed').length;
  const indeterminate = calls.filter(({ result }) => result === 'unknown').length;
  const overlaps = [...keys.values()].map((indices) => overlapOf(calls, indices));
  return {
    calls: calls.length,
    ok: calls.length - failed - indeterminate,
    failed,
    indeterminate,
    checkedOperations: results.reduce((sum, { checkedOperations }) => sum + checkedOperations, 0),
    keys: keys.size,
    overlapping: overlaps.reduce((sum, { overlapping }) => sum + overlapping, 0),
    concurrencyMax: overlaps.reduce((most, { concurrencyMax }) => Math.max(most, concurrencyMax), 0),
  };
}

function overlapOf(calls: readonly Call[], indices: readonly number[]) {
  const definite = indices.filter((index) => typeof calls[index]?.result === 'object');
  let running = 0;
  /** Whether the one operation that runs alone has met another one. */
  let met = false;
  let overlapping = 0;
  let concurrencyMax = 0;
  for (const { isReturn } of eventsOf(calls, definite)) {
    if (isReturn) {
      running--;
      continue;
    }
    running++;
    if (running > 1) overlapping += running === 2 && !met ? 2 : 1;
    met = running > 1;
    concurrencyMax = Math.max(concurrencyMax, running);
  }
  return { overlapping, concurrencyMax };
}

export interface VacuityBounds {
  readonly okMin: number;
  /** Of all recorded calls, 0 to 1. */
  readonly okRateMin: number;
  readonly overlappingMin: number;
}

/** Why a passed history proves too little; empty when it proves enough. */
export function vacuityComplaints(figures: HistoryFigures, bounds: VacuityBounds): string[] {
  const { calls, ok, overlapping } = figures;
  const complaints: string[] = [];
  if (ok < bounds.okMin) complaints.push(`only ${ok} operations got a definite result, ${bounds.okMin} needed`);
  const okRate = calls === 0 ? 0 : ok / calls;
  if (okRate < bounds.okRateMin) {
    complaints.push(
      `only ${percent(okRate)} of ${calls} calls got a definite result, ${percent(bounds.okRateMin)} needed`,
    );
  }
  if (overlapping < bounds.overlappingMin) {
    complaints.push(`only ${overlapping} operations overlap another on their key, ${bounds.overlappingMin} needed`);
  }
  return complaints;
}

function percent(rate: number): string {
  return `${(rate * 100).toFixed(1)} %`;
}
