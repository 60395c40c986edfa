/**
 * What every AppliedStateStorage must do.
 */
import assert from 'node:assert/strict';
import type { GroupId } from '@kvorum/common';
import { decodeUtf8, encodeUtf8 } from '@kvorum/common';
import type { AppliedStateStorage, StateInstall, StateMutation, StateRecord, StateSnapshot } from '@kvorum/server/core';
import { Noise } from '../fuzz/noise.ts';
import type { AcceptanceCase, Open, OpenedStorage } from './acceptance-case.ts';
import { casesOf } from './acceptance-case.ts';

export type OpenedStateStorage = OpenedStorage<AppliedStateStorage>;

const b = encodeUtf8;
const text = decodeUtf8;

/** "a=1 b=2 c": the last one removes. */
const records = (list: string): StateRecord[] =>
  list.split(' ').map((part) => {
    const [key = '', value] = part.split('=');
    return { key: b(key), value: value === undefined ? undefined : b(value) };
  });

const show = (part: readonly StateRecord[]): string =>
  part.map(({ key, value }) => `${text(key)}=${text(value ?? b('?'))}`).join(' ');

function readAll(view: StateSnapshot, maxBytes = 1000): string {
  const parts: string[] = [];
  for (let part = view.next(maxBytes); part.length > 0; part = view.next(maxBytes)) parts.push(show(part));
  view.close();
  return parts.join(' ');
}

/** Reads and writes as text. */
class State {
  readonly #rig: OpenedStateStorage;

  constructor(rig: OpenedStateStorage) {
    this.#rig = rig;
  }

  get port(): AppliedStateStorage {
    return this.#rig.port;
  }

  commitAll(mutations: readonly StateMutation[]): Promise<void> {
    return this.#rig.until((done) => this.port.commit(mutations, done));
  }

  commit(group: GroupId, list: string): Promise<void> {
    return this.commitAll([{ group, records: records(list) }]);
  }

  get(group: GroupId, key: string): string | undefined {
    const value = this.port.get(group, b(key));
    return value && text(value);
  }

  dump(group: GroupId): string {
    return readAll(this.port.snapshot(group));
  }

  add(install: StateInstall, list: string): Promise<void> {
    return this.#rig.until((done) => install.add(records(list), done));
  }

  finish(install: StateInstall): Promise<void> {
    return this.#rig.until((done) => install.finish(done));
  }

  async install(group: GroupId, list: string): Promise<void> {
    const install = this.port.install(group);
    await this.add(install, list);
    await this.finish(install);
  }
}

type Add = (name: string, test: (state: State, rig: OpenedStateStorage) => Promise<void>) => void;

export function appliedStateStorageSuite(open: Open<OpenedStateStorage>): AcceptanceCase[] {
  const { cases, add } = casesOf(open);
  const addOnState: Add = (name, test) => add(name, (rig) => test(new State(rig), rig));
  addCommits(addOnState);
  addSnapshots(addOnState);
  addInstalls(addOnState);
  addModel(addOnState);
  return cases;
}

function addCommits(add: Add): void {
  add('a group that was never written is empty', async (state) => {
    await state.commit(1, 'a=1');
    assert.deepEqual([state.get(2, 'a'), state.dump(2), state.dump(0)], [undefined, '', '']);
  });

  add('commits are there when they are done, over a reopening too', async (state, rig) => {
    assert.deepEqual([state.get(1, 'a'), state.dump(1)], [undefined, '']);
    await state.commit(1, 'a=1 b=2');
    await state.commit(1, 'a=3 b c=4');
    for (let times = 0; times < 2; times += 1) {
      const all = [state.get(1, 'a'), state.get(1, 'b'), state.get(1, 'c'), state.dump(1)];
      assert.deepEqual(all, ['3', undefined, '4', 'a=3 c=4']);
      await rig.reopen();
    }
  });

  add('commits are seen as a whole, over all groups, and not before they are done', async (state, rig) => {
    let before: unknown;
    await rig.until((done) => {
      const batch = [
        { group: 1, records: records('a=1') },
        { group: 2, records: records('a=2') },
      ];
      rig.port.commit(batch, done);
      before = [state.get(1, 'a'), state.get(2, 'a'), state.dump(1)];
    });
    assert.deepEqual(before, [undefined, undefined, '']);
    assert.deepEqual([state.get(1, 'a'), state.get(2, 'a')], ['1', '2']);
  });

  add('commits are done in the order they were asked for, an empty one included', async (state, rig) => {
    const order: string[] = [];
    await rig.until((done) => {
      rig.port.commit([{ group: 1, records: records('a=1') }], () => order.push('first'));
      rig.port.commit([], () => order.push('empty'));
      rig.port.commit([{ group: 1, records: records('a=2') }], () => {
        order.push('last');
        done();
      });
    });
    assert.deepEqual([order, state.get(1, 'a')], [['first', 'empty', 'last'], '2']);
  });

  add('groups are kept apart, whatever their numbers', async (state) => {
    const groups = [0, 1, 2, 255, 256, 1024];
    await state.commitAll(groups.map((group) => ({ group, records: records(`k=${group}`) })));
    await state.commit(1, 'k');
    for (const group of groups) assert.equal(state.dump(group), group === 1 ? '' : `k=${group}`);
  });

  add('empty values, and keys and values of any bytes are kept', async (state, rig) => {
    const key = Uint8Array.from({ length: 256 }, (_, i) => i);
    const list = [
      { key, value: key },
      { key: b('e'), value: new Uint8Array() },
    ];
    await state.commitAll([{ group: 1, records: list }]);
    await rig.reopen();
    assert.equal(Buffer.compare(rig.port.get(1, key) ?? b(''), key), 0);
    assert.equal(rig.port.get(1, b('e'))?.length, 0);
  });
}

