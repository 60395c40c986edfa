/**
 * Moves a group's applied state to a replica whose log cannot catch up by entries: the receiver pulls part after part from
 * a consistent view of the sender's storage, so that a lost part is simply asked for again.
 *
 * State: transfers under way, as sender and as receiver, at most one per group and peer. Invariant: the receiver's old
 * state stays in force until the last part is on disk.
 */
import type { GroupId, NodeId, Settings } from '@kvorum/common';
import { mark } from '../marks.ts';
import type { PeerMessage } from '../peer-protocol.ts';
import { installedRecord, isInstalledRecord } from '../state/group-state.ts';
import type { AppliedStateStorage, StateInstall, StateRecord, StateSnapshot } from '../storage/storage-ports.ts';
import type { AppliedState } from './replication-protocol.ts';

type PartRequest = Extract<PeerMessage, { type: 'snapshot-request' }>;
type Part = Extract<PeerMessage, { type: 'snapshot-part' }>;

export interface SnapshotHost {
  send(to: NodeId, message: PeerMessage): void;
  /** The incarnation of the peer, as far as it has told. */
  incarnationOf(node: NodeId): number;
  isAlive(node: NodeId): boolean;
  /** The applied state of this node's replica of the group, if it has one. */
  applied(group: GroupId): AppliedState | undefined;
  /** The storage holds the fetched state of the group now. */
  onInstalled(group: GroupId): void;
}

interface Sending {
  readonly group: GroupId;
  readonly transfer: number;
  /** Entries that the state has applied. */
  readonly index: number;
  /** What this node's log says of the state. */
  readonly proof: Uint8Array;
  readonly applied: AppliedState;
  readonly view: StateSnapshot;
  part: number;
  records: readonly StateRecord[];
  idleRounds: number;
}

interface Fetching {
  readonly from: NodeId;
  /** The incarnation of the sender that was asked: a later one knows nothing of the transfer. */
  readonly incarnation: number;
  readonly transfer: number;
  readonly atLeast: number;
  readonly install: StateInstall;
  /** The part that is awaited. */
  part: number;
  /** A part is being written. */
  writing: boolean;
  idleRounds: number;
}

export class Snapshots {
  readonly #storage: AppliedStateStorage;
  readonly #settings: Settings;
  readonly #host: SnapshotHost;
  readonly #sending = new Map<string, Sending>();
  readonly #fetching = new Map<GroupId, Fetching>();
  #lastTransfer: number;

  /** Transfers are numbered from `firstTransfer` on: a number that an earlier run of this node did not use. */
  constructor(storage: AppliedStateStorage, host: SnapshotHost, firstTransfer: number, settings: Settings) {
    this.#storage = storage;
    this.#settings = settings;
    this.#host = host;
    this.#lastTransfer = firstTransfer;
  }

  /** The lowest log position that a transfer under way ends at: its receiver goes on from there. Infinity for none. */
  retainFrom(group: GroupId): number {
    let index = Infinity;
    for (const sending of this.#sending.values()) if (sending.group === group) index = Math.min(index, sending.index);
    return index;
  }

  /**
   * Fetches a state with at least `atLeast` entries applied; false when one is being fetched already, unless that comes from a node
   * which is suspected meanwhile.
   */
  fetch(group: GroupId, from: NodeId, atLeast: number): boolean {
    const current = this.#fetching.get(group);
    if (current !== undefined) {
      if (current.writing || this.#host.isAlive(current.from)) return false;
      this.#giveUp(group, current);
    }
    this.#lastTransfer += 1;
    const transfer = this.#lastTransfer;
    const install = this.#storage.install(group);
    const incarnation = this.#host.incarnationOf(from);
    this.#fetching.set(group, {
      from,
      incarnation,
      transfer,
      atLeast,
      install,
      part: 0,
      writing: false,
      idleRounds: 0,
    });
    this.#host.send(from, { type: 'snapshot-request', group, transfer, part: 0 });
    return true;
  }

