/**
 * Expected failures: stable codes, and what each says about the operation's outcome.
 */

/** Whether an operation that failed may have taken effect. */
export type Outcome = 'not-applied' | 'unknown';

/** What the codes mean; `docs/protocol.md` lists who answers each. */
export type ErrorCode =
  /** This node does not lead the group; the details may name who does. */
  | 'not-leader'
  /** The key is not of this group in the node's layout. */
  | 'wrong-group'
  /** A queue is at its limit; definite, try again later. */
  | 'busy'
  /** A key, value or frame over its limit. */
  | 'too-large'
  | 'bad-request'
  /** The session is unknown or expired; the command was not executed again. */
  | 'session-expired'
  /** No quorum could be reached; the operation was never proposed. */
  | 'unavailable'
  /** The operation was proposed, and what became of it is not known. With a session a retry is safe. */
  | 'outcome-unknown'
  /** The deadline passed with the operation under way. */
  | 'timeout'
  | 'cancelled'
  | 'closed'
  /** The servers speak another version of the protocol than this client. */
  | 'unsupported-version';

interface CodeFacts {
  readonly retryable: boolean;
  readonly outcome: Outcome;
}

const facts: Record<ErrorCode, CodeFacts> = {
  'not-leader': { retryable: true, outcome: 'not-applied' },
  'wrong-group': { retryable: true, outcome: 'not-applied' },
  busy: { retryable: true, outcome: 'not-applied' },
  'too-large': { retryable: false, outcome: 'not-applied' },
  'bad-request': { retryable: false, outcome: 'not-applied' },
  'session-expired': { retryable: true, outcome: 'not-applied' },
  unavailable: { retryable: true, outcome: 'not-applied' },
  'outcome-unknown': { retryable: true, outcome: 'unknown' },
  timeout: { retryable: true, outcome: 'unknown' },
  cancelled: { retryable: true, outcome: 'not-applied' },
  closed: { retryable: false, outcome: 'not-applied' },
  'unsupported-version': { retryable: false, outcome: 'not-applied' },
};

/** In wire order: a code's place is its number in a frame, so new codes go to the end. */
export const errorCodes = Object.keys(facts) as ErrorCode[];

export interface KvorumErrorOptions {
  readonly cause?: unknown;
  /** Overrides the code's usual outcome, for instance a deadline that passed before anything was sent. */
  readonly outcome?: Outcome;
}

/** A failure that a caller is expected to handle; `code`, `retryable` and `outcome` are its contract. */
export class KvorumError extends Error {
  override readonly name = 'KvorumError';
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly outcome: Outcome;

  constructor(code: ErrorCode, message: string, options: KvorumErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = facts[code].retryable;
    this.outcome = options.outcome ?? facts[code].outcome;
  }
}
