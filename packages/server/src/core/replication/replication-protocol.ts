/**
 * The seam between a group's replication protocol and the rest of the node: one step, inputs in, effects out. What a group
 * runs is a field of its layout; the node loop, the router and the simulator know nothing of ballots, logs or leaders but
 * what is said here.
 *
 * Two families stand behind it. Log protocols share the adapter in log-replica.ts, which puts a state machine and sessions on
 * top of a `ReplicatedLog`. Register protocols keep records by key in the replicated log's storage and apply nothing.
 */
import type {
  Answer,
  GroupId,
  GroupLayout,
  GroupReply,
  GroupRequest,
  Layout,
  LogFields,
  NodeId,
  OperationType,
  Query,
  Settings,
  Writer,
} from '@kvorum/common';
import type { Entry, Term } from '@kvorum/consensus';
import type { StateMachineFactory } from '../state/state-machine.ts';
import type { AppliedStateStorage, LogWrite, ReplicatedLogStorage, StateRecord } from '../storage/storage-ports.ts';

/** What a read promises about how fresh it is. */
export type ConsistencyLevel = 'linearizable';

/** What a protocol can do, so that nobody asks it for more. */
export interface Traits {
  readonly operations: ReadonlySet<OperationType>;
  /** Whether there is one order of all commands of a group, or one for each key. */
  readonly order: 'log' | 'register';
  /** Who takes requests: any member, the one that leads the group, or the one that leads the key. */
  readonly leader: 'none' | 'one' | 'per-key';
  /** Whether a command that is retried in its session is executed once. */
  readonly sessions: boolean;
  readonly levels: readonly ConsistencyLevel[];
}

export interface ReplicationProtocol {
  /** As it stands in a group's layout. */
  readonly name: string;
  readonly traits: Traits;
  /** Starts a replica from what is on disk. Throws CorruptRecord or UnknownFormat when that cannot be used. */
  open(seat: ReplicaSeat): Replica;
}

/** The protocols that a program knows, by name. */
export type ProtocolTable = ReadonlyMap<string, ReplicationProtocol>;

/** A layout asks for a protocol that this program does not know. */
export class UnknownProtocol extends Error {
  override readonly name = 'UnknownProtocol';

  constructor(group: Pick<GroupLayout, 'id' | 'protocol'>, known: Iterable<string>) {
    super(
      `group ${group.id} is to run the protocol ${group.protocol}, which this version of Kvorum does not know; it knows ${[...known].join(', ')}`,
    );
  }
}

/** The first of the node's groups whose protocol is none of these. */
export function unknownProtocol(layout: Layout, node: NodeId, known: ProtocolTable): UnknownProtocol | undefined {
  const foreign = layout.groups.find(({ members, protocol }) => members.includes(node) && !known.has(protocol));
  return foreign && new UnknownProtocol(foreign, known.keys());
}

/** What a replica is given: its place in the group and the storage it starts from. It writes through its effects only. */
export interface ReplicaSeat {
  readonly group: GroupId;
  readonly self: NodeId;
  /** All members, this one included, in order of preference as leader. */
  readonly members: readonly NodeId[];
  /** How often the node was started: with it a replica can make numbers that no earlier start has used. */
  readonly incarnation: number;
  readonly settings: Settings;
  readonly logStorage: Pick<ReplicatedLogStorage, 'readLog' | 'readRecords'>;
  readonly stateStorage: AppliedStateStorage;
  readonly createMachine: StateMachineFactory;
  /** The monotonic clock when the replica starts, milliseconds. */
  readonly nowMs: number;
  /** The request of the ticket; undefined when nobody waits for its outcome any more. */
  awaited(ticket: number): GroupRequest | undefined;
}

export type ReplicaInput =
  /** Serve this. `ticket` comes back with the outcome, in this step or a later one. */
  | { readonly type: 'request'; readonly ticket: number; readonly request: GroupRequest }
  /** From another member, in the protocol's own encoding. */
  | { readonly type: 'message'; readonly from: NodeId; readonly body: Uint8Array }
  /** A write of this replica is on disk; and so is every earlier one. */
  | { readonly type: 'persisted'; readonly receipt: unknown }
  /** A heartbeat round ended; `answers` are those of the members that answered in time. */
  | {
      readonly type: 'heartbeat-round';
      readonly answers: ReadonlyMap<NodeId, Uint8Array>;
      /** The disk does not finish its writes. */
      readonly stalled: boolean;
    }
  /** What a member said of itself between two rounds. */
  | { readonly type: 'heartbeat-news'; readonly from: NodeId; readonly body: Uint8Array }
  /** What `applied` gave to be flushed is on disk. Entries from `retainFrom` on are wanted by a snapshot under way. */
  | { readonly type: 'flushed'; readonly retainFrom: number }
  /** The storage holds a state of another replica now. */
  | { readonly type: 'snapshot-installed' };

