/**
 * Log time: how much time passes between the entries of a group's log, by the monotonic clock of whoever proposes them. The
 * wall clock of no machine is part of the state, so none that jumps can expire anything.
 *
 * A replica measures from when it made or received the last entry it holds; received is later than made, so the sum of all
 * never runs ahead of real time, whoever leads. After a restart it measures from then on. What passed while nobody could be
 * served counts as outage: without a leader that reaches a majority, or while the leader was not scheduled.
 */
import type { Timings } from '@kvorum/common';
import type { Elapsed } from '../state/batch.ts';

export class LogClock {
  /** Longer between two turns: this node stood still. Each heartbeat round brings a turn. */
  readonly #stoodStillMs: number;
  #lastEntryMs: number;
  #lastTurnMs: number;
  #outageMs = 0;
  /** Whether requests could be served when the last turn ended. */
  #served = false;

  constructor(timings: Timings, nowMs: number) {
    this.#stoodStillMs = 2 * timings.suspicionFactorMax * timings.heartbeatRoundMs;
    this.#lastEntryMs = nowMs;
    this.#lastTurnMs = nowMs;
  }

  /** A turn begins. */
  onTurn(nowMs: number): void {
    const passedMs = Math.max(0, nowMs - this.#lastTurnMs);
    if (!this.#served || passedMs > this.#stoodStillMs) this.#outageMs += passedMs;
    this.#lastTurnMs = nowMs;
  }

  /** A turn ends; `serves`: this replica leads and reaches a majority. */
  onTurnEnd(serves: boolean): void {
    this.#served = serves;
  }

  /** Entries of another proposer came in. */
  onReceived(nowMs: number): void {
    this.#lastEntryMs = nowMs;
    this.#outageMs = 0;
  }

  /** What passed since the last entry, for one that is proposed now. A fraction of a millisecond is kept for the next one. */
  take(nowMs: number): Elapsed {
    const elapsedMs = Math.max(0, Math.floor(nowMs - this.#lastEntryMs));
    this.#lastEntryMs += elapsedMs;
    const outageMs = Math.min(elapsedMs, Math.floor(this.#outageMs));
    this.#outageMs = 0;
    return { elapsedMs, outageMs };
  }
}
