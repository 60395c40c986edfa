/**
 * The seam between consensus and the rest of a node: inputs go in, effects come out, nothing else happens. Sequence Paxos
 * is the first implementation.
 *
 * The caller's side of the contract:
 * - it carries out the effects of one step before the next step's, in order;
 * - `persist` is on disk before any message of `sendAfterPersist`, of this step or a later one, leaves; and the caller
 *   then gives back a `persisted` input;
 * - after a crash it starts a new instance from what was on disk.
 */
import type { NodeId } from '@kvorum/common';
import type { Ballot } from './sequence-paxos/ballot.ts';
import type { Entry } from './entry.ts';
import type { Message } from './sequence-paxos/messages.ts';

/** What is on disk for a group, besides its entries. */
export interface HardState {
  readonly promisedBallot: Ballot;
  /** The ballot in which the whole log was accepted. */
  readonly acceptedBallot: Ballot;
  /** May lag behind; never ahead of the log that was written with it. */
  readonly decidedIndex: number;
  /** Where the log begins. */
  readonly compactedIndex: number;
}

/** What a replica starts from. */
export interface Recovered extends HardState {
  /** From `compactedIndex` on. */
  readonly entries: readonly Entry[];
}

/** One atomic write. */
export interface Persist {
  /** Undefined: unchanged. */
  readonly hardState: HardState | undefined;
  /** Cuts the log at `from`, then appends. Undefined: the log is unchanged. */
  readonly append: { readonly from: number; readonly entries: readonly Entry[] } | undefined;
  /** To be given back in the `persisted` input. */
  readonly receipt: PersistReceipt;
}

/** Up to where the log is on disk, and for which ballot. */
export interface PersistReceipt {
  readonly acceptedBallot: Ballot;
  readonly logLength: number;
}

/** What one member says of itself about one group in each heartbeat reply. */
export interface GroupHeartbeat {
  /** The ballot it leads with or last tried to. */
  readonly ballot: Ballot;
  /** The leader it knows. */
  readonly leader: Ballot;
  /** Whether it sees a quorum-connected leader, itself included. */
  readonly happy: boolean;
  /** While it leads and has a majority's logs: what it knows to be decided. Otherwise 0. */
  readonly leadingDecidedIndex: number;
}

export type Input =
  | { readonly type: 'message'; readonly from: NodeId; readonly message: Message }
  /** Order this entry. `ticket` comes back in the outcome of the same step. */
  | { readonly type: 'propose'; readonly ticket: number; readonly entry: Entry }
  /** Find a position in the log such that a state with all entries below it applied gives a linearizable read. */
  | { readonly type: 'read'; readonly ticket: number }
  | { readonly type: 'persisted'; readonly receipt: PersistReceipt }
  /** A heartbeat round ended; `replies` are the members that answered in time, this one not among them. */
  | {
      readonly type: 'round';
      readonly replies: ReadonlyMap<NodeId, GroupHeartbeat>;
      /** This replica's disk does not finish its writes: another one should lead. */
      readonly stalled?: boolean;
    }
  /** A member told between two rounds that its heartbeat changed. */
  | { readonly type: 'news'; readonly heartbeat: GroupHeartbeat }
  /** The state that entries below `index` lead to is on disk: they may be forgotten. */
  | { readonly type: 'compact'; readonly index: number }
  /** A state with exactly the decided entries below `index` applied was installed and is on disk. */
  | {
      readonly type: 'snapshot-installed';
      readonly index: number;
      /** The sender's promise when it took the snapshot: those entries were decided in no higher ballot. */
      readonly ballot: Ballot;
    };

export interface Outgoing {
  readonly to: NodeId;
  readonly message: Message;
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
  | { readonly type: 'leading'; readonly ballot: Ballot }
  /** This replica stopped leading: what it proposed and did not see decided has an unknown outcome. */
  | { readonly type: 'stepped-down'; readonly ballot: Ballot }
  /** It leads and lost touch with the majority: what it proposed and did not see decided may not be decided soon. */
  | { readonly type: 'quorum-lost'; readonly ballot: Ballot }
  /** What `heartbeat()` says of this replica's ballot or happiness changed: worth telling at once. */
  | { readonly type: 'heartbeat-changed' }
  | { readonly type: 'leader-changed'; readonly ballot: Ballot; readonly former: Ballot }
  /** The log cannot catch up by entries alone: install a state of at least `atLeast` from this member. */
  | { readonly type: 'snapshot-needed'; readonly from: NodeId; readonly atLeast: number };

export interface Effects {
  readonly persist: Persist | undefined;
  readonly send: readonly Outgoing[];
  readonly sendAfterPersist: readonly Outgoing[];
  readonly proposals: readonly ProposalOutcome[];
  readonly reads: readonly ReadOutcome[];
  readonly events: readonly LogEvent[];
}

export interface ReplicatedLog {
  /** Takes the inputs of one turn, in order, and returns what is to be done about all of them. */
  step(inputs: readonly Input[]): Effects;
  /** What to answer a heartbeat request with. */
  heartbeat(): GroupHeartbeat;
  /** Entries below it are decided, in this order, for good. */
  readonly decidedIndex: number;
  /**
   * Entries below it are decided and on this replica's disk: to be applied. A state that is ahead of the log on disk would
   * meet another log after a crash.
   */
  readonly applicableIndex: number;
  readonly promisedBallot: Ballot;
  readonly compactedIndex: number;
  readonly logLength: number;
  /** Bytes of the log that are in memory. */
  readonly logBytes: number;
  /** The ballot of the leader this replica follows or is; number 0 before the first. */
  readonly leader: Ballot;
  /** Whether this replica leads and can order proposals. */
  readonly leading: boolean;
  /** Decided and other entries of [from, to), not compacted. */
  entries(from: number, to: number): readonly Entry[];
}
