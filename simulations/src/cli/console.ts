/**
 * The terminal of the command line: results on standard output, progress on standard error.
 */
import { availableParallelism } from 'node:os';
import { several } from './figures.ts';
import { ProgressLine } from './progress.ts';

export interface Output {
  print(lines: readonly string[]): void;
  warn(line: string): void;
  readonly progress: ProgressLine;
}

export function terminalOutput(): Output {
  const progress = new ProgressLine(process.stderr);
  return {
    progress,
    warn: (line) => progress.around(() => process.stderr.write(`${line}\n`)),
    print: (lines) => progress.around(() => process.stdout.write(lines.map((line) => `${line}\n`).join(''))),
  };
}

export function warnOfJobs(jobs: number, output: Output): void {
  const cores = availableParallelism();
  if (jobs > cores) output.warn(`warning: --jobs ${jobs} on ${several(cores, 'core')} is hardly faster`);
}

/**
 * Aborted by Ctrl-C or a polite end of the process, which the second time ends it at once; and when nobody reads the
 * output any more, as after `| head`.
 */
export function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(INTERRUPTED);
      controller.abort();
    });
  }
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      controller.abort();
    });
  }
  return controller.signal;
}

/** Exit status of what was stopped: that after Ctrl-C, as shells have it. */
export const INTERRUPTED = 130;
