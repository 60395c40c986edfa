/**
 * Runs tasks one after another in a child process, which is started for the first of them and again after it died. A run
 * that takes its process with it is a failed run.
 */
import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { duration } from './figures.ts';
import type { RunTask } from './run-tasks.ts';
import type { Outcome, Task } from './task.ts';
import { unfinished } from './task.ts';

/** A run makes so much short-lived garbage that a larger young generation saves a good part of its time. */
const NODE_FLAGS = ['--max-semi-space-size=64'];
/** Far more than any run takes: one that goes on for so long goes on for ever. */
const RUN_MS_MAX = 10 * 60_000;
const LAST_WORDS_MAX = 2000;

export interface WorkerOptions {
  readonly entry?: URL;
  readonly runMsMax?: number;
}

interface Pending {
  readonly task: Task;
  readonly settle: (outcome: Outcome | undefined) => void;
  readonly fail: (error: Error) => void;
}

export class WorkerProcess {
  readonly #entry: URL;
  readonly #runMsMax: number;
  #child: ChildProcess | undefined;
  #ready = false;
  #tookTooLong = false;
  #lastWords = '';
  #pending: Pending | undefined;
  #closed = false;

  constructor(options: WorkerOptions = {}) {
    this.#entry = options.entry ?? new URL('worker.js', import.meta.url);
    this.#runMsMax = options.runMsMax ?? RUN_MS_MAX;
  }

  /** Undefined when it was closed meanwhile. Rejects when the process cannot be started at all. */
  async run(task: Task): Promise<Outcome | undefined> {
    if (this.#closed) return undefined;
    if (this.#pending !== undefined) throw new Error('a worker runs one task at a time');
    const child = (this.#child ??= this.#start());
    const timer = setTimeout(() => {
      this.#tookTooLong = true;
      child.kill('SIGKILL');
    }, this.#runMsMax);
    try {
      return await new Promise((settle, fail) => {
        this.#pending = { task, settle, fail };
        // If the process is gone already, its end tells; the callback only keeps the error from being thrown.
        child.send(task, () => undefined);
      });
    } finally {
      clearTimeout(timer);
      this.#pending = undefined;
    }
  }

  close(): void {
    this.#closed = true;
    this.#child?.kill('SIGKILL');
    this.#pending?.settle(undefined);
  }

  #start(): ChildProcess {
    this.#ready = false;
    this.#tookTooLong = false;
    this.#lastWords = '';
    const child = fork(this.#entry, [], { execArgv: NODE_FLAGS, stdio: ['ignore', 'inherit', 'pipe', 'ipc'] });
    child.stderr?.setEncoding('utf8');
    child.stderr?.on('data', (text: string) => {
      this.#lastWords = (this.#lastWords + text).slice(-LAST_WORDS_MAX);
    });
    child.on('message', (message) => {
      if (message === 'ready') this.#ready = true;
      else this.#pending?.settle(message as Outcome);
    });
    child.on('error', (error) => this.#pending?.fail(error));
    child.on('close', (code, signal) => {
      this.#child = undefined;
      this.#ended(signal ?? `exit status ${code ?? 'unknown'}`);
    });
    return child;
  }

  #ended(how: string): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    const words = this.#lastWords.trim();
    const told = words === '' ? '' : `\n${words}`;
    if (this.#tookTooLong) {
      pending.settle(unfinished(pending.task, `the run did not end within ${duration(this.#runMsMax)}${told}`));
    } else if (this.#ready) {
      pending.settle(unfinished(pending.task, `the process of the run died: ${how}${told}`));
    } else {
      pending.fail(new Error(`a process for the runs could not be started: ${how}${told}`));
    }
  }
}

/** Lends as many workers as there are jobs, and ends them afterwards, or as soon as the signal is aborted. */
export async function withWorkers<T>(
  jobs: number,
  signal: AbortSignal,
  use: (lanes: readonly RunTask[]) => Promise<T>,
  options: WorkerOptions = {},
): Promise<T> {
  const workers = Array.from({ length: jobs }, () => new WorkerProcess(options));
  const close = (): void => {
    for (const worker of workers) worker.close();
  };
  signal.addEventListener('abort', close);
  try {
    return await use(workers.map((worker) => (task) => worker.run(task)));
  } finally {
    signal.removeEventListener('abort', close);
    close();
  }
}
