/**
 * What Sequence Paxos has of its own behind the ReplicatedLog seam: what it keeps on disk, what members say of themselves in
 * heartbeats, what a write proves.
 */
import type { Effects, Input, RecoveredLog } from '../replicated-log.ts';
import type { Ballot } from './ballot.ts';
import type { Message } from './messages.ts';

/** What is on disk for a group, besides its entries. */
export interface HardState {
  readonly promisedBallot: Ballot;
  /** The ballot in which the whole log was accepted. */
  readonly acceptedBallot: Ballot;
  /** May lag behind; never ahead of the log that was written with it. */
  readonly decidedIndex: number;
}

/** What a replica starts from. */
export type Recovered = RecoveredLog<HardState>;

/** Up to where the log is on disk, and for which ballot. */
export interface PersistReceipt {
  readonly acceptedBallot: Ballot;
  readonly logLength: number;
}

/** What one member says of itself about one group in each heartbeat reply. */
export interface GroupHeartbeat {
  /** The ballot it leads with or last tried to. */
  readonly ballot: Ballot;
  /** The ballot of the leader it knows. */
  readonly leaderBallot: Ballot;
  /** Whether it sees a quorum-connected leader, itself included. */
  readonly happy: boolean;
  /** While it leads and has a majority's logs: what it knows to be decided. Otherwise 0. */
  readonly leadingDecidedIndex: number;
}

export interface SequencePaxosTypes {
  readonly message: Message;
  readonly hardState: HardState;
  readonly receipt: PersistReceipt;
  readonly heartbeat: GroupHeartbeat;
  /** The sender's promise when it took the snapshot: its entries were decided in no higher ballot. */
  readonly proof: Ballot;
}

export type SequencePaxosInput = Input<SequencePaxosTypes>;
export type SequencePaxosEffects = Effects<SequencePaxosTypes>;