function addSnapshots(add: Add): void {
  const bytes = (...list: number[]): Uint8Array => Uint8Array.from(list);
  const hex = (key: Uint8Array): string => Buffer.from(key).toString('hex');

  add('a snapshot goes through the keys in byte order', async (state) => {
    const noise = new Noise(41);
    const keys = [bytes(0), bytes(0, 0), bytes(0, 255), bytes(1), bytes(127), bytes(128), bytes(128, 0), bytes(255)];
    for (let i = 0; i < 200; i += 1) keys.push(noise.bytes(1 + noise.below(12)));
    const unique = [...new Map(keys.map((key) => [hex(key), key])).values()];
    await state.commitAll([{ group: 1, records: unique.map((key) => ({ key, value: bytes(1) })) }]);
    const view = state.port.snapshot(1);
    const seen = view.next(1 << 20).map(({ key }) => hex(key));
    view.close();
    assert.deepEqual(seen, unique.map(hex).sort());
  });

  add('a snapshot comes in parts of about the size asked for, one record at least, then nothing', async (state) => {
    const value = 'v'.repeat(99);
    await state.commit(1, Array.from({ length: 10 }, (_, i) => `${i}=${value}`).join(' '));
    const view = state.port.snapshot(1);
    const sizes = [300, 1, 100, 250, 10_000, 10_000, 1].map((maxBytes) => view.next(maxBytes).length);
    view.close();
    assert.deepEqual(sizes, [3, 1, 1, 3, 2, 0, 0]);
  });

  add('a snapshot is of one moment while commits go on', async (state) => {
    await state.commit(1, 'a=1 b=2 c=3 d=4');
    const view = state.port.snapshot(1);
    assert.equal(show(view.next(1)), 'a=1');
    await state.commit(1, 'a=9 b=9 c d=9 e=9');
    const later = state.port.snapshot(1);
    await state.commit(1, 'f=9');
    assert.equal(readAll(view), 'b=2 c=3 d=4');
    assert.equal(readAll(later), 'a=9 b=9 d=9 e=9');
    assert.equal(state.dump(1), 'a=9 b=9 d=9 e=9 f=9');
  });

  add('a snapshot is of one moment even if its first part is asked for later', async (state) => {
    await state.commit(1, 'a=1');
    const view = state.port.snapshot(1);
    await state.commit(1, 'a=2 b=2');
    assert.equal(readAll(view), 'a=1');
  });

  add('a snapshot gives copies that stay as they are', async (state) => {
    await state.commit(1, 'a=1 b=2');
    const view = state.port.snapshot(1);
    const part = view.next(1000);
    view.close();
    await state.commit(1, 'a=9 b=9');
    state.dump(1);
    assert.equal(show(part), 'a=1 b=2');
  });

  add('a snapshot can be left in the middle', async (state) => {
    await state.commit(1, 'a=1 b=2');
    for (let times = 0; times < 300; times += 1) {
      const view = state.port.snapshot(1);
      view.next(1);
      view.close();
    }
    assert.equal(state.dump(1), 'a=1 b=2');
  });
}

