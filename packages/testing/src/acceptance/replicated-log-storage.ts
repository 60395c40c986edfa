/**
 * What every ReplicatedLogStorage must do.
 */
import assert from 'node:assert/strict';
import type { GroupId } from '@kvorum/common';
import { decodeUtf8, encodeUtf8 } from '@kvorum/common';
import type { Entry } from '@kvorum/consensus';
import type { LogWrite, ReplicatedLogStorage, StateRecord } from '@kvorum/server/core';
import { CorruptRecord, UnknownFormat } from '@kvorum/server/core';
import { Noise } from '../fuzz/noise.ts';
import { asNewerFormat, withFlippedBit } from '../fuzz/sealed-damage.ts';
import type { AcceptanceCase, Open, OpenedStorage } from './acceptance-case.ts';
import { casesOf } from './acceptance-case.ts';

export interface OpenedLogStorage extends OpenedStorage<ReplicatedLogStorage> {
  /**
   * Replaces every record as it stands on disk, between a closing and an opening. For adapters that seal their records as
   * `seal` does; without it nothing is asked about damage and formats.
   */
  rewrite?(change: (record: Uint8Array) => Uint8Array): Promise<void>;
}

const b = encodeUtf8;
const entry = (name: string): Entry => ({ kind: 'command', payload: b(name) });
const entries = (names: string): Entry[] => (names === '' ? [] : names.split(' ').map(entry));

type Change = Partial<Omit<LogWrite, 'group'>>;

const write = (group: GroupId, change: Change): LogWrite => ({
  group,
  hardState: undefined,
  compactedIndex: undefined,
  append: undefined,
  ...change,
});
const append = (from: number, names: string): Change => ({ append: { from, entries: entries(names) } });
const hardState = (text: string): Change => ({ hardState: b(text) });
const compacted = (compactedIndex: number): Change => ({ compactedIndex });
/** "a=1 b=2 c": the last one removes. */
const records = (list: string): { readonly records: StateRecord[] } => ({
  records: list.split(' ').map((part) => {
    const [key = '', value] = part.split('=');
    return { key: b(key), value: value === undefined ? undefined : b(value) };
  }),
});

/** Reads and writes as text. */
class Log {
  readonly #rig: OpenedLogStorage;

  constructor(rig: OpenedLogStorage) {
    this.#rig = rig;
  }

  commit(...writes: readonly LogWrite[]): Promise<void> {
    return this.#rig.until((done) => this.#rig.port.commit(writes, done));
  }

  /** "2: c d", from the compacted index on. */
  read(group: GroupId): string | undefined {
    const stored = this.#rig.port.readLog(group);
    return stored && `${stored.compactedIndex}: ${stored.entries.map(({ payload }) => decodeUtf8(payload)).join(' ')}`;
  }

  hardState(group: GroupId): string | undefined {
    const stored = this.#rig.port.readLog(group);
    return stored?.hardState && decodeUtf8(stored.hardState);
  }

  records(group: GroupId): string {
    const list = this.#rig.port.readRecords(group);
    return list.map(({ key, value }) => `${decodeUtf8(key)}=${decodeUtf8(value ?? b('?'))}`).join(' ');
  }
}

export function replicatedLogStorageSuite(open: Open<OpenedLogStorage>): AcceptanceCase[] {
  const { cases, add } = casesOf(open);
  const addOnLog = (name: string, test: (log: Log, rig: OpenedLogStorage) => Promise<void>): void =>
    add(name, (rig) => test(new Log(rig), rig));
  addCommits(addOnLog);
  addAppends(addOnLog);
  addCompactions(addOnLog);
  addRecords(addOnLog);
  addDamage(addOnLog);
  return cases;
}

type Add = (name: string, test: (log: Log, rig: OpenedLogStorage) => Promise<void>) => void;

