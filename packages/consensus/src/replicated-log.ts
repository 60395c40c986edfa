/**
 * The seam between a log that members agree on and the rest of a node: inputs go in, effects come out, nothing else happens.
 * Sequence Paxos is the first implementation. What a protocol has of its own (its messages, what it keeps on disk, what its
 * members say of themselves) is a type here and nothing more: only the protocol and its codec look inside.
 *
 * The caller's side of the contract:
 * - it carries out the effects of one step before the next step's, in order;
 * - `persist` is on disk before any message of `sendAfterPersist`, of this step or a later one, leaves; and the caller
 *   then gives back a `persisted` input;
 * - after a crash it starts a new instance from what was on disk.
 */
import type { NodeId, Reader, Writer } from '@kvorum/common';
import type { Entry } from './entry.ts';

/** What a protocol has of its own. */
export interface LogTypes {
  readonly message: unknown;
  /** What is on disk besides the entries. */
  readonly hardState: unknown;
  /** Says what a write that is on disk proves. */
  readonly receipt: unknown;
  /** What one member says of itself in each heartbeat reply. */
  readonly heartbeat: unknown;
  /** What the sender of a snapshot says of it: lets the receiver's log take it over. */
  readonly proof: unknown;
}

/** How a protocol's own values stand in frames and records. Every `read` throws a DecodeError rather than return nonsense. */
export interface LogCodec<T extends LogTypes> {
  writeMessage(writer: Writer, message: T['message']): void;
  readonly readMessage: (reader: Reader) => T['message'];
  writeHardState(writer: Writer, hardState: T['hardState']): void;
  readHardState(reader: Reader): T['hardState'];
  writeHeartbeat(writer: Writer, heartbeat: T['heartbeat']): void;
  readonly readHeartbeat: (reader: Reader) => T['heartbeat'];
  writeProof(writer: Writer, proof: T['proof']): void;
  readProof(reader: Reader): T['proof'];
}

/** What a replica starts from. */
export interface RecoveredLog<H> {
  readonly hardState: H;
  /** Where the log begins. */
  readonly compactedIndex: number;
  /** From `compactedIndex` on. */
  readonly entries: readonly Entry[];
  /** Entries below it were applied from this log, so they were decided. */
  readonly appliedIndex?: number;
}

/** One atomic write. */
export interface Persist<T extends LogTypes> {
  /** Undefined: unchanged. */
  readonly hardState: T['hardState'] | undefined;
  /** Entries below it are forgotten. Undefined: unchanged. */
  readonly compactedIndex: number | undefined;
  /** Cuts the log at `from`, then appends. Undefined: the log is unchanged. */
  readonly append: { readonly from: number; readonly entries: readonly Entry[] } | undefined;
  /** To be given back in the `persisted` input. */
  readonly receipt: T['receipt'];
}

export type Input<T extends LogTypes> =
  | { readonly type: 'message'; readonly from: NodeId; readonly message: T['message'] }
  /** Order this entry. `ticket` comes back in the outcome of the same step. */
  | { readonly type: 'propose'; readonly ticket: number; readonly entry: Entry }
  /** Find a position in the log such that a state with all entries below it applied gives a linearizable read. */
  | { readonly type: 'read'; readonly ticket: number }
  | { readonly type: 'persisted'; readonly receipt: T['receipt'] }
  /** A heartbeat round ended; `replies` are the members that answered in time, this one not among them. */
  | {
      readonly type: 'heartbeat-round';
      readonly replies: ReadonlyMap<NodeId, T['heartbeat']>;
      /** This replica's disk does not finish its writes: another one should lead. */
      readonly stalled?: boolean;
    }
  /** A member told between two heartbeat rounds that its heartbeat changed. */
  | { readonly type: 'heartbeat-news'; readonly from: NodeId; readonly heartbeat: T['heartbeat'] }
  /** The state that entries below `index` lead to is on disk: they may be forgotten. */
  | { readonly type: 'compact'; readonly index: number }
  /** A state with exactly the decided entries below `index` applied was installed and is on disk. */
  | { readonly type: 'snapshot-installed'; readonly index: number; readonly proof: T['proof'] };

