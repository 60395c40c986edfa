/**
 * What any single operation must keep, whatever else happens: it ends by its deadline, by the clock of its own client, and what
 * it ends with is something that a correct client may tell its caller.
 */
import type { KvorumError } from '@kvorum/common';

/** How an operation ended. Times are those of its client's clock. */
export interface EndedOperation {
  /** For people: such as `put of key-3`. */
  readonly name: string;
  readonly timeoutMs: number;
  readonly tookMs: number;
  /** How much of it the client stood still. */
  readonly stoodStillMs: number;
  /** What its process sent meanwhile, in frames, and for how many operations at most at a time. */
  readonly sent: number;
  readonly sharers: number;
  /** Its key or its value is longer than it may be. */
  readonly tooLarge: boolean;
  readonly isRead: boolean;
  /** Undefined: it was answered. */
  readonly error: Pick<KvorumError, 'code' | 'outcome' | 'message'> | undefined;
}

/** A deadline is looked at every so often, and the turn in which it is takes time. */
const LATE_MS_MAX = 50;
/** Timers and clocks round. */
const EARLY_MS_MAX = 1;

/** An operation is asked for again after pauses only, each followed by no more than a few hints. */
const SENT_AT_ONCE_MAX = 8;
const SENT_PER_MS_MAX = 0.25;

/** What a caller may see, and what it then knows of its command. The rest is the client's business to get over. */
const errorsOfCorrectClients: Readonly<Record<string, KvorumError['outcome']>> = {
  unavailable: 'not-applied',
  timeout: 'unknown',
  'outcome-unknown': 'unknown',
};

/** Undefined when it kept all of it. */
export function operationComplaint({
  name,
  timeoutMs,
  tookMs,
  stoodStillMs,
  sent,
  sharers,
  tooLarge,
  isRead,
  error,
}: EndedOperation): string | undefined {
  const took = `${tookMs.toFixed(1)} ms, its time is ${timeoutMs} ms`;
  if (tookMs - stoodStillMs > timeoutMs + LATE_MS_MAX) return `a ${name} ended after ${took}`;
  if (sent > sharers * (SENT_AT_ONCE_MAX + SENT_PER_MS_MAX * tookMs))
    return `a ${name} took ${sent} requests, of ${sharers} operations, in ${tookMs.toFixed(1)} ms`;
  if (error?.code === 'too-large' && tooLarge) return undefined;
  if (error === undefined) return tooLarge ? `a ${name} was taken, though it is too large` : undefined;
  const outcome = errorsOfCorrectClients[error.code];
  if (outcome === undefined) return `a ${name} ended with ${error.code}, which no caller is to see: ${error.message}`;
  if (error.code === 'outcome-unknown' && isRead)
    return `a ${name} ended with an unknown outcome, which a read has not`;
  if (error.outcome !== outcome) return `a ${name} ended with ${error.code} and the outcome ${error.outcome}`;
  // A client tries as long as it may; only the loss of its session ends it earlier.
  if (error.code !== 'outcome-unknown' && tookMs < timeoutMs - EARLY_MS_MAX)
    return `a ${name} was given up after ${took}: ${error.message}`;
  return undefined;
}
