/**
 * Samples of checks that are many runs of one kind and take minutes. Each `npm test` makes one of {@link SAMPLES} samples,
 * by the commit, so that commit by commit all runs are made; `SAMPLE=all npm test` makes all of them at once, and
 * `SAMPLE=17 npm test` makes that sample again. What was left out is told at the end: see sample-reporter.ts.
 */
import { sourceNow } from '../src/cli/source.ts';

export interface SampleNote {
  /** Such as `planted bugs`. */
  readonly what: string;
  readonly chosen: number;
  readonly of: number;
  /** What SAMPLE repeats it with. */
  readonly name: string;
}

declare module 'vitest' {
  interface TaskMeta {
    sample?: SampleNote;
  }
}

export interface Sample<T> {
  readonly chosen: readonly T[];
  /** For the tests that make it. */
  readonly meta: { readonly sample: SampleNote };
}

/** Divided by each number of parts that is in use. */
const SAMPLES = 24;
const ALL = 'all';

/** One of so many parts of them, or all. */
export function sampleOf<T>(what: string, all: readonly T[], parts: number, name = sampleName()): Sample<T> {
  const chosen = name === ALL ? all : all.filter((_, place) => place % parts === Number(name) % parts);
  return { chosen, meta: { sample: { what, chosen: chosen.length, of: all.length, name } } };
}

export function sampleName(wanted = process.env['SAMPLE'], { commit = '0' } = sourceNow()): string {
  if (wanted === undefined || wanted === '') return String(Number.parseInt(commit, 16) % SAMPLES);
  if (wanted === ALL || (/^\d{1,2}$/.test(wanted) && Number(wanted) < SAMPLES)) return wanted;
  throw new Error(`SAMPLE takes a number from 0 to ${SAMPLES - 1}, or ${ALL}, not "${wanted}"`);
}
