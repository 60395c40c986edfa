import type { GroupId } from '@kvorum/common';
import { limits } from '@kvorum/common';
import type { Effects, Message } from '@kvorum/consensus';
import { describe, expect, it } from 'vitest';
import type { GroupReplica } from '../../src/core/replication/group-replica.ts';
import type { LogMutation } from '../../src/core/index.ts';
import { decodePeerFrame } from '../../src/core/index.ts';
import { NodeLoop } from '../../src/core/node-loop.ts';
import { FakeTransport, ManualClock, MemoryLogStorage } from './fakes.ts';
import type { ScriptedLog } from './values.ts';
import { ballot, b, entries, hardState, scriptedReplica, text } from './values.ts';

class Rig {
  readonly clock = new ManualClock();
  readonly transport = new FakeTransport();
  readonly storage = new MemoryLogStorage();
  readonly groups = new Map<GroupId, { replica: GroupReplica; log: ScriptedLog }>();
  flushes = 0;
  readonly loop = new NodeLoop({
    clock: this.clock,
    transport: this.transport,
    storage: this.storage,
    replica: (group) => this.groups.get(group)?.replica,
    flushReplies: () => (this.flushes += 1),
  });

  constructor(groups: readonly GroupId[] = [1, 2]) {
    for (const group of groups) {
      this.groups.set(group, scriptedReplica(group, { wake: (id) => this.loop.wake(id) }));
    }
  }

  /** The group's next turn has these effects. */
  turn(group: GroupId, effects: Partial<Effects>): void {
    this.groups.get(group)?.log.answers.push(() => effects);
    this.loop.wake(group);
    this.clock.settle();
  }

  /** Numbers of the `decide` messages that left, frame by frame. */
  get sent(): string[] {
    return this.transport.sent.map(({ to, frame }) => {
      const messages = decodePeerFrame(frame).map((message) =>
        message.type === 'consensus' && message.message.type === 'decide' ? message.message.decidedIndex : NaN,
      );
      return `${to}: ${messages.join(' ')}`;
    });
  }

  receipts(group: GroupId): number[] {
    const steps = this.groups.get(group)?.log.steps.flat() ?? [];
    return steps.flatMap((input) => (input.type === 'persisted' ? [input.receipt.logLength] : []));
  }
}

const message = (number: number): Message => ({ type: 'decide', ballot: ballot(1), decidedIndex: number });
const to = (node: number, number: number) => ({ to: node, message: message(number) });
const persist = (logLength: number, from?: number, names = 'x') => ({
  hardState: hardState({ decidedIndex: logLength }),
  append: from === undefined ? undefined : { from, entries: entries(names) },
  receipt: { acceptedBallot: ballot(1), logLength },
});

type Append = [from: number, names: string];

/** A batch as text: what it writes for each group. */
function describeBatch(batch: readonly LogMutation[] | undefined): string[] {
  return (batch ?? []).map((mutation) => {
    if (mutation.type === 'record') return `record ${mutation.name}`;
    const { group, append, hardState: state } = mutation;
    const list = append?.entries.map(({ payload }) => text(payload)).join(' ');
    return `group ${group}: ${append ? `${append.from} ${list}` : '-'}, ${state?.decidedIndex ?? '-'}`;
  });
}

describe('one turn', () => {
  it('of all groups is one commit and one frame for each peer', () => {
    const rig = new Rig();
    for (const group of [1, 2]) {
      rig.groups.get(group)?.log.answers.push(() => ({
        persist: persist(group, 0),
        send: [to(2, group), to(3, 10 + group)],
      }));
      rig.loop.wake(group);
      rig.loop.wake(group);
    }
    rig.loop.persistRecord('layout', b('l'), () => undefined);
    expect(rig.storage.batches).toHaveLength(0);
    rig.clock.settle();
    expect(rig.sent).toEqual(['2: 1 2', '3: 11 12']);
    expect(rig.storage.batches.map(describeBatch)).toEqual([['record layout', 'group 1: 0 x, 1', 'group 2: 0 x, 2']]);
    expect(rig.flushes).toBe(1);
  });

  it('has no commit when there is nothing to write, and messages that wait for a write go at once', () => {
    const rig = new Rig();
    rig.turn(1, { sendAfterPersist: [to(2, 5)] });
    expect(rig.storage.batches).toEqual([]);
    expect(rig.sent).toEqual(['2: 5']);
  });

  it('splits frames far below their limit', () => {
    const rig = new Rig();
    const payload = new Uint8Array(limits.frameBytesMax / 4);
    const accept: Message = {
      type: 'accept',
      ballot: ballot(1),
      from: 0,
      entries: [{ kind: 'command', payload }],
      decidedIndex: 0,
    };
    rig.turn(1, { send: Array.from({ length: 8 }, () => ({ to: 2, message: accept })) });
    expect(rig.transport.sent.length).toBeLessThanOrEqual(4);
    for (const { frame } of rig.transport.sent) expect(frame.length).toBeLessThan(limits.frameBytesMax);
    expect(rig.transport.sent.flatMap(({ frame }) => decodePeerFrame(frame))).toHaveLength(8);
  });
});