export interface Outgoing<M> {
  readonly to: NodeId;
  readonly message: M;
}

/** A time in which one member may lead; a protocol may call it a ballot or a view. The number grows. */
export interface Term {
  readonly number: number;
  readonly node: NodeId;
}

/** For people: "7.n2" is term 7, of node 2. */
export function formatTerm(term: Term): string {
  return `${term.number}.n${term.node}`;
}

/** Why a proposal or a read was not taken. Definite: it will not be ordered. */
export type Refusal = 'not-leader' | 'no-quorum' | 'stopped';

export type ProposalOutcome =
  /** It has this position; decided if this replica leads without interruption until `decidedIndex` passes it. */
  { readonly ticket: number; readonly index: number } | { readonly ticket: number; readonly refusal: Refusal };

export type ReadOutcome =
  /** Serve it once the entries below `index` are applied; `index` may be above `applicableIndex` still. */
  { readonly ticket: number; readonly index: number } | { readonly ticket: number; readonly refusal: Refusal };

export type LogEvent =
  /** This replica can order proposals now. */
  | { readonly type: 'leading'; readonly term: Term }
  /** This replica stopped leading: what it proposed and did not see decided has an unknown outcome. */
  | { readonly type: 'stepped-down'; readonly term: Term }
  /** It leads and lost touch with the majority: what it proposed and did not see decided may not be decided soon. */
  | { readonly type: 'quorum-lost'; readonly term: Term }
  /** What `heartbeat()` says of this replica changed: worth telling at once. */
  | { readonly type: 'heartbeat-changed' }
  | { readonly type: 'leader-changed'; readonly term: Term; readonly former: Term }
  /** A member sent a number far above all that this replica knows: taken for damage, and ignored. */
  | { readonly type: 'implausible'; readonly from: NodeId; readonly term: Term }
  /** The log cannot catch up by entries alone: install a state of at least `atLeast` from this member. */
  | { readonly type: 'snapshot-needed'; readonly from: NodeId; readonly atLeast: number };

export interface Effects<T extends LogTypes> {
  readonly persist: Persist<T> | undefined;
  readonly send: readonly Outgoing<T['message']>[];
  readonly sendAfterPersist: readonly Outgoing<T['message']>[];
  readonly proposals: readonly ProposalOutcome[];
  readonly reads: readonly ReadOutcome[];
  readonly events: readonly LogEvent[];
}

export interface ReplicatedLog<T extends LogTypes> {
  /** Takes the inputs of one turn, in order, and returns what is to be done about all of them. */
  step(inputs: readonly Input<T>[]): Effects<T>;
  /** What to answer a heartbeat request with. */
  heartbeat(): T['heartbeat'];
  /** What the receiver of a snapshot of this replica's state must know of it. */
  snapshotProof(): T['proof'];
  /** Whether what another member says of its state can be true. */
  isPlausible(proof: T['proof']): boolean;
  /** Entries below it are decided, in this order, for good. */
  readonly decidedIndex: number;
  /**
   * Entries below it are decided and on this replica's disk: to be applied. A state that is ahead of the log on disk would
   * meet another log after a crash.
   */
  readonly applicableIndex: number;
  readonly compactedIndex: number;
  readonly logLength: number;
  /** Bytes of the log that are in memory. */
  readonly logBytes: number;
  /** Whom this replica follows, or that it leads itself; number 0 before the first. */
  readonly term: Term;
  /** Whether a leader of that term is at work, as far as this replica can tell. */
  readonly seesLeader: boolean;
  /** Whether this replica leads and can order proposals. */
  readonly leading: boolean;
  /** Whether it leads and reaches a majority. */
  readonly hasQuorum: boolean;
  /** Decided and other entries of [from, to), not compacted. */
  entries(from: number, to: number): readonly Entry[];
}
