/**
 * The Clock port on the timers of Node.
 */
import type { CancelTimer, Clock } from '@kvorum/common';

/** What setTimeout can hold; a longer delay would fire at once. */
const DELAY_MS_MAX = 2 ** 31 - 1;

export class SystemClock implements Clock {
  readonly #timers = new Set<NodeJS.Timeout>();
  #released = false;

  monotonicMs(): number {
    return performance.now();
  }

  wallMs(): number {
    return Date.now();
  }

  setTimer(delayMs: number, callback: () => void): CancelTimer {
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        callback();
      },
      Math.min(delayMs, DELAY_MS_MAX),
    );
    if (this.#released) timer.unref();
    this.#timers.add(timer);
    return () => {
      clearTimeout(timer);
      this.#timers.delete(timer);
    };
  }

  defer(callback: () => void): void {
    setImmediate(callback);
  }

  /** Timers still fire, but no longer keep the process alive: the owner is closed. */
  release(): void {
    this.#released = true;
    for (const timer of this.#timers) timer.unref();
  }
}