describe('commits', () => {
  it('go one at a time, and the next batch forms meanwhile', () => {
    const rig = new Rig();
    rig.turn(1, { persist: persist(1, 0, 'a') });
    rig.turn(1, { persist: persist(2, 1, 'b') });
    rig.turn(2, { persist: persist(1, 0, 'c') });
    rig.turn(1, { persist: persist(3, 2, 'd') });
    expect(rig.storage.batches).toHaveLength(1);
    rig.storage.commits.finish();
    expect(rig.storage.batches.map(describeBatch)).toEqual([
      ['group 1: 0 a, 1'],
      ['group 1: 1 b d, 3', 'group 2: 0 c, 1'],
    ]);
    expect(rig.storage.commits.waiting).toHaveLength(1);
  });

  it('give the last receipt of each group back once its write is done', () => {
    const rig = new Rig();
    rig.turn(1, { persist: persist(1, 0) });
    rig.turn(1, { persist: persist(2, 1) });
    rig.turn(1, { persist: persist(3, 2) });
    expect(rig.receipts(1)).toEqual([]);
    rig.storage.commits.finish();
    expect(rig.receipts(1)).toEqual([1]);
    rig.storage.commits.finish();
    expect(rig.receipts(1)).toEqual([1, 3]);
  });

  it('call back for records once they are on disk', () => {
    const rig = new Rig();
    const done: string[] = [];
    rig.loop.persistRecord('one', b('1'), () => done.push('one'));
    rig.clock.settle();
    rig.loop.persistRecord('two', b('2'), () => done.push('two'));
    rig.clock.settle();
    expect(done).toEqual([]);
    rig.storage.commits.finish();
    expect(done).toEqual(['one']);
    rig.storage.commits.finish();
    expect(done).toEqual(['one', 'two']);
  });

  it.each([
    ['that follow each other are joined', [0, 'a b'], [2, 'c'], 'group 1: 0 a b c, 2'],
    ['where the later cuts into the earlier', [0, 'a b c'], [1, 'B'], 'group 1: 0 a B, 2'],
    ['where the later cuts off the earlier', [5, 'a b'], [3, 'X'], 'group 1: 3 X, 2'],
    ['from the same position: the later', [5, 'a b'], [5, 'X'], 'group 1: 5 X, 2'],
    ['and none afterwards', [5, 'a b'], undefined, 'group 1: 5 a b, 2'],
    ['and none before', undefined, [5, 'X'], 'group 1: 5 X, 2'],
  ] as [string, Append | undefined, Append | undefined, string][])(
    'have appends %s',
    (_name, earlier, later, joined) => {
      const rig = new Rig();
      rig.turn(2, { persist: persist(1) });
      rig.turn(1, { persist: persist(1, earlier?.[0], earlier?.[1]) });
      rig.turn(1, { persist: persist(2, later?.[0], later?.[1]) });
      rig.storage.commits.finish();
      expect(describeBatch(rig.storage.batches[1])).toEqual([joined]);
    },
  );

  it('keep a hard state that a later write leaves unchanged', () => {
    const rig = new Rig();
    rig.turn(2, { persist: persist(1) });
    rig.turn(1, { persist: persist(7, 0, 'a') });
    rig.turn(1, { persist: { ...persist(8, 1, 'b'), hardState: undefined } });
    rig.storage.commits.finish();
    expect(describeBatch(rig.storage.batches[1])).toEqual(['group 1: 0 a b, 7']);
    expect(rig.storage.batches[1]).toHaveLength(1);
  });
});

describe('a message that depends on a write', () => {
  it('leaves after the commit of that write, not before', () => {
    const rig = new Rig();
    rig.turn(1, { persist: persist(1, 0), send: [to(2, 1)], sendAfterPersist: [to(2, 2)] });
    expect(rig.sent).toEqual(['2: 1']);
    rig.storage.commits.finish();
    expect(rig.sent).toEqual(['2: 1', '2: 2']);
  });

  it('waits for its own commit, not for the one that is under way', () => {
    const rig = new Rig();
    rig.turn(1, { persist: persist(1, 0), sendAfterPersist: [to(2, 1)] });
    rig.turn(1, { persist: persist(2, 1), sendAfterPersist: [to(2, 2)] });
    expect(rig.sent).toEqual([]);
    rig.storage.commits.finish();
    expect(rig.sent).toEqual(['2: 1']);
    rig.storage.commits.finish();
    expect(rig.sent).toEqual(['2: 1', '2: 2']);
  });

  it('waits for the commit under way when its own turn wrote nothing', () => {
    const rig = new Rig();
    rig.turn(1, { persist: persist(1, 0) });
    rig.turn(1, { sendAfterPersist: [to(2, 1)] });
    expect(rig.sent).toEqual([]);
    rig.storage.commits.finish();
    expect(rig.sent).toEqual(['2: 1']);
  });

  it('waits for the batch that forms when an earlier turn wrote into that', () => {
    const rig = new Rig();
    rig.turn(2, { persist: persist(1, 0) });
    rig.turn(1, { persist: persist(1, 0) });
    rig.turn(1, { sendAfterPersist: [to(2, 1)] });
    rig.storage.commits.finish();
    expect(rig.sent).toEqual([]);
    rig.storage.commits.finish();
    expect(rig.sent).toEqual(['2: 1']);
  });
});

describe('a loop that was stopped', () => {
  it('calls no port any more', () => {
    const rig = new Rig();
    rig.turn(1, { persist: persist(1, 0), sendAfterPersist: [to(2, 1)] });
    rig.loop.stop();
    rig.storage.commits.finish();
    rig.turn(1, { send: [to(2, 2)] });
    rig.loop.persistRecord('one', b('1'), () => expect.unreachable());
    rig.clock.settle();
    expect(rig.sent).toEqual([]);
    expect(rig.storage.batches).toHaveLength(1);
  });
});