function addCommits(add: Add): void {
  add('a group that was never written has no log and no records', async (log, rig) => {
    assert.equal(rig.port.readLog(0), undefined);
    assert.deepEqual(rig.port.readRecords(0), []);
    await log.commit(write(1, append(0, 'a')), write(1, records('k=v')));
    for (const group of [0, 2, 256]) {
      assert.equal(rig.port.readLog(group), undefined);
      assert.deepEqual(rig.port.readRecords(group), []);
    }
  });

  add('a commit is there when it is done, all of it, over a reopening too', async (log, rig) => {
    await log.commit(
      write(1, { ...hardState('h1'), ...append(0, 'a') }),
      write(2, append(0, 'z')),
      write(3, records('k=v')),
    );
    for (let times = 0; times < 2; times += 1) {
      assert.deepEqual([log.read(1), log.hardState(1), log.read(2), log.records(3)], ['0: a', 'h1', '0: z', 'k=v']);
      await rig.reopen();
    }
  });

  add('nothing is seen of a commit that was only asked for', async (log, rig) => {
    await log.commit(write(1, append(0, 'a')));
    let seen: unknown;
    await rig.until((done) => {
      rig.port.commit([write(1, append(1, 'b')), write(1, records('k=v'))], done);
      seen = [log.read(1), log.records(1)];
    });
    assert.deepEqual(seen, ['0: a', '']);
    assert.deepEqual([log.read(1), log.records(1)], ['0: a b', 'k=v']);
  });

  add('commits are done in the order they were asked for', async (log, rig) => {
    const order: number[] = [];
    await rig.until((done) => {
      for (let number = 0; number < 5; number += 1) {
        rig.port.commit([write(1, append(number, `e${number}`))], () => {
          order.push(number);
          if (number === 4) done();
        });
      }
    });
    assert.deepEqual(order, [0, 1, 2, 3, 4]);
    assert.equal(log.read(1), '0: e0 e1 e2 e3 e4');
  });

  add('an empty commit is done after the ones before it', async (log, rig) => {
    const order: string[] = [];
    await rig.until((done) => {
      rig.port.commit([write(1, append(0, 'a'))], () => order.push('a'));
      rig.port.commit([], () => {
        order.push('empty');
        done();
      });
    });
    assert.deepEqual([order, log.read(1)], [['a', 'empty'], '0: a']);
  });

  add('what the caller does to its buffers afterwards changes nothing', async (log, rig) => {
    const state = b('state');
    await log.commit(write(1, { hardState: state, ...append(0, 'a') }));
    state.fill(0);
    assert.equal(log.hardState(1), 'state');
    const stored = rig.port.readLog(1);
    rig.port.readLog(1);
    await log.commit(write(1, hardState('other')));
    assert.equal(decodeUtf8(stored?.hardState ?? b('')), 'state');
  });

  add('groups are kept apart, whatever their numbers', async (log) => {
    const groups = [0, 1, 2, 255, 256, 1024];
    await log.commit(...groups.map((group) => write(group, { ...append(0, `g${group}`), ...records(`k=${group}`) })));
    await log.commit(write(1, append(0, 'new')), write(1, records('k')));
    for (const group of groups) {
      assert.equal(log.read(group), group === 1 ? '0: new' : `0: g${group}`);
      assert.equal(log.records(group), group === 1 ? '' : `k=${group}`);
    }
  });
}

