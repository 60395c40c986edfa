/**
 * The recorded history of a run: one `Call` per client operation. Recorders (workloads) write it, checkers read it.
 *
 * Invariants a recorder keeps (impossible times make the checkers throw a RangeError, the rest they cannot see):
 * - A client has at most one call in flight. After an `unknown` result it goes on under a new id, because the old
 *   call may still take effect next to everything that follows.
 * - Times are integers of one clock. Real-time order is "returned before invoked"; at equal times a call counts as
 *   earlier than a return, that is, the two operations count as concurrent. A closed-loop client that invokes at the
 *   very tick of its last return loses its own order by that, so a recorder that knows the order of the events of one
 *   tick should give `order`.
 * - Writes use values of their own where the workload allows: that finds more, and a violation among many indeterminate
 *   writes of few values can take more steps than any budget.
 * - A call with a definite result has a finite `returnedAt`; of an `unknown` one the return is never used.
 *
 * What a key promises, and what the checkers hold it to: a version is a positive integer, every put, applied cas and
 * delete of an existing key gets a greater one than all before it on that key, also across deletes. A delete that found
 * nothing may report a new version or repeat the latest. A read (or cas mismatch) of a present key reports the version
 * of the write it sees.
 */

/** What a read saw; both are undefined for an absent key, and neither is for a present one. */
export interface Observed {
  readonly value: string | undefined;
  readonly version: number | undefined;
}

export interface Written {
  readonly version: number;
}

export interface Deleted {
  readonly existed: boolean;
  readonly version: number;
}

export type Swapped = ({ readonly applied: true } & Written) | ({ readonly applied: false } & Observed);

/** `failed`: certainly not applied. `unknown`: may take effect at any time after the invocation, or never. */
export type Outcome<Result> = Result | 'failed' | 'unknown';

interface CallFields {
  /** One logical client thread. */
  readonly client: number;
  readonly key: string;
  readonly invokedAt: number;
  /** Infinity for an unknown outcome. */
  readonly returnedAt: number;
  /** Sequence numbers of the two events, from one counter per history; used only when all calls carry them. */
  readonly order?: readonly [invoked: number, returned: number];
}

export interface GetCall extends CallFields {
  readonly kind: 'get';
  readonly result: Outcome<Observed>;
}

export interface PutCall extends CallFields {
  readonly kind: 'put';
  readonly value: string;
  readonly result: Outcome<Written>;
}

export interface CasCall extends CallFields {
  readonly kind: 'cas';
  /** undefined: the key must be absent. */
  readonly expected: string | undefined;
  readonly next: string;
  readonly result: Outcome<Swapped>;
}

export interface CasVersionCall extends CallFields {
  readonly kind: 'casVersion';
  /** 0: the key must be absent. */
  readonly expectedVersion: number;
  readonly next: string;
  readonly result: Outcome<Swapped>;
}

export interface DeleteCall extends CallFields {
  readonly kind: 'delete';
  readonly result: Outcome<Deleted>;
}

export type Call = GetCall | PutCall | CasCall | CasVersionCall | DeleteCall;
