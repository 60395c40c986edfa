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

type Saved = Omit<LongRunState, 'done'> & { readonly format: number; readonly done: string };

export class UnreadableState extends Error {
  constructor(file: URL, problem: string, options?: ErrorOptions) {
    super(`${fileURLToPath(file)} ${problem}: begin again with --restart`, options);
    this.name = 'UnreadableState';
  }
}

export function loadState(file: URL): LongRunState | undefined {
  if (!existsSync(file)) return undefined;
  const saved = parsed(file);
  const done = saved.done === '' ? [] : parseRanges(saved.done);
  if (done === undefined) throw new UnreadableState(file, 'is damaged');
  return { ...saved, done: new Set(done) };
}

function parsed(file: URL): Saved {
  let saved: Partial<Saved> | null;
  try {
    saved = JSON.parse(readFileSync(file, 'utf8')) as Partial<Saved> | null;
  } catch (cause) {
    throw new UnreadableState(file, `cannot be read (${(cause as Error).message})`, { cause });
  }
  if (saved?.format === undefined) throw new UnreadableState(file, 'is not the state of a long run');
  if (saved.format !== FORMAT) throw new UnreadableState(file, 'is of another version of this program');
  const { source, batches, repeatPercent, done, tally, processes, wallMs } = saved;
  const whole =
    typeof source?.changes === 'string' &&
    Array.isArray(batches) &&
    typeof tally?.scenarios === 'object' &&
    typeof done === 'string' &&
    [repeatPercent, processes, wallMs].every((value) => typeof value === 'number');
  if (!whole) throw new UnreadableState(file, 'is damaged');
  return saved as Saved;
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