function addInstalls(add: Add): void {
  add('an install replaces a state as a whole; the old one is in force until it is done', async (state, rig) => {
    await state.commit(1, 'a=1 b=2');
    await state.commit(2, 'a=other');
    const install = rig.port.install(1);
    await state.add(install, 'b=20 c=30');
    await state.add(install, 'd=40');
    assert.deepEqual([state.get(1, 'a'), state.get(1, 'd'), state.dump(1)], ['1', undefined, 'a=1 b=2']);
    let asked: unknown;
    await rig.until((done) => {
      install.finish(done);
      asked = [state.get(1, 'a'), state.get(1, 'd'), state.dump(1)];
    });
    assert.deepEqual(asked, ['1', undefined, 'a=1 b=2']);
    for (let times = 0; times < 2; times += 1) {
      const all = [state.get(1, 'a'), state.get(1, 'b'), state.dump(1), state.dump(2)];
      assert.deepEqual(all, [undefined, '20', 'b=20 c=30 d=40', 'a=other']);
      await rig.reopen();
    }
    await state.commit(1, 'e=50 b');
    await rig.reopen();
    assert.equal(state.dump(1), 'c=30 d=40 e=50');
  });

  add('an install does not disturb a snapshot that was taken before', async (state) => {
    await state.commit(1, 'a=1 b=2 c=3');
    const view = state.port.snapshot(1);
    view.next(1);
    await state.install(1, 'x=1');
    assert.equal(readAll(view), 'b=2 c=3');
    assert.equal(state.dump(1), 'x=1');
  });

  add('installs of an empty group, and one after the other', async (state) => {
    for (const round of ['1', '2', '3']) {
      await state.install(5, `k=${round} only${round}=x`);
      assert.equal(state.dump(5), `k=${round} only${round}=x`);
    }
  });

  for (const end of ['aborted', 'left unfinished', 'interrupted by a reopening']) {
    add(`an install that is ${end} leaves no trace`, async (state, rig) => {
      await state.commit(1, 'a=1 b=2');
      const install = rig.port.install(1);
      await state.add(install, 'a=10 x=30');
      if (end === 'aborted') install.abort();
      if (end === 'interrupted by a reopening') await rig.reopen();
      assert.equal(state.dump(1), 'a=1 b=2');
      await state.commit(1, 'c=3');
      assert.equal(state.dump(1), 'a=1 b=2 c=3');
      await state.install(1, 'y=40');
      assert.equal(state.dump(1), 'y=40');
      await rig.reopen();
      assert.equal(state.dump(1), 'y=40');
    });
  }

  add('an install that is aborted after its end was asked for is there as a whole', async (state, rig) => {
    await state.commit(1, 'a=1 b=2');
    const install = rig.port.install(1);
    await state.add(install, 'x=30 y=40');
    await rig.until((done) => {
      install.finish(done);
      install.abort();
    });
    await rig.reopen();
    assert.equal(state.dump(1), 'x=30 y=40');
  });

  add('an install of nothing leaves nothing, also after one that was aborted', async (state, rig) => {
    await state.commit(1, 'a=1');
    const aborted = rig.port.install(1);
    await state.add(aborted, 'x=30');
    aborted.abort();
    await state.finish(rig.port.install(1));
    assert.equal(state.dump(1), '');
  });

  add('an install is not mixed with a commit that was asked for before it', async (state, rig) => {
    await state.commit(1, 'a=1');
    for (let round = 0; round < 20; round += 1) {
      let flushed = false;
      rig.port.commit([{ group: 1, records: records(`old${round}=1`) }], () => (flushed = true));
      await state.install(1, `new=${round}`);
      assert.equal(flushed, true);
      assert.equal(state.dump(1), `new=${round}`);
    }
  });
}

function addModel(add: Add): void {
  add('equals a map under any sequence of commits, installs and reopenings', async (state, rig) => {
    const noise = new Noise(51);
    let model = new Map<string, string>();
    const some = (step: number): string =>
      Array.from({ length: 1 + noise.below(4) }, () =>
        noise.below(4) === 0 ? `k${noise.below(9)}` : `k${noise.below(9)}=${step}`,
      ).join(' ');
    const apply = (to: Map<string, string>, list: string): void => {
      for (const part of list.split(' ')) {
        const [key = '', value] = part.split('=');
        if (value === undefined) to.delete(key);
        else to.set(key, value);
      }
    };
    for (let step = 0; step < 80; step += 1) {
      const list = some(step);
      if (noise.below(8) === 0) {
        const install = rig.port.install(1);
        const written = ['m=1', ...list.split(' ').filter((part) => part.includes('='))].join(' ');
        await state.add(install, written);
        if (noise.below(3) === 0) install.abort();
        else {
          await state.finish(install);
          model = new Map();
          apply(model, written);
        }
      } else {
        await state.commit(1, list);
        apply(model, list);
      }
      if (noise.below(12) === 0) await rig.reopen();
      const sorted = [...model].sort(([a], [c]) => (a < c ? -1 : 1));
      assert.equal(state.dump(1), sorted.map(([key, value]) => `${key}=${value}`).join(' '));
      assert.equal(state.get(1, 'k3'), model.get('k3'));
    }
  });
}
