/**
 * Exactly once, by counting: clients increment a counter (read, then cas to one more), and whatever was acknowledged
 * must be in the final value once, while an increment of unknown outcome may be in it once or not at all:
 * acknowledged <= final <= acknowledged + indeterminate. Too low is a lost write; too high is one applied that should
 * not have been: after its client was told that it failed or mismatched, or twice.
 *
 * That is not all of it: a cas that is applied again right away finds its own value and does nothing. What the versions
 * show of a write applied twice (a value read at two versions, an older value back over a newer one), and a failed
 * write that is read, are violations of linearizability, found there.
 *
 * A count needs no search, so it also covers runs far too long for the linearizability check, which says more.
 * The idea of checking by a sum is common to the field (Jepsen's counter and set workloads).
 */

import type { Call } from './history.ts';

/** The increments of one client on one counter. */
export interface IncrementCount {
  readonly client: number;
  readonly acknowledged: number;
  readonly indeterminate: number;
}

export interface CounterOutcome {
  readonly key: string;
  readonly increments: readonly IncrementCount[];
  /** Read when all clients were done and no call was in flight; 0 for an absent key. */
  readonly final: number;
}

/** Counts the increments among the cas calls on a key: mismatches and failed calls did not increment. */
export function countIncrements(calls: readonly Call[], key: string): IncrementCount[] {
  const counts = new Map<number, { client: number; acknowledged: number; indeterminate: number }>();
  for (const call of calls) {
    if (call.key !== key || (call.kind !== 'cas' && call.kind !== 'casVersion') || call.result === 'failed') continue;
    const count = counts.get(call.client) ?? { client: call.client, acknowledged: 0, indeterminate: 0 };
    if (call.result === 'unknown') count.indeterminate++;
    else if (call.result.applied) count.acknowledged++;
    counts.set(call.client, count);
  }
  return [...counts.values()];
}

/** What contradicts "every acknowledged increment exactly once, every indeterminate one at most once". */
export function exactlyOnceComplaints({ key, increments, final }: CounterOutcome): string[] {
  const counter = `counter ${JSON.stringify(key)}`;
  if (!Number.isSafeInteger(final) || final < 0) return [`${counter} ends as ${final}, which is not a count`];
  const acknowledged = increments.reduce((sum, count) => sum + count.acknowledged, 0);
  const indeterminate = increments.reduce((sum, count) => sum + count.indeterminate, 0);
  const figures = `${acknowledged} increments acknowledged, ${indeterminate} of unknown outcome`;
  if (final < acknowledged) {
    return [`${counter} lost ${acknowledged - final} acknowledged increments: ends at ${final} after ${figures}`];
  }
  const most = acknowledged + indeterminate;
  if (final > most)
    return [`${counter} was incremented ${final - most} times too often: ends at ${final} after ${figures}`];
  return [];
}
