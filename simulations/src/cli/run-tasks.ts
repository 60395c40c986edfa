/**
 * Spreads tasks over lanes: each lane takes the next task as soon as it is free.
 */
import type { Outcome, Task } from './task.ts';

/** Runs one task at a time; undefined when it was stopped meanwhile. */
export type RunTask = (task: Task) => Promise<Outcome | undefined>;

/** Outcomes come in the order in which the runs end. Returns early when the signal is aborted. */
export async function runTasks<T extends Task>(
  tasks: Iterable<T>,
  lanes: readonly RunTask[],
  signal: AbortSignal,
  onOutcome: (task: T, outcome: Outcome) => void,
): Promise<void> {
  const queue = tasks[Symbol.iterator]();
  const work = async (run: RunTask): Promise<void> => {
    while (!signal.aborted) {
      const next = queue.next();
      if (next.done === true) return;
      const outcome = await run(next.value);
      if (outcome === undefined) return;
      onOutcome(next.value, outcome);
    }
  };
  await Promise.all(lanes.map(work));
}