function addAppends(add: Add): void {
  add('the writes of one group in one commit are made in their order: the second cuts the first', async (log, rig) => {
    await log.commit(
      write(1, { ...hardState('one'), ...append(0, 'a b c') }),
      write(2, append(0, 'z')),
      write(1, { ...hardState('two'), ...append(1, 'B') }),
      write(1, append(2, 'C D')),
    );
    assert.deepEqual([log.read(1), log.hardState(1)], ['0: a B C D', 'two']);
    await log.commit(write(1, append(0, 'x y')), write(1, append(0, 'X')));
    await rig.reopen();
    assert.equal(log.read(1), '0: X');
  });

  add('a hard state stays when only entries are written, and entries when only a hard state is', async (log, rig) => {
    await log.commit(write(1, hardState('one')));
    assert.deepEqual([log.hardState(1), log.read(1)], ['one', '0: ']);
    await log.commit(write(1, append(0, 'a b')));
    assert.deepEqual([log.hardState(1), log.read(1)], ['one', '0: a b']);
    await rig.reopen();
    await log.commit(write(1, append(2, 'c')));
    await log.commit(write(1, hardState('two')));
    await rig.reopen();
    assert.deepEqual([log.hardState(1), log.read(1)], ['two', '0: a b c']);
  });

  add('an empty hard state is not none', async (log, rig) => {
    await log.commit(write(1, hardState('')), write(2, append(0, 'a')));
    await rig.reopen();
    assert.deepEqual([log.hardState(1), log.hardState(2)], ['', undefined]);
  });

  add('stop-signs and payloads of any bytes are kept', async (log, rig) => {
    const list: Entry[] = [
      { kind: 'command', payload: Uint8Array.from({ length: 256 }, (_, i) => i) },
      { kind: 'command', payload: new Uint8Array() },
      { kind: 'stop-sign', payload: b('next') },
    ];
    await log.commit(write(1, { append: { from: 0, entries: list } }));
    await rig.reopen();
    const found = rig.port.readLog(1)?.entries ?? [];
    assert.deepEqual(
      found.map(({ kind, payload }) => [kind, ...payload]),
      list.map(({ kind, payload }) => [kind, ...payload]),
    );
  });

  add('an append cuts where it starts, then appends', async (log, rig) => {
    await log.commit(write(1, append(0, 'a b c')));
    await log.commit(write(1, append(3, 'd e')));
    await log.commit(write(1, append(5, 'f')));
    await log.commit(write(1, append(4, 'E')));
    assert.equal(log.read(1), '0: a b c d E');
    await log.commit(write(1, append(1, 'B')));
    assert.equal(log.read(1), '0: a B');
    await log.commit(write(1, append(2, 'C')));
    await log.commit(write(1, append(1, '')));
    assert.equal(log.read(1), '0: a');
    await log.commit(write(1, append(0, 'A')));
    await rig.reopen();
    assert.equal(log.read(1), '0: A');
  });

  add('a group that was not read since it was opened is cut, too', async (log, rig) => {
    await log.commit(write(1, append(0, 'a')));
    await log.commit(write(1, append(1, 'b')));
    await log.commit(write(1, append(2, 'c')));
    await rig.reopen();
    await log.commit(write(1, append(1, 'B')));
    assert.equal(log.read(1), '0: a B');
  });

  add('equals a list under any sequence of appends, cuts, compactions and reopenings', async (log, rig) => {
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
      const head = compacts > 0 ? compacted(compactedIndex) : noise.below(2) === 0 ? hardState(`${step}`) : {};
      await log.commit(write(1, { ...head, ...append(from, names.join(' ')) }));
      if (noise.below(12) === 0) await rig.reopen();
      assert.equal(log.read(1), `${compactedIndex}: ${list.join(' ')}`);
    }
  });
}

