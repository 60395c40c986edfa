import type { GroupId } from '@kvorum/common';
import { FRAME_BYTES_MAX, MetricsRegistry } from '@kvorum/common';
import { FakeTransport, ManualClock, MemoryLogStorage } from '@kvorum/testing';
import { describe, expect, it } from 'vitest';
import type { LogWrite, Outgoing, ReplicaEffects } from '../../src/core/index.ts';
import { decodePeerFrame } from '../../src/core/index.ts';
import { NodeLoop } from '../../src/core/node-loop.ts';
import type { GroupReplica } from '../../src/core/replication/group-replica.ts';
import type { ScriptedReplica } from './values.ts';
import { b, entries, scriptedReplica, text } from './values.ts';

const STALLED_COMMIT_ROUNDS_MAX = 3;

class Rig {
  readonly clock = new ManualClock();
  readonly transport = new FakeTransport();
  readonly storage = new MemoryLogStorage();
  readonly groups = new Map<GroupId, { replica: GroupReplica; script: ScriptedReplica }>();
  flushes = 0;
  readonly loop = new NodeLoop({
    clock: this.clock,
    transport: this.transport,
    storage: this.storage,
    replica: (group) => this.groups.get(group)?.replica,
    endTurn: () => (this.flushes += 1),
    turnDuration: new MetricsRegistry().histogram('turn_duration_seconds'),
    stalledCommitRoundsMax: STALLED_COMMIT_ROUNDS_MAX,
  });

  constructor(groups: readonly GroupId[] = [1, 2]) {
    for (const group of groups) this.open(group);
    // What they found on disk: nothing.
    this.clock.settle();
    this.flushes = 0;
  }

  open(group: GroupId): void {
    this.groups.set(group, scriptedReplica(group, { wake: (id) => this.loop.wake(id) }));
  }

  /** The group's next turn has these effects. */
  turn(group: GroupId, effects: Partial<ReplicaEffects>): void {
    this.groups.get(group)?.script.answers.push(() => effects);
    this.loop.wake(group);
    this.clock.settle();
  }

  /** What the messages say that left, frame by frame. */
  get sent(): string[] {
    return this.transport.sent.map(({ to: peer, frame }) => {
      const messages = decodePeerFrame(frame).map((message) => {
        return message.type === 'replica' ? `${message.group}.${text(message.body)}` : message.type;
      });
      return `${peer}: ${messages.join(' ')}`;
    });
  }

  receipts(group: GroupId): unknown[] {
    const steps = this.groups.get(group)?.script.steps.flat() ?? [];
    return steps.flatMap((input) => (input.type === 'persisted' ? [input.receipt] : []));
  }
}

const to = (node: number, name: string): Outgoing => ({ to: node, message: b(name) });
const persist = (group: GroupId, receipt: number, from?: number, names = 'x') => ({
  write: {
    group,
    hardState: b(`h${receipt}`),
    compactedIndex: undefined,
    append: from === undefined ? undefined : { from, entries: entries(names) },
  },
  receipt,
});

/** A batch as text: its writes, in their order. */
function describeBatch(batch: readonly LogWrite[] | undefined): string[] {
  return (batch ?? []).map(({ group, append, hardState }) => {
    const list = append?.entries.map(({ payload }) => text(payload)).join(' ');
    return `group ${group}: ${append ? `${append.from} ${list}` : '-'}, ${hardState ? text(hardState) : '-'}`;
  });
}

