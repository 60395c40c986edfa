/**
 * What a long run saves of itself, so that the same command goes on where it stopped.
 */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { formatRanges, parseRanges } from './number-ranges.ts';
import type { Batch } from './plan.ts';
import type { Source } from './source.ts';
import type { Tally } from './tally.ts';

export interface LongRunState {
  /** The figures must belong to one version of the source. */
  readonly source: Source;
  readonly batches: readonly Batch[];
  readonly repeatPercent: number;
  /** Places in the plan of the runs that ended. */
  readonly done: Set<number>;
  readonly tally: Tally;
  /** Of its latest part. */
  processes: number;
  /** Of all its parts. */
  wallMs: number;
}

const FORMAT = 1;

export function loadState(file: URL): LongRunState | undefined {
  if (!existsSync(file)) return undefined;
  const saved = JSON.parse(readFileSync(file, 'utf8')) as LongRunState & { format: number; done: string };
  if (saved.format !== FORMAT) throw new Error(`${fileURLToPath(file)} is of another version of this program`);
  const done = saved.done === '' ? [] : parseRanges(saved.done);
  if (done === undefined) throw new Error(`${fileURLToPath(file)} is damaged`);
  return { ...saved, done: new Set(done) };
}

/** Replaces the file as a whole: a state that was half written would lose hours. */
export function saveState(file: URL, state: LongRunState): void {
  const next = new URL(`${file.href}.next`);
  writeFileSync(next, `${JSON.stringify({ format: FORMAT, ...state, done: formatRanges(state.done) })}\n`);
  renameSync(next, file);
}

export function removeState(file: URL): void {
  rmSync(file, { force: true });
}
