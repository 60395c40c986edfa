import type { NodeId } from '@kvorum/common';
import { crc32, limits } from '@kvorum/common';
import type { Ballot } from '@kvorum/consensus';
import { describe, expect, it } from 'vitest';
import { installedRecord, isInstalledRecord } from '../../../src/core/state/group-state.ts';
import type { PeerMessage } from '../../../src/core/index.ts';
import { CorruptRecord } from '../../../src/core/index.ts';
import { seal } from '../../../src/core/storage/log-record.ts';
import { Snapshots } from '../../../src/core/replication/snapshots.ts';
import { MemoryStateStorage } from '../fakes.ts';
import { ballot, b, text } from '../values.ts';

const GROUP = 3;
const old = [`old: 5 of ${crc32(b('state'))}`];

class Side {
  readonly storage = new MemoryStateStorage();
  readonly sent: { to: NodeId; message: PeerMessage }[] = [];
  installed = 0;
  stillOfUse = true;
  promised: Ballot | undefined = ballot(4, 2);
  /** Of the other side, as this one knows it. */
  starts = 1;
  alive = true;
  readonly snapshots: Snapshots;

  constructor(firstTransfer = 100) {
    this.storage.commits.immediate = true;
    this.snapshots = new Snapshots(
      this.storage,
      {
        send: (to, message) => this.sent.push({ to, message }),
        startsOf: () => this.starts,
        isAlive: () => this.alive,
        promisedBallot: () => this.promised,
        storedIndex: () => 0,
        beginReplacement: () => this.stillOfUse,
        onInstalled: () => (this.installed += 1),
      },
      firstTransfer,
    );
  }

  rounds(count: number): void {
    for (let round = 0; round < count; round += 1) this.snapshots.onRound();
  }
}

/** A state as text, without the mark: comparing megabytes element by element takes long. */
function stateOf(side: Side): string[] {
  const records = side.storage.dump(GROUP).filter((record) => !isInstalledRecord(record));
  return records.map(({ key, value }) => `${text(key)}: ${value?.length} of ${crc32(value ?? b(''))}`);
}

const marksOf = (side: Side): unknown => side.storage.dump(GROUP).filter(isInstalledRecord);

/** Node 1 fetches from node 2. */
class Pair {
  readonly receiver = new Side();
  readonly sender = new Side();
  /** Parts that arrived, with their number of records. */
  readonly parts: number[] = [];

  constructor(values = 5, bytes = limits.snapshotChunkBytes / 2) {
    const records = Array.from({ length: values }, (_, i) => ({
      key: b(`k${i}`),
      value: seal(new Uint8Array(bytes).fill(i)),
    }));
    this.sender.storage.write(GROUP, records);
    this.receiver.storage.write(GROUP, [{ key: b('old'), value: b('state') }]);
  }

  /** Delivers what was sent, until nothing is; `drop` says which to lose. */
  exchange(drop: (message: PeerMessage) => boolean = () => false): void {
    for (;;) {
      const message = (this.receiver.sent.shift() ?? this.sender.sent.shift())?.message;
      if (message === undefined) return;
      if (drop(message)) continue;
      if (message.type === 'snapshot-request') this.sender.snapshots.onRequest(1, message);
      else if (message.type === 'snapshot-part') {
        this.parts.push(message.records.length);
        this.receiver.snapshots.onPart(2, message);
      } else if (message.type === 'snapshot-lost') this.receiver.snapshots.onLost(2, message);
    }
  }

  get received(): string[] {
    return stateOf(this.receiver);
  }
}

