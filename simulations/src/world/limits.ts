/**
 * Shrunk constants: with a log that is trimmed after ten entries and messages that hold two, a short run meets what a real
 * cluster meets in weeks.
 */
import { limits } from '@kvorum/common';

export type Limits = { -readonly [Name in keyof typeof limits]: number };

/** Runs with other limits than the real ones; everything that runs in this thread meanwhile has them. */
export function withLimits<T>(changes: Partial<Limits>, run: () => T): T {
  const before = { ...limits };
  Object.assign(limits, changes);
  try {
    return run();
  } finally {
    Object.assign(limits, before);
  }
}
