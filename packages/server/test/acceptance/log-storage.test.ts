/** What every LogStorage must do. */
import type { GroupId } from '@kvorum/common';
import type { HardState } from '@kvorum/consensus';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LogMutation } from '../../src/core/index.ts';
import { Noise } from '../../../common/test/fuzz.ts';
import { ballot, b, entries, hardState, text } from '../core/values.ts';
import type { StorageRig } from './storages.ts';
import { storageKinds } from './storages.ts';

const record = (name: string, value: string): LogMutation => ({ type: 'record', name, value: b(value) });

function write(group: GroupId, state: Partial<HardState> | undefined, from?: number, names?: string): LogMutation {
  const append = from === undefined ? undefined : { from, entries: names === undefined ? [] : entries(names) };
  return { type: 'group', group, hardState: state && hardState(state), append };
}

describe.each(storageKinds)('log storage: $name', ({ create }) => {
  let rig: StorageRig;
  beforeEach(() => {
    rig = create();
  });
  afterEach(() => rig.dispose());

  const commit = (...mutations: LogMutation[]): Promise<void> => rig.done((done) => rig.log.commit(mutations, done));
  const log = (group: GroupId): string | undefined => {
    const recovered = rig.log.readGroup(group);
    return recovered && `${recovered.compactedIndex}: ${recovered.entries.map((e) => text(e.payload)).join(' ')}`;
  };

  it('is empty at first', () => {
    expect(rig.log.readRecord('identity')).toBeUndefined();
    expect(rig.log.readGroup(0)).toBeUndefined();
  });

  it('keeps records, the last one of each name', async () => {
    await commit(record('identity', 'one'), record('layout', 'l'));
    await commit(record('identity', 'two'));
    for (let times = 0; times < 2; times += 1) {
      expect(text(rig.log.readRecord('identity') ?? b(''))).toBe('two');
      expect(text(rig.log.readRecord('layout') ?? b(''))).toBe('l');
      expect(rig.log.readRecord('ident')).toBeUndefined();
      await rig.reopen();
    }
  });

  it('shows a commit when it is done, all of it', async () => {
    const done = commit(record('identity', 'i'), write(1, { decidedIndex: 1 }, 0, 'a'), write(2, {}, 0, 'z'));
    await done;
    expect([log(1), log(2), rig.log.readRecord('identity')?.length]).toEqual(['0: a', '0: z', 1]);
  });

  it('shows nothing of a commit that was only asked for', async () => {
    await commit(write(1, {}, 0, 'a'));
    let seen: unknown;
    await rig.done((done) => {
      rig.log.commit([record('identity', 'i'), write(1, { decidedIndex: 2 }, 1, 'b')], done);
      seen = [log(1), rig.log.readRecord('identity')];
    });
    expect(seen).toEqual(['0: a', undefined]);
    expect(log(1)).toBe('0: a b');
  });

  it('writes what it was asked to, whatever becomes of the entries afterwards', async () => {
    const list = entries('a b');
    await rig.done((done) => {
      rig.log.commit([{ type: 'group', group: 1, hardState: hardState(), append: { from: 0, entries: list } }], done);
      list.length = 0;
    });
    expect(log(1)).toBe('0: a b');
  });

  it('gives the hard state back exactly, entries or not', async () => {
    const state = hardState({
      promisedBallot: { number: 2 ** 33, priority: 4, node: 250 },
      acceptedBallot: ballot(9, 3),
      decidedIndex: 2 ** 40,
    });
    await commit(write(7, state));
    await rig.reopen();
    expect(rig.log.readGroup(7)).toEqual({ ...state, entries: [] });
    await commit(write(7, undefined, 0, 'a'));
    expect(rig.log.readGroup(7)).toEqual({ ...state, entries: entries('a') });
  });

  it('keeps stop-signs and payloads of any bytes', async () => {
    const list = [
      { kind: 'command' as const, payload: Uint8Array.from({ length: 256 }, (_, i) => i) },
      { kind: 'command' as const, payload: new Uint8Array() },
      { kind: 'stop-sign' as const, payload: b('next') },
    ];
    await commit({ type: 'group', group: 1, hardState: hardState(), append: { from: 0, entries: list } });
    await rig.reopen();
    expect(rig.log.readGroup(1)?.entries).toEqual(list);
  });

  it('cuts where an append starts, then appends', async () => {
    await commit(write(1, {}, 0, 'a b c'));
    await commit(write(1, undefined, 3, 'd e'));
    await commit(write(1, undefined, 5, 'f'));
    await commit(write(1, undefined, 4, 'E'));
    expect(log(1)).toBe('0: a b c d E');
    await commit(write(1, undefined, 1, 'B'));
    expect(log(1)).toBe('0: a B');
    await commit(write(1, undefined, 2, 'C'));
    await commit(write(1, undefined, 1));
    expect(log(1)).toBe('0: a');
    await commit(write(1, undefined, 0, 'A'));
    await rig.reopen();
    expect(log(1)).toBe('0: A');
  });

  it('forgets what is compacted, and keeps the rest', async () => {
    await commit(write(1, {}, 0, 'a b c'));
    await commit(write(1, undefined, 3, 'd e'));
    await commit(write(1, { compactedIndex: 2 }));
    expect(log(1)).toBe('2: c d e');
    await commit(write(1, { compactedIndex: 3 }));
    expect(log(1)).toBe('3: d e');
    await commit(write(1, { compactedIndex: 5 }, 5, 'f'));
    await rig.reopen();
    expect(log(1)).toBe('5: f');
  });

  it('goes on behind a snapshot that is beyond the end of the log', async () => {
    await commit(write(1, {}, 0, 'a b c'));
    await commit(write(1, { compactedIndex: 100 }));
    expect(log(1)).toBe('100: ');
    await commit(write(1, undefined, 100, 'x'));
    await commit(write(1, undefined, 101, 'y'));
    await rig.reopen();
    expect(log(1)).toBe('100: x y');
  });

  it('keeps groups apart, whatever their numbers', async () => {
    const groups = [0, 1, 2, 255, 256, 1024];
    await commit(...groups.map((group) => write(group, { decidedIndex: group }, 0, `g${group}`)));
    await commit(write(1, undefined, 0, 'new'));
    for (const group of groups) expect(log(group)).toBe(group === 1 ? '0: new' : `0: g${group}`);
  });

  it('orders segments by position, over every byte of it', async () => {
    const at = 2 ** 40 - 2;
    await commit(write(1, { compactedIndex: at }, at, 'a'));
    for (const [place, letter] of [...'bcd'].entries()) await commit(write(1, undefined, at + 1 + place, letter));
    await rig.reopen();
    expect(log(1)).toBe(`${at}: a b c d`);
  });

  it('cuts a group that was not read since it was opened', async () => {
    await commit(write(1, {}, 0, 'a'));
    await commit(write(1, undefined, 1, 'b'));
    await commit(write(1, undefined, 2, 'c'));
    await rig.reopen();
    await commit(write(1, undefined, 1, 'B'));
    expect(log(1)).toBe('0: a B');
  });

  it('equals a list under any sequence of appends, cuts, compactions and restarts', async () => {
    const noise = new Noise(31);
    let list: string[] = [];
    let compactedIndex = 0;
    for (let step = 0; step < 120; step += 1) {
      const end = compactedIndex + list.length;
      const from = noise.below(3) === 0 ? compactedIndex + noise.below(list.length + 1) : end;
      const names = Array.from({ length: noise.below(4) }, (_, i) => `${step}.${i}`);
      list = [...list.slice(0, from - compactedIndex), ...names];
      const compacts = noise.below(5) === 0 ? noise.below(list.length + 1) : 0;
      compactedIndex += compacts;
      list = list.slice(compacts);
      await commit(write(1, { compactedIndex, decidedIndex: step }, from, names.join(' ') || undefined));
      if (noise.below(12) === 0) await rig.reopen();
      expect(log(1)).toBe(`${compactedIndex}: ${list.join(' ')}`);
      expect(rig.log.readGroup(1)?.decidedIndex).toBe(step);
    }
  });
});
