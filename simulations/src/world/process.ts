/**
 * What every simulated process has: a place in time. It can crash, stand still, and have a clock that is wrong.
 *
 * Invariants: a callback that was handed to the world by one incarnation never runs in another; while the process stands
 * still nothing of it runs, and afterwards everything that was due does, in its order.
 */
import type { CancelTimer, Clock } from '@kvorum/common';
import type { Schedule, ScheduledEvent } from './schedule.ts';

/** The simulated wall clock starts here: 2026-01-01. */
const EPOCH_MS = 1_767_225_600_000;
/** What the shortest turn of the event loop takes: hardly ever does a second input come in meanwhile. */
export const SHORTEST_TURN_US = 5;

export class SimulatedProcess {
  readonly #schedule: Schedule;
  #incarnation = 0;
  /** Since when it stands still; undefined while it does not. */
  #pausedUs: number | undefined;
  #stoodStillUs = 0;
  #postponed = 0;
  #due: (() => void)[] = [];
  /** What its code throws ends the process in production. */
  onThrow: (error: unknown) => void = (error) => {
    throw error;
  };
  /** How fast its clock runs, 1 for right; does not change while the process is up. */
  clockRate = 1;
  /** How far its wall clock is ahead, milliseconds. */
  wallOffsetMs = 0;

  constructor(schedule: Schedule) {
    this.#schedule = schedule;
  }

  /** Everything handed to the world so far is void. */
  nextIncarnation(): void {
    this.#incarnation += 1;
    this.#due = [];
    this.#endPause();
  }

  /** Fences what the present incarnation hands to the world. */
  fence(): Fence {
    const incarnation = this.#incarnation;
    return new Fence(() => this.#incarnation === incarnation, this, this.#schedule);
  }

  get standsStill(): boolean {
    return this.#pausedUs !== undefined;
  }

  /** How long it has stood still so far, microseconds. */
  get stoodStillUs(): number {
    return this.#stoodStillUs + (this.#pausedUs === undefined ? 0 : this.#schedule.nowUs - this.#pausedUs);
  }

  /** As SIGSTOP does. */
  pause(): void {
    this.#pausedUs ??= this.#schedule.nowUs;
  }

  #endPause(): void {
    this.#stoodStillUs = this.stoodStillUs;
    this.#pausedUs = undefined;
  }

  resume(): void {
    this.#endPause();
    const due = this.#due;
    this.#due = [];
    for (const run of due) run();
  }

  /** How often something of it was due while it stood still. */
  get postponed(): number {
    return this.#postponed;
  }

  /** Runs it once the process runs again. */
  postpone(run: () => void): void {
    this.#postponed += 1;
    this.#due.push(run);
  }
}

/** The world as one incarnation of a process sees it. */
export class Fence {
  readonly isAlive: () => boolean;
  readonly #process: SimulatedProcess;
  readonly #schedule: Schedule;

  constructor(isAlive: () => boolean, process: SimulatedProcess, schedule: Schedule) {
    this.isAlive = isAlive;
    this.#process = process;
    this.#schedule = schedule;
  }

  /** Runs it, unless the process is gone; later if it stands still. */
  enter(run: () => void): void {
    if (!this.isAlive()) return;
    if (this.#process.standsStill) {
      this.#process.postpone(() => this.enter(run));
      return;
    }
    try {
      run();
    } catch (error) {
      this.#process.onThrow(error);
    }
  }

  later(delayUs: number, run: () => void): ScheduledEvent {
    return this.#schedule.after(delayUs, () => this.enter(run));
  }

  /** `onTurn` is called after each turn of the event loop, which takes as long as `turnUs` says. */
  clock(onTurn: () => void = () => undefined, turnUs: () => number = () => SHORTEST_TURN_US): Clock {
    const process = this.#process;
    const schedule = this.#schedule;
    const localMs = (): number => (schedule.nowUs / 1000) * process.clockRate;
    return {
      monotonicMs: localMs,
      wallMs: () => EPOCH_MS + localMs() + process.wallOffsetMs,
      setTimer: (delayMs, callback): CancelTimer => {
        let cancelled = false;
        const event = this.later((delayMs * 1000) / process.clockRate, () => {
          // It may have been due while the process stood still, and cancelled since.
          if (!cancelled) callback();
        });
        return () => {
          cancelled = true;
          event.cancel();
        };
      },
      // The end of a turn: whatever comes in until then is one input of it among others.
      defer: (callback) => {
        this.later(turnUs(), () => {
          callback();
          onTurn();
        });
      },
    };
  }
}