describe('one turn', () => {
  it('of all groups is one commit and one frame for each peer', () => {
    const rig = new Rig();
    for (const group of [1, 2]) {
      rig.groups.get(group)?.script.answers.push(() => ({
        persist: persist(group, group, 0),
        send: [to(2, 'a'), to(3, 'b')],
      }));
      rig.loop.wake(group);
      rig.loop.wake(group);
    }
    expect(rig.storage.batches).toHaveLength(0);
    rig.clock.settle();
    expect(rig.sent).toEqual(['2: 1.a 2.a', '3: 1.b 2.b']);
    expect(rig.storage.batches.map(describeBatch)).toEqual([['group 1: 0 x, h1', 'group 2: 0 x, h2']]);
    expect(rig.flushes).toBe(1);
  });

  it('sends what the node itself says in the same frames', () => {
    const rig = new Rig();
    rig.loop.send(2, { type: 'layout-request' });
    rig.turn(1, { send: [to(2, 'a')] });
    expect(rig.sent).toEqual(['2: layout-request 1.a']);
  });

  it('has no commit when there is nothing to write, and messages that wait for a write go at once', () => {
    const rig = new Rig();
    rig.turn(1, { sendAfterPersist: [to(2, 'a')] });
    expect(rig.storage.batches).toEqual([]);
    expect(rig.sent).toEqual(['2: 1.a']);
  });

  it('is followed by another one when a replica has more to do', () => {
    const rig = new Rig();
    rig.groups.get(1)?.script.answers.push(() => ({ again: true }));
    rig.turn(1, { send: [to(2, 'more')] });
    expect(rig.sent).toEqual(['2: 1.more']);
    expect(rig.flushes).toBe(2);
  });

  it('splits frames far below their limit', () => {
    const rig = new Rig();
    const payload = new Uint8Array(FRAME_BYTES_MAX / 4);
    rig.turn(1, { send: Array.from({ length: 8 }, () => ({ to: 2, message: payload })) });
    expect(rig.transport.sent.length).toBeLessThanOrEqual(4);
    for (const { frame } of rig.transport.sent) expect(frame.length).toBeLessThan(FRAME_BYTES_MAX);
    expect(rig.transport.sent.flatMap(({ frame }) => decodePeerFrame(frame))).toHaveLength(8);
  });
});

describe('commits', () => {
  it('go one at a time, and the next batch forms meanwhile, in the order of its writes', () => {
    const rig = new Rig();
    rig.turn(1, { persist: persist(1, 1, 0, 'a') });
    rig.turn(1, { persist: persist(1, 2, 1, 'b') });
    rig.turn(2, { persist: persist(2, 1, 0, 'c') });
    rig.turn(1, { persist: persist(1, 3, 1, 'B d') });
    expect(rig.storage.batches).toHaveLength(1);
    rig.storage.commits.finish();
    expect(rig.storage.batches.map(describeBatch)).toEqual([
      ['group 1: 0 a, h1'],
      ['group 1: 1 b, h2', 'group 2: 0 c, h1', 'group 1: 1 B d, h3'],
    ]);
    expect(rig.storage.commits.waiting).toHaveLength(1);
    rig.storage.commits.finish();
    expect(rig.storage.readLog(1)?.entries.map(({ payload }) => text(payload))).toEqual(['a', 'B', 'd']);
  });

  it('give the last receipt of each group back once its write is done', () => {
    const rig = new Rig();
    rig.turn(1, { persist: persist(1, 1, 0) });
    rig.turn(1, { persist: persist(1, 2, 1) });
    rig.turn(1, { persist: persist(1, 3, 2) });
    expect(rig.receipts(1)).toEqual([]);
    rig.storage.commits.finish();
    expect(rig.receipts(1)).toEqual([1]);
    rig.storage.commits.finish();
    expect(rig.receipts(1)).toEqual([1, 3]);
  });

  it('give no receipt to a replica that took the place of the one that wrote', () => {
    const rig = new Rig();
    rig.turn(1, { persist: persist(1, 1, 0) });
    rig.open(1);
    rig.clock.settle();
    const turns = rig.groups.get(1)?.script.steps.length;
    rig.storage.commits.finish();
    rig.clock.settle();
    // Nor is it woken for one.
    expect([rig.receipts(1), rig.groups.get(1)?.script.steps.length]).toEqual([[], turns]);
  });

  it('are waited for as far as they were asked for', () => {
    const rig = new Rig();
    const done: string[] = [];
    rig.loop.whenCommitted(() => done.push('nothing to wait for'));
    expect(done).toEqual(['nothing to wait for']);
    rig.turn(1, { persist: persist(1, 1, 0) });
    rig.loop.whenCommitted(() => done.push('first'));
    rig.turn(1, { persist: persist(1, 2, 1) });
    rig.loop.whenCommitted(() => done.push('second'));
    rig.turn(2, { persist: persist(2, 1, 0) });
    expect(done).toHaveLength(1);
    rig.storage.commits.finish();
    expect(done.slice(1)).toEqual(['first']);
    rig.storage.commits.finish();
    expect(done.slice(1)).toEqual(['first', 'second']);
  });

  it('that take too many heartbeat rounds are told, until they are done', () => {
    const rig = new Rig();
    const rounds = (count: number): boolean[] => Array.from({ length: count }, () => rig.loop.onHeartbeatRound());
    expect(rounds(10)).not.toContain(true);
    rig.turn(1, { persist: persist(1, 1, 0) });
    expect(rounds(STALLED_COMMIT_ROUNDS_MAX)).not.toContain(true);
    expect(rounds(2)).toEqual([true, true]);
    rig.storage.commits.finish();
    expect(rounds(1)).toEqual([false]);
  });
});