  onRequest(from: NodeId, message: PartRequest): void {
    const name = `${from}/${message.group}`;
    let sending = this.#sending.get(name);
    // A late request of a transfer that the receiver has given up.
    if (sending !== undefined && message.transfer < sending.transfer) return;
    if (sending?.transfer !== message.transfer) {
      const applied = this.#host.applied(message.group);
      if (applied === undefined) return;
      if (message.part !== 0) {
        // Of an earlier start of this node, or the receiver was silent for too long.
        this.#host.send(from, { type: 'snapshot-lost', group: message.group, transfer: message.transfer });
        return;
      }
      sending?.view.close();
      const view = this.#storage.snapshot(message.group);
      sending = {
        group: message.group,
        transfer: message.transfer,
        index: applied.durableIndex,
        proof: applied.snapshotProof(),
        applied,
        view,
        part: -1,
        records: [],
        idleRounds: 0,
      };
      this.#sending.set(name, sending);
    }
    sending.idleRounds = 0;
    if (message.part === sending.part + 1) {
      sending.part = message.part;
      const records = sending.view.next(this.#settings.limits.snapshotChunkBytes);
      for (const record of records) sending.applied.checkSnapshotRecord(record);
      sending.records = records.filter((record) => !isInstalledRecord(record));
    }
    if (message.part !== sending.part) return;
    const { group, transfer, part } = message;
    const { proof, records } = sending;
    this.#host.send(from, { type: 'snapshot-part', group, transfer, part, proof, records });
  }

  onPart(from: NodeId, message: Part): void {
    const fetching = this.#fetching.get(message.group);
    if (fetching?.transfer !== message.transfer || fetching.from !== from) return;
    if (fetching.part !== message.part || fetching.writing) return;
    fetching.writing = true;
    fetching.idleRounds = 0;
    if (message.records.length > 0) {
      fetching.install.add(message.records, () => this.#next(message.group, fetching));
      return;
    }
    if (this.#host.applied(message.group)?.beginReplacement(fetching.atLeast, message.proof) !== true) {
      mark('snapshot-cancelled');
      fetching.install.abort();
      this.#fetching.delete(message.group);
      return;
    }
    fetching.install.add([installedRecord(message.proof)], () => {
      fetching.install.finish(() => {
        if (this.#fetching.get(message.group) !== fetching) return;
        this.#fetching.delete(message.group);
        this.#host.onInstalled(message.group);
      });
    });
  }

  onLost(from: NodeId, message: Extract<PeerMessage, { type: 'snapshot-lost' }>): void {
    const fetching = this.#fetching.get(message.group);
    if (fetching?.transfer !== message.transfer || fetching.from !== from || fetching.writing) return;
    this.#giveUp(message.group, fetching);
  }

  /** The leader will offer its state again. */
  #giveUp(group: GroupId, fetching: Fetching): void {
    mark('snapshot-given-up');
    fetching.install.abort();
    this.#fetching.delete(group);
  }

  #next(group: GroupId, fetching: Fetching): void {
    fetching.writing = false;
    fetching.part += 1;
    this.#ask(group, fetching);
  }

  #ask(group: GroupId, fetching: Fetching): void {
    const { from, transfer, part } = fetching;
    this.#host.send(from, { type: 'snapshot-request', group, transfer, part });
  }

  onHeartbeatRound(): void {
    for (const [name, sending] of this.#sending) {
      sending.idleRounds += 1;
      if (sending.idleRounds <= this.#settings.timings.snapshotIdleRoundsMax) continue;
      sending.view.close();
      this.#sending.delete(name);
    }
    for (const [group, fetching] of this.#fetching) {
      if (fetching.writing) continue;
      fetching.idleRounds += 1;
      if (this.#isLost(fetching)) {
        this.#giveUp(group, fetching);
      } else if (fetching.idleRounds % this.#settings.timings.snapshotRepeatRounds === 0) {
        this.#ask(group, fetching);
      }
    }
  }

  /** Nothing more will come of the transfer. */
  #isLost({ from, incarnation, idleRounds }: Fetching): boolean {
    if (this.#host.incarnationOf(from) !== incarnation) return true;
    const { snapshotIdleRoundsMax, snapshotRepeatRounds } = this.#settings.timings;
    return idleRounds > (this.#host.isAlive(from) ? snapshotIdleRoundsMax : snapshotRepeatRounds);
  }

  /** The group's replica here ends: so do its transfers. */
  forget(group: GroupId): void {
    for (const [name, sending] of this.#sending) {
      if (sending.group !== group) continue;
      sending.view.close();
      this.#sending.delete(name);
    }
    this.#fetching.get(group)?.install.abort();
    this.#fetching.delete(group);
  }

  /** Closes every view. */
  close(): void {
    for (const sending of this.#sending.values()) sending.view.close();
    for (const fetching of this.#fetching.values()) fetching.install.abort();
    this.#sending.clear();
    this.#fetching.clear();
  }
}