/** To another member. The replica itself says what the message looks like on the wire: `writeMessage`. */
export interface Outgoing {
  readonly to: NodeId;
  readonly message: unknown;
}

export interface Outcome {
  readonly ticket: number;
  readonly reply: GroupReply;
}

export type ReplicaEvent =
  | { readonly type: 'leading' | 'stepped-down' | 'quorum-lost'; readonly term: Term }
  | { readonly type: 'leader-changed'; readonly term: Term; readonly former: Term }
  /** What `heartbeat` says changed: worth telling at once. */
  | { readonly type: 'heartbeat-changed' }
  | { readonly type: 'implausible'; readonly from: NodeId; readonly term: Term }
  | { readonly type: 'snapshot-needed'; readonly from: NodeId; readonly atLeast: number }
  /** A message of a member does not decode. */
  | { readonly type: 'bad-message'; readonly from: NodeId; readonly reason: string }
  /** Entries were applied: `applied` has something to flush. */
  | { readonly type: 'applied' };

export interface ReplicaEffects {
  /** One atomic write, and what to give back when it is on disk. */
  readonly persist: { readonly write: LogWrite; readonly receipt: unknown } | undefined;
  readonly send: readonly Outgoing[];
  /** Leaves once everything that was persisted up to and with this step is on disk. */
  readonly sendAfterPersist: readonly Outgoing[];
  readonly outcomes: readonly Outcome[];
  readonly events: readonly ReplicaEvent[];
  /** More is to be done in the next turn, though nothing new comes in. */
  readonly again: boolean;
}

export interface Replica {
  /** Takes the inputs of one turn, in order, and returns what is to be done about all of them. */
  step(inputs: readonly ReplicaInput[], nowMs: number): ReplicaEffects;
  /** Writes a message that a step of this replica sent. */
  writeMessage(writer: Writer, message: unknown): void;
  /** Whether requests are to be given to this replica rather than to `leader`. */
  readonly serves: boolean;
  /** The member that takes the group's requests, as far as this one sees it at work, itself included; 0 for not known. */
  readonly leader: NodeId;
  /** Whether the group can be served, as far as this replica sees. */
  readonly healthy: boolean;
  readonly term: Term;
  /** What the other members are told of this replica with every heartbeat; undefined for a protocol without. */
  heartbeat(): Uint8Array | undefined;
  /** For people and tools. */
  describe(): LogFields;
  /** The state beside the protocol's own records, if it keeps one: it is flushed, and handed to replicas that fell behind. */
  readonly applied: AppliedState | undefined;
  /** For checks from outside: the log, if there is one. */
  readonly log: LogView | undefined;
}

export interface AppliedState {
  /** What was applied here so far, which others may be ahead of. */
  query(query: Query): Answer;
  readonly hasUnflushed: boolean;
  /** So much is to be flushed, and can be, that writes would be refused before long. */
  readonly flushIsUrgent: boolean;
  /** Log entries whose effects are in the storage. */
  readonly durableIndex: number;
  startFlush(): { readonly records: readonly StateRecord[]; readonly flushed: () => void } | undefined;
  /** What the receiver of a snapshot of the stored state must know of it. */
  snapshotProof(): Uint8Array;
  /** Throws CorruptRecord for a record that must not be handed on. */
  checkSnapshotRecord(record: StateRecord): void;
  /**
   * Whether a fetched state with at least `index` entries applied is of use, and what its sender says of it can be true; then
   * nothing more is written to this one.
   */
  beginReplacement(index: number, proof: Uint8Array): boolean;
}

export interface LogView {
  readonly decidedIndex: number;
  readonly compactedIndex: number;
  readonly logLength: number;
  /** Of [from, to), not compacted. */
  entries(from: number, to: number): readonly Entry[];
}