function addCompactions(add: Add): void {
  add('what is compacted is forgotten, the rest is kept', async (log, rig) => {
    await log.commit(write(1, { ...hardState('h'), ...append(0, 'a b c') }));
    await log.commit(write(1, append(3, 'd e')));
    await log.commit(write(1, compacted(2)));
    assert.equal(log.read(1), '2: c d e');
    await log.commit(write(1, compacted(3)));
    assert.equal(log.read(1), '3: d e');
    await log.commit(write(1, hardState('h2')));
    assert.equal(log.read(1), '3: d e');
    await log.commit(write(1, { ...compacted(5), ...append(5, 'f') }));
    await rig.reopen();
    assert.deepEqual([log.read(1), log.hardState(1)], ['5: f', 'h2']);
  });

  add('a log goes on behind a snapshot that is beyond its end', async (log, rig) => {
    await log.commit(write(1, append(0, 'a b c')));
    await log.commit(write(1, compacted(100)));
    assert.equal(log.read(1), '100: ');
    await log.commit(write(1, append(100, 'x')));
    await log.commit(write(1, append(101, 'y')));
    await rig.reopen();
    assert.equal(log.read(1), '100: x y');
  });

  add('appends are in the order of their positions, over every byte of those', async (log, rig) => {
    const at = 2 ** 40 - 2;
    await log.commit(write(1, { ...compacted(at), ...append(at, 'a') }));
    for (const [place, letter] of [...'bcd'].entries()) await log.commit(write(1, append(at + 1 + place, letter)));
    await rig.reopen();
    assert.equal(log.read(1), `${at}: a b c d`);
  });
}

function addRecords(add: Add): void {
  add('records are set, replaced and removed, in key order, over a reopening too', async (log, rig) => {
    await log.commit(write(1, records('b=1 a=2 d=3 c=4')));
    assert.equal(log.records(1), 'a=2 b=1 c=4 d=3');
    await log.commit(write(1, records('b=9 c e=5')), write(1, records('e d=6 never')));
    for (let times = 0; times < 2; times += 1) {
      assert.equal(log.records(1), 'a=2 b=9 d=6');
      await rig.reopen();
    }
  });

  add('records of any bytes are kept, in byte order', async (log, rig) => {
    const keys = [[], [0], [0, 0], [0, 255], [1], [127], [128], [255], [255, 255]].map((key) => Uint8Array.from(key));
    const value = Uint8Array.from({ length: 256 }, (_, i) => i);
    const list = [...keys].reverse().map((key) => ({ key, value }));
    await log.commit(write(1, { records: [...list, { key: b('empty'), value: new Uint8Array() }] }));
    await rig.reopen();
    const found = rig.port.readRecords(1).filter(({ value: kept }) => kept?.length === 256);
    assert.deepEqual(
      found.map(({ key }) => [...key]),
      keys.map((key) => [...key]),
    );
    assert.ok(found.every(({ value: kept }) => Buffer.compare(kept ?? b(''), value) === 0));
    assert.equal(rig.port.readRecords(1).length, keys.length + 1);
  });

  add('records are no log, and a log is no record', async (log) => {
    await log.commit(write(1, records('a=1')), write(2, append(0, 'x')));
    assert.deepEqual([log.read(1), log.records(2)], [undefined, '']);
    await log.commit(write(1, { ...append(0, 'x'), ...hardState('h') }));
    assert.deepEqual([log.read(1), log.records(1)], ['0: x', 'a=1']);
  });
}

function addDamage(add: Add): void {
  const filled = async (log: Log): Promise<void> => {
    await log.commit(
      write(1, { ...hardState('h'), ...append(0, 'a b') }),
      write(2, hardState('h')),
      write(3, records('k=v')),
    );
  };
  const readers = (rig: OpenedLogStorage): (() => unknown)[] => [
    () => rig.port.readLog(1),
    () => rig.port.readLog(2),
    () => rig.port.readRecords(3),
  ];

  add('damage is noticed, never served', async (log, rig) => {
    if (rig.rewrite === undefined) return;
    await filled(log);
    for (const read of readers(rig)) read();
    await rig.rewrite(withFlippedBit);
    for (const read of readers(rig)) assert.throws(read, CorruptRecord);
  });

  add('a record of a newer format is refused, with both formats named', async (log, rig) => {
    if (rig.rewrite === undefined) return;
    await filled(log);
    await rig.rewrite(asNewerFormat);
    for (const read of readers(rig)) {
      assert.throws(
        read,
        (error) => error instanceof UnknownFormat && /format 2\b.*reads format 1\b/.test(error.message),
      );
    }
  });
}
