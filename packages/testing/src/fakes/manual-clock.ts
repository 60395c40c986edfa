/**
 * A clock whose time passes when the test says so.
 */
import type { Clock } from '@kvorum/common';

export const WALL_MS = 1_770_000_000_000;

interface Timer {
  readonly atMs: number;
  readonly callback: () => void;
}

export class ManualClock implements Clock {
  #nowMs = 0;
  #timers: Timer[] = [];
  #deferred: (() => void)[] = [];

  monotonicMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return WALL_MS + this.#nowMs;
  }

  setTimer(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  defer(callback: () => void): void {
    this.#deferred.push(callback);
  }

  get timers(): number {
    return this.#timers.length;
  }

  /** Ends turns of the event loop until nothing is deferred any more. */
  settle(): void {
    for (let callback = this.#deferred.shift(); callback; callback = this.#deferred.shift()) callback();
  }

  /** Time passes and every timer fires at its time; a turn ends when all that were due at a time have fired. */
  advance(ms: number): void {
    this.settle();
    const endMs = this.#nowMs + ms;
    for (;;) {
      const atMs = Math.min(...this.#timers.map((timer) => timer.atMs));
      if (atMs > endMs) break;
      this.#nowMs = Math.max(this.#nowMs, atMs);
      for (const timer of this.#timers.filter((other) => other.atMs === atMs)) {
        // Another one may have cancelled it.
        if (!this.#timers.includes(timer)) continue;
        this.#timers = this.#timers.filter((other) => other !== timer);
        timer.callback();
      }
      this.settle();
    }
    this.#nowMs = endMs;
  }

  /** The process stands still: the timers that were due fire late, then what had `arrived` is read, then the turn ends. */
  standStill(ms: number, arrived: () => void = () => undefined): void {
    this.#nowMs += ms;
    const due = this.#timers.filter((timer) => timer.atMs <= this.#nowMs).sort((a, b) => a.atMs - b.atMs);
    this.#timers = this.#timers.filter((timer) => !due.includes(timer));
    for (const { callback } of due) callback();
    arrived();
    this.settle();
  }
}
