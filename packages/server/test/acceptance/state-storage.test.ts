/** What every StateStorage must do. */
import type { GroupId } from '@kvorum/common';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StateInstall, StateMutation, StateRecord, StateSnapshot } from '../../src/core/index.ts';
import { Noise } from '../../../common/test/fuzz.ts';
import { b, text } from '../core/values.ts';
import type { StorageRig } from './storages.ts';
import { storageKinds } from './storages.ts';

/** "a=1 b=2 c": the last one removes. */
const records = (list: string): StateRecord[] =>
  list.split(' ').map((part) => {
    const [key, value] = part.split('=');
    return { key: b(key ?? ''), value: value === undefined ? undefined : b(value) };
  });

function readAll(view: StateSnapshot, maxBytes = 1000): string {
  const parts: string[] = [];
  for (let part = view.next(maxBytes); part.length > 0; part = view.next(maxBytes)) {
    for (const { key, value } of part) parts.push(`${text(key)}=${text(value ?? b('?'))}`);
  }
  view.close();
  return parts.join(' ');
}

describe.each(storageKinds)('state storage: $name', ({ create }) => {
  let rig: StorageRig;
  beforeEach(() => {
    rig = create();
  });
  afterEach(() => rig.dispose());

  const commitAll = (mutations: readonly StateMutation[]): Promise<void> =>
    rig.done((done) => rig.state.commit(mutations, done));
  const commit = (group: GroupId, list: string): Promise<void> => commitAll([{ group, records: records(list) }]);
  const get = (group: GroupId, key: string): string | undefined => {
    const value = rig.state.get(group, b(key));
    return value && text(value);
  };
  const dump = (group: GroupId): string => readAll(rig.state.snapshot(group));
  const add = (install: StateInstall, list: string): Promise<void> =>
    rig.done((done) => install.add(records(list), done));
  const finish = (install: StateInstall): Promise<void> => rig.done((done) => install.finish(done));

  describe('commits', () => {
    it('are there when they are done, over a reopening too', async () => {
      expect([get(1, 'a'), dump(1)]).toEqual([undefined, '']);
      await commit(1, 'a=1 b=2');
      await commit(1, 'a=3 b c=4');
      for (let times = 0; times < 2; times += 1) {
        expect([get(1, 'a'), get(1, 'b'), get(1, 'c'), dump(1)]).toEqual(['3', undefined, '4', 'a=3 c=4']);
        await rig.reopen();
      }
    });

    it('are seen as a whole, over all groups, and not before they are done', async () => {
      let before: unknown;
      await rig.done((done) => {
        const batch = [
          { group: 1, records: records('a=1') },
          { group: 2, records: records('a=2') },
        ];
        rig.state.commit(batch, done);
        before = [get(1, 'a'), get(2, 'a'), dump(1)];
      });
      expect(before).toEqual([undefined, undefined, '']);
      expect([get(1, 'a'), get(2, 'a')]).toEqual(['1', '2']);
    });

    it('keep groups apart, whatever their numbers', async () => {
      const groups = [0, 1, 2, 255, 256, 1024];
      await commitAll(groups.map((group) => ({ group, records: records(`k=${group}`) })));
      await commit(1, 'k');
      for (const group of groups) expect(dump(group)).toBe(group === 1 ? '' : `k=${group}`);
    });

    it('take empty values, and keys and values of any bytes', async () => {
      const key = Uint8Array.from({ length: 256 }, (_, i) => i);
      await commitAll([
        {
          group: 1,
          records: [
            { key, value: key },
            { key: b('e'), value: new Uint8Array() },
          ],
        },
      ]);
      await rig.reopen();
      expect(Buffer.compare(rig.state.get(1, key) ?? b(''), key)).toBe(0);
      expect(rig.state.get(1, b('e'))).toHaveLength(0);
    });
  });

  describe('snapshots', () => {
    const bytes = (...list: number[]): Uint8Array => Uint8Array.from(list);

    it('go through the keys in byte order', async () => {
      const noise = new Noise(41);
      const keys = [bytes(0), bytes(0, 0), bytes(0, 255), bytes(1), bytes(127), bytes(128), bytes(128, 0), bytes(255)];
      for (let i = 0; i < 200; i += 1) keys.push(noise.bytes(1 + noise.below(12)));
      const unique = [...new Map(keys.map((key) => [Buffer.from(key).toString('hex'), key])).values()];
      await commitAll([{ group: 1, records: unique.map((key) => ({ key, value: bytes(1) })) }]);
      const view = rig.state.snapshot(1);
      const seen = view.next(1 << 20).map(({ key }) => Buffer.from(key).toString('hex'));
      view.close();
      expect(seen).toEqual(unique.map((key) => Buffer.from(key).toString('hex')).sort());
    });

    it('come in parts of about the size asked for, one record at least, then nothing', async () => {
      const value = 'v'.repeat(99);
      await commit(1, Array.from({ length: 10 }, (_, i) => `${i}=${value}`).join(' '));
      const view = rig.state.snapshot(1);
      const sizes = [300, 1, 100, 250, 10_000, 10_000, 1].map((maxBytes) => view.next(maxBytes).length);
      view.close();
      expect(sizes).toEqual([3, 1, 1, 3, 2, 0, 0]);
    });

    it('are of one moment while commits go on', async () => {
      await commit(1, 'a=1 b=2 c=3 d=4');
      const view = rig.state.snapshot(1);
      expect(view.next(1).map(({ key }) => text(key))).toEqual(['a']);
      await commit(1, 'a=9 b=9 c d=9 e=9');
      const later = rig.state.snapshot(1);
      await commit(1, 'f=9');
      expect(readAll(view)).toBe('b=2 c=3 d=4');
      expect(readAll(later)).toBe('a=9 b=9 d=9 e=9');
      expect(dump(1)).toBe('a=9 b=9 d=9 e=9 f=9');
    });

    it('are of one moment even if their first part is asked for later', async () => {
      await commit(1, 'a=1');
      const view = rig.state.snapshot(1);
      await commit(1, 'a=2 b=2');
      expect(readAll(view)).toBe('a=1');
    });

    it('give copies that stay as they are', async () => {
      await commit(1, 'a=1 b=2');
      const view = rig.state.snapshot(1);
      const part = view.next(1000);
      view.close();
      await commit(1, 'a=9 b=9');
      dump(1);
      expect(part.map(({ key, value }) => `${text(key)}=${text(value ?? b(''))}`)).toEqual(['a=1', 'b=2']);
    });

    it('can be left in the middle', async () => {
      await commit(1, 'a=1 b=2');
      for (let times = 0; times < 300; times += 1) {
        const view = rig.state.snapshot(1);
        view.next(1);
        view.close();
      }
      expect(dump(1)).toBe('a=1 b=2');
    });
  });

  describe('installs', () => {
    it('replace a state as a whole; the old one is in force until they are done', async () => {
      await commit(1, 'a=1 b=2');
      await commit(2, 'a=other');
      const install = rig.state.install(1);
      await add(install, 'b=20 c=30');
      await add(install, 'd=40');
      expect([get(1, 'a'), get(1, 'd'), dump(1)]).toEqual(['1', undefined, 'a=1 b=2']);
      await finish(install);
      for (let times = 0; times < 2; times += 1) {
        expect([get(1, 'a'), get(1, 'b'), dump(1), dump(2)]).toEqual([undefined, '20', 'b=20 c=30 d=40', 'a=other']);
        await rig.reopen();
      }
      await commit(1, 'e=50 b');
      await rig.reopen();
      expect(dump(1)).toBe('c=30 d=40 e=50');
    });

    it('do not disturb a snapshot that was taken before', async () => {
      await commit(1, 'a=1 b=2 c=3');
      const view = rig.state.snapshot(1);
      view.next(1);
      const install = rig.state.install(1);
      await add(install, 'x=1');
      await finish(install);
      expect(readAll(view)).toBe('b=2 c=3');
      expect(dump(1)).toBe('x=1');
    });

    it('of an empty group, and one after the other', async () => {
      for (const round of ['1', '2', '3']) {
        const install = rig.state.install(5);
        await add(install, `k=${round} only${round}=x`);
        await finish(install);
        expect(dump(5)).toBe(`k=${round} only${round}=x`);
      }
    });

    it.each(['aborted', 'left unfinished', 'interrupted by a restart'])('that are %s change nothing', async (end) => {
      await commit(1, 'a=1 b=2');
      const install = rig.state.install(1);
      await add(install, 'a=10 x=30');
      if (end === 'aborted') install.abort();
      if (end === 'interrupted by a restart') await rig.reopen();
      expect(dump(1)).toBe('a=1 b=2');
      await commit(1, 'c=3');
      expect(dump(1)).toBe('a=1 b=2 c=3');
      const again = rig.state.install(1);
      await add(again, 'y=40');
      await finish(again);
      expect(dump(1)).toBe('y=40');
      await rig.reopen();
      expect(dump(1)).toBe('y=40');
    });

    it('of nothing leave nothing, also after one that was aborted', async () => {
      await commit(1, 'a=1');
      const aborted = rig.state.install(1);
      await add(aborted, 'x=30');
      aborted.abort();
      await finish(rig.state.install(1));
      expect(dump(1)).toBe('');
    });

    it('are not mixed with a commit that was asked for before them', async () => {
      await commit(1, 'a=1');
      for (let round = 0; round < 20; round += 1) {
        let flushed = false;
        rig.state.commit([{ group: 1, records: records(`old${round}=1`) }], () => (flushed = true));
        const install = rig.state.install(1);
        await add(install, `new=${round}`);
        await finish(install);
        if (!flushed) await commit(2, 'later=1');
        expect(dump(1)).toBe(`new=${round}`);
      }
    });
  });

  it('equals a map under any sequence of commits, installs and restarts', async () => {
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
        const install = rig.state.install(1);
        const fresh = new Map<string, string>();
        const written = list.split(' ').filter((part) => part.includes('='));
        await add(install, ['m=1', ...written].join(' '));
        apply(fresh, ['m=1', ...written].join(' '));
        if (noise.below(3) === 0) install.abort();
        else {
          await finish(install);
          model = fresh;
        }
      } else {
        await commit(1, list);
        apply(model, list);
      }
      if (noise.below(12) === 0) await rig.reopen();
      const sorted = [...model].sort(([a], [c]) => (a < c ? -1 : 1));
      expect(dump(1)).toBe(sorted.map(([key, value]) => `${key}=${value}`).join(' '));
      expect(get(1, 'k3')).toBe(model.get('k3'));
    }
  });
});