describe('a message that depends on a write', () => {
  it('leaves after the commit of that write, not before', () => {
    const rig = new Rig();
    rig.turn(1, { persist: persist(1, 1, 0), send: [to(2, 'a')], sendAfterPersist: [to(2, 'b')] });
    expect(rig.sent).toEqual(['2: 1.a']);
    rig.storage.commits.finish();
    expect(rig.sent).toEqual(['2: 1.a', '2: 1.b']);
  });

  it('waits for its own commit, not for the one that is under way', () => {
    const rig = new Rig();
    rig.turn(1, { persist: persist(1, 1, 0), sendAfterPersist: [to(2, 'a')] });
    rig.turn(1, { persist: persist(1, 2, 1), sendAfterPersist: [to(2, 'b')] });
    expect(rig.sent).toEqual([]);
    rig.storage.commits.finish();
    expect(rig.sent).toEqual(['2: 1.a']);
    rig.storage.commits.finish();
    expect(rig.sent).toEqual(['2: 1.a', '2: 1.b']);
  });

  it('waits for the commit under way when its own turn wrote nothing', () => {
    const rig = new Rig();
    rig.turn(1, { persist: persist(1, 1, 0) });
    rig.turn(1, { sendAfterPersist: [to(2, 'a')] });
    expect(rig.sent).toEqual([]);
    rig.storage.commits.finish();
    expect(rig.sent).toEqual(['2: 1.a']);
  });

  it('waits for the batch that forms when an earlier turn wrote into that', () => {
    const rig = new Rig();
    rig.turn(2, { persist: persist(2, 1, 0) });
    rig.turn(1, { persist: persist(1, 1, 0) });
    rig.turn(1, { sendAfterPersist: [to(2, 'a')] });
    rig.storage.commits.finish();
    expect(rig.sent).toEqual([]);
    rig.storage.commits.finish();
    expect(rig.sent).toEqual(['2: 1.a']);
  });
});

describe('a loop that was stopped', () => {
  it('calls no port any more', () => {
    const rig = new Rig();
    rig.turn(1, { persist: persist(1, 1, 0), sendAfterPersist: [to(2, 'a')] });
    rig.loop.whenCommitted(() => expect.unreachable());
    rig.loop.stop();
    rig.storage.commits.finish();
    rig.turn(1, { send: [to(2, 'b')] });
    expect(rig.sent).toEqual([]);
    expect(rig.storage.batches).toHaveLength(1);
  });
});
