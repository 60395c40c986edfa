/**
 * A whole history: every key on its own (linearizability is local: a history is linearizable if and only if it is for
 * each key), one verdict, and the figures that tell how much the verdict is worth.
 *
 * Invariants: one violated key makes the whole a violation; `linearizable` needs every key to be; an empty or idle
 * history is linearizable, so a test must also ask `vacuityComplaints`.
 */

import type { Call } from './history.ts';
import { checkKey, type CheckOptions, type KeyResult, type Verdict } from './linearizability.ts';

export interface HistoryFigures {
  /** All recorded calls. */
  readonly calls: number;
  readonly ok: number;
  readonly failed: number;
  readonly indeterminate: number;
  /** Definite ones that changed their key. */
  readonly writes: number;
  /** Definite ones that changed nothing and saw a value. */
  readonly valuesRead: number;
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
    figures: figuresOf(calls, results),
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

function figuresOf(calls: readonly Call[], results: readonly KeyResult[]): HistoryFigures {
  let failed = 0;
  let indeterminate = 0;
  let writes = 0;
  let valuesRead = 0;
  for (const { result } of calls) {
    if (result === 'failed') failed++;
    else if (result === 'unknown') indeterminate++;
    else if ('value' in result) valuesRead += result.value === undefined ? 0 : 1;
    else writes += 'existed' in result && !result.existed ? 0 : 1;
  }
  return {
    calls: calls.length,
    ok: calls.length - failed - indeterminate,
    failed,
    indeterminate,
    writes,
    valuesRead,
    checkedOperations: results.reduce((sum, { checkedOperations }) => sum + checkedOperations, 0),
    keys: results.length,
    overlapping: results.reduce((sum, { overlap }) => sum + overlap.overlapping, 0),
    concurrencyMax: results.reduce((most, { overlap }) => Math.max(most, overlap.concurrencyMax), 0),
  };
}

export interface VacuityBounds {
  readonly okMin: number;
  /** Of all recorded calls, 0 to 1. */
  readonly okRateMin: number;
  readonly overlappingMin: number;
}

/** Why a passed history proves too little; empty when it proves enough. */
export function vacuityComplaints(figures: HistoryFigures, bounds: VacuityBounds): string[] {
  const { calls, ok, writes, valuesRead, overlapping } = figures;
  const complaints: string[] = [];
  if (ok < bounds.okMin) complaints.push(`only ${ok} operations got a definite result, ${bounds.okMin} needed`);
  const okRate = calls === 0 ? 0 : ok / calls;
  if (okRate < bounds.okRateMin) {
    complaints.push(
      `only ${percent(okRate)} of ${calls} calls got a definite result, ${percent(bounds.okRateMin)} needed`,
    );
  }
  if (writes === 0) complaints.push('no operation is known to have changed anything');
  if (valuesRead === 0) complaints.push('no read saw a value');
  if (overlapping < bounds.overlappingMin) {
    complaints.push(`only ${overlapping} operations overlap another on their key, ${bounds.overlappingMin} needed`);
  }
  return complaints;
}

/** Definite operations that were invoked in a time, and those among them that met another one on their key. */
export function activityBetween(
  calls: readonly Call[],
  from: number,
  until: number,
): { readonly ok: number; readonly overlapping: number } {
  const definite = calls
    .filter(({ result }) => result !== 'failed' && result !== 'unknown')
    .filter(({ invokedAt }) => invokedAt >= from && invokedAt < until)
    .sort((a, b) => a.invokedAt - b.invokedAt);
  const busyUntil = new Map<string, number>();
  let overlapping = 0;
  for (const { key, invokedAt, returnedAt } of definite) {
    const busy = busyUntil.get(key) ?? -Infinity;
    if (invokedAt <= busy) overlapping++;
    busyUntil.set(key, Math.max(busy, returnedAt));
  }
  return { ok: definite.length, overlapping };
}

function percent(rate: number): string {
  return `${(rate * 100).toFixed(1)} %`;
}
