/**
 * The node's loop: stage 6 of the data path. At the end of a turn of the event loop it collects the effects of every group
 * that has something to do into one storage commit and one frame per peer, and one reply frame per client connection.
 *
 * State: the batch that is being written and the one that forms meanwhile; outgoing messages by peer. Invariant: a message
 * that depends on a write leaves after the commit that holds the write, and so after every earlier one.
 */
import type { Clock, GroupId, NodeId, PeerTransport } from '@kvorum/common';
import { limits, Writer } from '@kvorum/common';
import type { Effects, Outgoing, PersistReceipt } from '@kvorum/consensus';
import type { GroupReplica } from './replication/group-replica.ts';
import type { PeerMessage } from './peer-protocol.ts';
import { writePeerMessage } from './peer-protocol.ts';
import type { LogMutation, LogStorage } from './storage/storage.ts';

type GroupMutation = Extract<LogMutation, { type: 'group' }>;

/** What one commit writes, and what waits for it. */
class CommitBatch {
  readonly #groups = new Map<GroupId, GroupMutation>();
  readonly #records: LogMutation[] = [];
  /** The last receipt of each group covers the earlier ones. */
  readonly receipts = new Map<GroupId, PersistReceipt>();
  readonly messages: { readonly group: GroupId; readonly outgoing: Outgoing }[] = [];
  readonly callbacks: (() => void)[] = [];

  get isEmpty(): boolean {
    return this.#groups.size === 0 && this.#records.length === 0;
  }

  get mutations(): readonly LogMutation[] {
    return [...this.#records, ...this.#groups.values()];
  }

  addRecord(name: string, value: Uint8Array, done: () => void): void {
    this.#records.push({ type: 'record', name, value });
    this.callbacks.push(done);
  }

  addGroup(group: GroupId, effects: Effects): void {
    const { persist } = effects;
    if (persist === undefined) return;
    const earlier = this.#groups.get(group);
    const hardState = persist.hardState ?? earlier?.hardState;
    this.#groups.set(group, { type: 'group', group, hardState, append: joinAppends(earlier?.append, persist.append) });
    this.receipts.set(group, persist.receipt);
  }
}

/** One append with the effect of both: the later one may cut what the earlier one wrote. */
function joinAppends(earlier: GroupMutation['append'], later: GroupMutation['append']): GroupMutation['append'] {
  if (earlier === undefined || later === undefined) return later ?? earlier;
  if (later.from <= earlier.from) return later;
  return { from: earlier.from, entries: [...earlier.entries.slice(0, later.from - earlier.from), ...later.entries] };
}

/** A commit that takes longer makes the node unfit to lead, 1 s with the default round. */
const STALLED_COMMIT_ROUNDS = 10;

export interface LoopPorts {
  readonly clock: Clock;
  readonly transport: PeerTransport;
  readonly storage: LogStorage;
  readonly replica: (group: GroupId) => GroupReplica | undefined;
  /** Sends the replies that this turn produced. */
  readonly flushReplies: () => void;
}

export class NodeLoop {
  readonly #ports: LoopPorts;
  readonly #awake = new Set<GroupId>();
  readonly #outbox = new Map<NodeId, Writer>();
  #scheduled = false;
  #running = false;
  #stopped = false;
  #committing: CommitBatch | undefined;
  #next = new CommitBatch();
  /** Heartbeat rounds that the commit under way has taken so far. */
  #commitRounds = 0;

  constructor(ports: LoopPorts) {
    this.#ports = ports;
  }

  /** Has the group's turn taken at the end of this turn of the event loop. */
  wake(group: GroupId): void {
    this.#awake.add(group);
    this.schedule();
  }

  schedule(): void {
    // A run takes what is added while it runs with it.
    if (this.#scheduled || this.#running || this.#stopped) return;
    this.#scheduled = true;
    this.#ports.clock.defer(() => {
      this.#scheduled = false;
      this.#run();
    });
  }

  /** A heartbeat round ended. Returns whether the disk has not finished a commit for so long that others should lead. */
  onRound(): boolean {
    this.#commitRounds = this.#committing === undefined ? 0 : this.#commitRounds + 1;
    return this.#commitRounds > STALLED_COMMIT_ROUNDS;
  }

  stop(): void {
    this.#stopped = true;
  }

  send(to: NodeId, message: PeerMessage): void {
    let writer = this.#outbox.get(to);
    // A message is far below the limit of a frame, so a frame that is half full has room for any.
    if (writer !== undefined && writer.length > limits.frameBytesMax / 2) {
      this.#ports.transport.send(to, writer.finish());
      writer = undefined;
    }
    if (writer === undefined) {
      writer = new Writer();
      this.#outbox.set(to, writer);
    }
    writePeerMessage(writer, message);
    this.schedule();
  }

  /** Writes a record of the node itself with the next commit. */
  persistRecord(name: string, value: Uint8Array, done: () => void): void {
    this.#next.addRecord(name, value, done);
    this.schedule();
  }

  #run(): void {
    if (this.#stopped) return;
    this.#running = true;
    // Who is woken meanwhile has its turn in the next one, after what has come in by then.
    const awake = [...this.#awake];
    this.#awake.clear();
    for (const group of awake) {
      const replica = this.#ports.replica(group);
      if (replica !== undefined) this.#collect(group, replica.turn());
    }
    this.#releaseIfNothingToWrite();
    this.#flushOutbox();
    this.#ports.flushReplies();
    this.#startCommit();
    this.#running = false;
    if (this.#awake.size > 0) this.schedule();
  }

  #collect(group: GroupId, effects: Effects): void {
    for (const outgoing of effects.send) this.#sendConsensus(group, outgoing);
    this.#next.addGroup(group, effects);
    for (const outgoing of effects.sendAfterPersist) this.#next.messages.push({ group, outgoing });
  }

  /** Without a write ahead of them, messages that wait for one can go. */
  #releaseIfNothingToWrite(): void {
    if (!this.#next.isEmpty || this.#next.messages.length === 0) return;
    const holder = this.#committing;
    if (holder !== undefined) holder.messages.push(...this.#next.messages);
    else for (const { group, outgoing } of this.#next.messages) this.#sendConsensus(group, outgoing);
    this.#next = new CommitBatch();
  }

  #startCommit(): void {
    if (this.#committing !== undefined || this.#next.isEmpty) return;
    const batch = this.#next;
    this.#committing = batch;
    this.#commitRounds = 0;
    this.#next = new CommitBatch();
    this.#ports.storage.commit(batch.mutations, () => this.#committed(batch));
  }

  #committed(batch: CommitBatch): void {
    if (this.#stopped) return;
    this.#committing = undefined;
    for (const { group, outgoing } of batch.messages) this.#sendConsensus(group, outgoing);
    for (const [group, receipt] of batch.receipts) this.#ports.replica(group)?.onPersisted(receipt);
    for (const callback of batch.callbacks) callback();
    this.#run();
  }

  #sendConsensus(group: GroupId, outgoing: Outgoing): void {
    this.send(outgoing.to, { type: 'consensus', group, message: outgoing.message });
  }

  #flushOutbox(): void {
    for (const [peer, writer] of this.#outbox) this.#ports.transport.send(peer, writer.finish());
    this.#outbox.clear();
  }
}