describe('a transfer', () => {
  it('pulls part after part and puts the whole state, with its mark, in place of the old one', () => {
    const pair = new Pair();
    pair.receiver.snapshots.fetch(GROUP, 2, 10);
    pair.exchange();
    expect(pair.parts).toEqual([2, 2, 1, 0]);
    expect(pair.received).toEqual(stateOf(pair.sender));
    expect(marksOf(pair.receiver)).toEqual([installedRecord(ballot(4, 2))]);
    expect(pair.receiver.installed).toBe(1);
  });

  it('never passes a damaged record on: the sender stops instead', () => {
    const pair = new Pair();
    const damaged = seal(b('value')).fill(0x55, 5, 6);
    pair.sender.storage.write(GROUP, [{ key: b('k3'), value: damaged }]);
    pair.receiver.snapshots.fetch(GROUP, 2, 10);
    expect(() => pair.exchange()).toThrow(CorruptRecord);
    expect(pair.received).toEqual(old);
  });

  it('is of one moment, whatever the sender writes meanwhile', () => {
    const pair = new Pair();
    const before = stateOf(pair.sender);
    let written = false;
    pair.receiver.snapshots.fetch(GROUP, 2, 10);
    pair.exchange((message) => {
      if (message.type === 'snapshot-part' && !written) {
        written = true;
        pair.sender.storage.write(GROUP, [{ key: b('k4'), value: seal(b('later')) }]);
        pair.sender.promised = ballot(9, 3);
      }
      return false;
    });
    expect(pair.received).toEqual(before);
    expect(marksOf(pair.receiver)).toEqual([installedRecord(ballot(4, 2))]);
  });

  it('leaves the sender’s own mark behind', () => {
    const pair = new Pair(1);
    pair.sender.storage.write(GROUP, [installedRecord(ballot(1, 3))]);
    pair.receiver.snapshots.fetch(GROUP, 2, 10);
    pair.exchange();
    expect(marksOf(pair.receiver)).toEqual([installedRecord(ballot(4, 2))]);
  });

  it('writes one part after the other, and nothing is in force before the last', () => {
    const pair = new Pair();
    pair.receiver.storage.commits.immediate = false;
    pair.receiver.snapshots.fetch(GROUP, 2, 10);
    for (let commits = 0; commits < 5; commits += 1) {
      pair.exchange();
      expect(pair.received).toEqual(old);
      expect(pair.receiver.storage.commits.waiting).toHaveLength(1);
      expect(pair.receiver.installed).toBe(0);
      pair.receiver.storage.commits.finish();
    }
    expect(pair.received).toEqual(stateOf(pair.sender));
    expect(pair.receiver.installed).toBe(1);
  });
});

describe('a part that was lost', () => {
  it.each(['snapshot-request', 'snapshot-part'] as const)('(%s) is asked for again', (type) => {
    for (const lost of [0, 1, 2, 3]) {
      const pair = new Pair();
      const losses = new Set<string>();
      pair.receiver.snapshots.fetch(GROUP, 2, 10);
      for (let round = 0; round < 10; round += 1) {
        pair.exchange((message) => {
          if (message.type !== type || message.part !== lost || losses.size > 0) return false;
          losses.add(`${message.part}`);
          return true;
        });
        pair.receiver.rounds(1);
        pair.sender.rounds(1);
      }
      expect(losses.size).toBe(1);
      expect(pair.received).toEqual(stateOf(pair.sender));
      expect(pair.receiver.installed).toBe(1);
    }
  });

  it('is not asked for while one is being written', () => {
    const pair = new Pair();
    pair.receiver.storage.commits.immediate = false;
    pair.receiver.snapshots.fetch(GROUP, 2, 10);
    pair.exchange();
    pair.receiver.rounds(100);
    expect(pair.receiver.sent).toEqual([]);
    expect(pair.receiver.storage.aborted).toBe(0);
  });

  it('and comes twice, or from another transfer, is taken once', () => {
    const pair = new Pair();
    pair.receiver.snapshots.fetch(GROUP, 2, 10);
    pair.exchange((message) => {
      if (message.type !== 'snapshot-part') return false;
      const records = [{ key: b('wrong'), value: b('part') }];
      pair.receiver.snapshots.onPart(3, { ...message, records });
      pair.receiver.snapshots.onPart(2, { ...message, records, transfer: message.transfer - 1 });
      pair.receiver.snapshots.onPart(2, { ...message, records, part: message.part + 1 });
      pair.receiver.snapshots.onPart(2, message);
      return false;
    });
    expect(pair.received).toEqual(stateOf(pair.sender));
    expect(pair.receiver.installed).toBe(1);
  });
});

