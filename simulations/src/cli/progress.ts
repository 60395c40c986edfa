/**
 * How far the runs are: one line that is rewritten on a terminal, a line now and then elsewhere.
 */
import { clockTime, count, duration, several, speed } from './figures.ts';

const TERMINAL_PAUSE_MS = 200;
const LOG_PAUSE_MS = 30_000;
const ERASE_LINE = '\r\u001b[K';

export interface Figures {
  /** What runs just now. */
  readonly label: string;
  readonly done: number;
  readonly total: number;
  readonly operations: number;
  readonly faults: number;
  readonly simulatedMs: number;
  readonly failures: number;
  /** Runs and simulated time of an earlier start of the same command. */
  readonly doneBefore: number;
  readonly simulatedMsBefore: number;
}

export function progressText(figures: Figures, elapsedMs: number, now: Date): string {
  const { label, done, total, operations, faults, failures, doneBefore } = figures;
  const leftMs = done === doneBefore ? undefined : ((total - done) * elapsedMs) / (done - doneBefore);
  return [
    `${label}: ${count(done)} of ${several(total, 'seed')}`,
    ...(failures > 0 ? [`${count(failures)} failed`] : []),
    `${count(operations)} operations checked`,
    several(faults, 'fault'),
    `${speed(figures.simulatedMs - figures.simulatedMsBefore, elapsedMs)} simulated s/s`,
    ...(leftMs === undefined ? [] : [`ends ${clockTime(new Date(now.getTime() + leftMs))}, in ${duration(leftMs)}`]),
  ].join(', ');
}

export interface Terminal {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** Where progress is written. Everything else that is printed meanwhile goes through `around`. */
export class ProgressLine {
  readonly #terminal: Terminal;
  readonly #nowMs: () => number;
  #writtenMs: number;
  #shown = '';

  constructor(terminal: Terminal, nowMs: () => number = () => performance.now()) {
    this.#terminal = terminal;
    this.#nowMs = nowMs;
    // The first line comes after the pause, too: a short command needs none.
    this.#writtenMs = nowMs();
  }

  /** Written if it is time to; `text` is only worked out then. */
  update(text: () => string): void {
    const terminal = this.#terminal.isTTY === true;
    const nowMs = this.#nowMs();
    if (nowMs - this.#writtenMs < (terminal ? TERMINAL_PAUSE_MS : LOG_PAUSE_MS)) return;
    this.#writtenMs = nowMs;
    if (!terminal) {
      this.#terminal.write(`${text()}\n`);
      return;
    }
    // A line that wraps could not be erased.
    this.#shown = text().slice(0, (this.#terminal.columns ?? 80) - 1);
    this.#terminal.write(`${ERASE_LINE}${this.#shown}`);
  }

  /** Takes the line away while something is printed. */
  around(print: () => void): void {
    if (this.#shown !== '') this.#terminal.write(ERASE_LINE);
    print();
    if (this.#shown !== '') this.#terminal.write(this.#shown);
  }

  end(): void {
    if (this.#shown !== '') this.#terminal.write(ERASE_LINE);
    this.#shown = '';
  }
}
