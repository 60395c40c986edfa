/**
 * How results and errors are shown. Two ways: for people, and as JSON for programs.
 */
import type { Result, Timing } from './result.ts';

/** An error as it is shown, whatever it came from. */
export interface ShownError {
  /** A code of KvorumError, or "usage". */
  readonly code: string;
  readonly message: string;
  readonly outcome: 'not-applied' | 'unknown';
  /** What to do about it. */
  readonly hint?: string | undefined;
  /** The line of a script. */
  readonly line?: number | undefined;
}

export interface Printer {
  result(result: Result, timing: Timing | undefined): void;
  error(error: ShownError): void;
}
