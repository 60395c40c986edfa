/**
 * Which runs a command makes: scenarios, each with seeds, in order.
 */
import type { RunOptions } from '../run/run.ts';
import type { Task } from './task.ts';

export interface Batch {
  readonly scenario: string;
  readonly firstSeed: number;
  readonly seeds: number;
  readonly options: Omit<RunOptions, 'seed'>;
}

export interface PlannedTask extends Task {
  /** Its place in the whole plan, from 0 on. */
  readonly place: number;
}

export interface Extras {
  /** Of the runs of each batch, so many are made twice, rounded up. */
  readonly repeatPercent: number;
  readonly detailed: boolean;
  /** What they reach is wanted. */
  readonly reached?: boolean;
}

export function* plannedTasks(
  batches: readonly Batch[],
  { repeatPercent, detailed, reached = false }: Extras,
): Generator<PlannedTask> {
  let place = 0;
  for (const { scenario, firstSeed, seeds, options } of batches) {
    const repeats = Math.ceil((seeds * repeatPercent) / 100);
    for (let i = 0; i < seeds; i += 1) {
      // Spread evenly: with 1 of 100 it is the last.
      const repeat = Math.floor(((i + 1) * repeats) / seeds) > Math.floor((i * repeats) / seeds);
      yield { place, scenario, options: { ...options, seed: firstSeed + i }, repeat, detailed, reached };
      place += 1;
    }
  }
}

export function runsOf(batches: readonly Batch[]): number {
  return batches.reduce((sum, { seeds }) => sum + seeds, 0);
}
