/**
 * The node's loop: stage 7 of the data path. At the end of a turn of the event loop it collects the effects of every group
 * that has something to do into one storage commit and one frame per peer, and one reply frame per client connection.
 *
 * State: the batch that is being written and the one that forms meanwhile; outgoing messages by peer. Invariant: a message
 * that depends on a write leaves after the commit that holds the write, and so after every earlier one.
 */
import type { Clock, GroupId, Histogram, NodeId, PeerTransport } from '@kvorum/common';
import { FRAME_BYTES_MAX, Writer } from '@kvorum/common';
import type { PeerMessage } from './peer-protocol.ts';
import { beginReplicaMessage, writePeerMessage } from './peer-protocol.ts';
import type { GroupReplica } from './replication/group-replica.ts';
import type { Outgoing, ReplicaEffects } from './replication/replication-protocol.ts';
import type { LogWrite, ReplicatedLogStorage } from './storage/storage-ports.ts';

/** What one commit writes, in the order it was asked for, and what waits for it. */
class CommitBatch {
  readonly writes: LogWrite[] = [];
  /** The last receipt of each replica covers the earlier ones. */
  readonly receipts = new Map<GroupReplica, unknown>();
  readonly messages: { readonly replica: GroupReplica; readonly outgoing: Outgoing }[] = [];
  readonly callbacks: (() => void)[] = [];

  get isEmpty(): boolean {
    return this.writes.length === 0;
  }

  add(replica: GroupReplica, { persist }: ReplicaEffects): void {
    if (persist === undefined) return;
    this.writes.push(persist.write);
    this.receipts.set(replica, persist.receipt);
  }
}

export interface LoopPorts {
  readonly clock: Clock;
  readonly transport: PeerTransport;
  readonly storage: ReplicatedLogStorage;
  readonly replica: (group: GroupId) => GroupReplica | undefined;
  /** A turn ends: sends the replies that it produced. */
  readonly endTurn: () => void;
  /** A commit that takes more heartbeat rounds makes the node unfit to lead. */
  readonly stalledCommitRoundsMax: number;
  readonly turnDuration: Histogram;
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
    this.#ports.clock.defer(this.#runScheduled);
  }

  readonly #runScheduled = (): void => {
    this.#scheduled = false;
    this.#run();
  };

  /** A heartbeat round ended. Returns whether the disk has not finished a commit for so long that others should lead. */
  onHeartbeatRound(): boolean {
    this.#commitRounds = this.#committing === undefined ? 0 : this.#commitRounds + 1;
    return this.#commitRounds > this.#ports.stalledCommitRoundsMax;
  }

  stop(): void {
    this.#stopped = true;
  }

  send(to: NodeId, message: PeerMessage): void {
    writePeerMessage(this.#writerTo(to), message);
  }

  #writerTo(to: NodeId): Writer {
    let writer = this.#outbox.get(to);
    // A message is far below the limit of a frame, so a frame that is half full has room for any.
    if (writer !== undefined && writer.length > FRAME_BYTES_MAX / 2) {
      this.#ports.transport.send(to, writer.finish());
      writer = undefined;
    }
    if (writer === undefined) {
      writer = new Writer();
      this.#outbox.set(to, writer);
    }
    this.schedule();
    return writer;
  }

  /** Calls back once everything that the replicas asked to be written so far is on disk. */
  whenCommitted(done: () => void): void {
    const last = this.#next.isEmpty ? this.#committing : this.#next;
    if (last === undefined) done();
    else last.callbacks.push(done);
  }

  #run(): void {
    if (this.#stopped) return;
    this.#running = true;
    const startedMs = this.#ports.clock.monotonicMs();
    // Who is woken meanwhile has its turn in the next one, after what has come in by then.
    const awake = [...this.#awake];
    this.#awake.clear();
    for (const group of awake) {
      const replica = this.#ports.replica(group);
      if (replica !== undefined) this.#collect(replica, startedMs);
    }
    this.#releaseIfNothingToWrite();
    this.#flushOutbox();
    this.#ports.endTurn();
    this.#startCommit();
    this.#ports.turnDuration.observe((this.#ports.clock.monotonicMs() - startedMs) / 1000);
    this.#running = false;
    if (this.#awake.size > 0) this.schedule();
  }

  #collect(replica: GroupReplica, nowMs: number): void {
    const effects = replica.turn(nowMs);
    for (const outgoing of effects.send) this.#sendOf(replica, outgoing);
    this.#next.add(replica, effects);
    for (const outgoing of effects.sendAfterPersist) this.#next.messages.push({ replica, outgoing });
  }

  /** Without a write ahead of them, messages that wait for one can go. */
  #releaseIfNothingToWrite(): void {
    if (!this.#next.isEmpty || this.#next.messages.length === 0) return;
    const holder = this.#committing;
    if (holder !== undefined) holder.messages.push(...this.#next.messages);
    else for (const { replica, outgoing } of this.#next.messages) this.#sendOf(replica, outgoing);
    this.#next = new CommitBatch();
  }

  #startCommit(): void {
    if (this.#committing !== undefined || this.#next.isEmpty) return;
    const batch = this.#next;
    this.#committing = batch;
    this.#commitRounds = 0;
    this.#next = new CommitBatch();
    this.#ports.storage.commit(batch.writes, () => this.#committed(batch));
  }

  #committed(batch: CommitBatch): void {
    if (this.#stopped) return;
    this.#committing = undefined;
    for (const { replica, outgoing } of batch.messages) this.#sendOf(replica, outgoing);
    for (const [replica, receipt] of batch.receipts) {
      // Unless it was closed meanwhile, or another one took its place.
      if (this.#ports.replica(replica.group) === replica) replica.input({ type: 'persisted', receipt });
    }
    for (const callback of batch.callbacks) callback();
    this.#run();
  }

  #sendOf(replica: GroupReplica, { to, message }: Outgoing): void {
    const writer = this.#writerTo(to);
    const start = beginReplicaMessage(writer, replica.group);
    replica.writeMessage(writer, message);
    writer.endSized(start);
  }

  #flushOutbox(): void {
    for (const [peer, writer] of this.#outbox) this.#ports.transport.send(peer, writer.finish());
    this.#outbox.clear();
  }
}