describe('a transfer that comes to nothing', () => {
  it('is given up at once when the sender was started again: it knows nothing of the transfer', () => {
    const pair = new Pair();
    pair.receiver.snapshots.fetch(GROUP, 2, 10);
    pair.exchange((message) => message.type === 'snapshot-part' && message.part === 1);
    pair.receiver.rounds(1);
    expect(pair.receiver.storage.aborted).toBe(0);
    pair.receiver.starts = 2;
    pair.receiver.rounds(1);
    expect(pair.receiver.storage.aborted).toBe(1);
    expect(pair.receiver.snapshots.fetch(GROUP, 2, 10)).toBe(true);
  });

  // chaos-5, seed 5340: the disk of the receiver hung for longer than the sender keeps a transfer.
  it('is given up at once when the sender no longer knows it', () => {
    const pair = new Pair();
    pair.receiver.snapshots.fetch(GROUP, 2, 10);
    pair.exchange((message) => message.type === 'snapshot-request' && message.part === 1);
    pair.sender.rounds(51);
    pair.receiver.rounds(5);
    pair.exchange();
    expect(pair.receiver.storage.aborted).toBe(1);
    expect(pair.receiver.snapshots.fetch(GROUP, 2, 10)).toBe(true);
    pair.exchange();
    expect(pair.received).toEqual(stateOf(pair.sender));
  });

  it('is given up soon when the sender is suspected', () => {
    const pair = new Pair();
    pair.receiver.snapshots.fetch(GROUP, 2, 10);
    pair.receiver.alive = false;
    pair.receiver.rounds(6);
    expect(pair.receiver.storage.aborted).toBe(1);
  });

  it('is given up when no part comes, and a new one has a number of its own', () => {
    const pair = new Pair();
    pair.receiver.snapshots.fetch(GROUP, 2, 10);
    pair.exchange((message) => message.type === 'snapshot-part' && message.part === 1);
    pair.receiver.rounds(51);
    expect(pair.receiver.storage.aborted).toBe(1);
    expect(pair.received).toEqual(old);
    const asked = pair.receiver.sent.splice(0).length;
    expect(asked).toBeGreaterThan(5);
    pair.receiver.snapshots.fetch(GROUP, 2, 10);
    expect(pair.receiver.sent[0]?.message).toMatchObject({ transfer: 102, part: 0 });
    pair.exchange();
    expect(pair.received).toEqual(stateOf(pair.sender));
  });

  it('closes the sender’s view when nobody asks any more', () => {
    const pair = new Pair();
    pair.receiver.snapshots.fetch(GROUP, 2, 10);
    pair.exchange((message) => message.type === 'snapshot-part');
    expect(pair.sender.storage.openViews).toBe(1);
    pair.sender.rounds(51);
    expect(pair.sender.storage.openViews).toBe(0);
  });

  it('is not installed when the log has caught up meanwhile', () => {
    const pair = new Pair();
    pair.receiver.stillOfUse = false;
    pair.receiver.snapshots.fetch(GROUP, 2, 10);
    pair.exchange();
    expect(pair.received).toEqual(old);
    expect(pair.receiver).toMatchObject({ installed: 0 });
    expect(pair.receiver.storage.aborted).toBe(1);
  });

  it('is one at a time for each group', () => {
    const pair = new Pair();
    pair.receiver.snapshots.fetch(GROUP, 2, 10);
    pair.receiver.snapshots.fetch(GROUP, 3, 10);
    expect(pair.receiver.sent).toHaveLength(1);
  });

  it('does not begin in the middle, nor in a group without a promise', () => {
    const sender = new Side();
    sender.snapshots.onRequest(1, { type: 'snapshot-request', group: GROUP, transfer: 5, part: 2 });
    const lost = { type: 'snapshot-lost', group: GROUP, transfer: 5 };
    expect(sender.sent.splice(0)).toEqual([{ to: 1, message: lost }]);
    sender.promised = undefined;
    sender.snapshots.onRequest(1, { type: 'snapshot-request', group: GROUP, transfer: 5, part: 0 });
    expect(sender.sent).toEqual([]);
    expect(sender.storage.openViews).toBe(0);
  });

  it('leaves nothing open when the node stops, nor when the receiver begins anew', () => {
    const pair = new Pair();
    for (const transfer of [5, 6, 7]) {
      pair.sender.snapshots.onRequest(1, { type: 'snapshot-request', group: GROUP, transfer, part: 0 });
      expect(pair.sender.storage.openViews).toBe(1);
    }
    pair.receiver.snapshots.fetch(GROUP, 2, 10);
    pair.sender.snapshots.close();
    pair.receiver.snapshots.close();
    expect(pair.sender.storage.openViews).toBe(0);
    expect(pair.receiver.storage.aborted).toBe(1);
  });
});
