/**
 * Whether this process's event loop turns, how busy it is, and for how long it stood still: a timer that says when it came.
 */
import type { Clock } from '@kvorum/common';

const PERIOD_MS = 250;
/** A timer that comes so much late was not merely waiting for its turn. */
const STOOD_STILL_MS = 250;

/** Fraction of the time since the last call in which the loop was not idle. */
export type Utilization = () => number;

export class LoopWatch {
  readonly #clock: Clock;
  readonly #onPeriod: (utilization: number, stoodStillMs: number) => void;
  readonly #utilization: Utilization;
  #turnedMs: number;

  /** `onPeriod` is told of the period that ended: how busy the loop was, and for how long it stood still. */
  constructor(clock: Clock, utilization: Utilization, onPeriod: (utilization: number, stoodStillMs: number) => void) {
    this.#clock = clock;
    this.#utilization = utilization;
    this.#onPeriod = onPeriod;
    this.#turnedMs = clock.monotonicMs();
    this.#wait();
  }

  get sinceTurnMs(): number {
    return this.#clock.monotonicMs() - this.#turnedMs;
  }

  #wait(): void {
    this.#clock.setTimer(PERIOD_MS, () => {
      const lateMs = this.sinceTurnMs - PERIOD_MS;
      this.#turnedMs = this.#clock.monotonicMs();
      this.#onPeriod(this.#utilization(), lateMs > STOOD_STILL_MS ? lateMs : 0);
      this.#wait();
    });
  }
}
