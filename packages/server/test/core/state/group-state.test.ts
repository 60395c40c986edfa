import { describe, expect, it } from 'vitest';
import { CorruptRecord } from '../../../src/core/index.ts';
import { GroupState, installedRecord, isInstalledRecord } from '../../../src/core/state/group-state.ts';
import { Noise } from '../../../../common/test/fuzz.ts';
import { MemoryStateStorage } from '../fakes.ts';
import { ballot, b, text } from '../values.ts';

const GROUP = 4;

class Rig {
  readonly storage = new MemoryStateStorage();
  state = new GroupState(GROUP, this.storage);
  index = 0;

  put(key: string, value: string): void {
    this.index += 1;
    this.state.set(b(key), this.index, b(value));
    this.#advance();
  }

  remove(key: string): void {
    this.index += 1;
    this.state.remove(b(key));
    this.#advance();
  }

  changeNothing(): void {
    this.index += 1;
    this.#advance();
  }

  #advance(): void {
    this.state.advance({ index: this.index, revision: this.index, timeMs: 7 });
  }

  get(key: string): string | undefined {
    const found = this.state.get(b(key));
    return found && text(found.value);
  }

  /** Begins a flush; the returned function writes it. */
  startFlush(): () => void {
    const flush = this.state.startFlush();
    if (flush === undefined) throw new Error('there is nothing to flush');
    return () => {
      this.storage.write(GROUP, flush.records);
      flush.flushed();
    };
  }

  restart(): void {
    this.state = new GroupState(GROUP, this.storage);
    this.index = this.state.applied.index;
  }
}

describe('reads', () => {
  it('see what is applied, being flushed and stored, the newest first', () => {
    const rig = new Rig();
    rig.put('stored', '1');
    rig.put('all', '1');
    rig.startFlush()();
    rig.put('flushing', '2');
    rig.put('all', '2');
    const finish = rig.startFlush();
    rig.put('applied', '3');
    const all = (): unknown[] => ['stored', 'flushing', 'applied', 'all'].map((key) => rig.get(key));
    expect(all()).toEqual(['1', '2', '3', '2']);
    rig.put('all', '3');
    expect(all()).toEqual(['1', '2', '3', '3']);
    finish();
    expect(all()).toEqual(['1', '2', '3', '3']);
    rig.startFlush()();
    expect(all()).toEqual(['1', '2', '3', '3']);
    rig.restart();
    expect(all()).toEqual(['1', '2', '3', '3']);
  });

  it('see a key that was removed as absent at every stage', () => {
    const rig = new Rig();
    rig.put('k', '1');
    rig.startFlush()();
    rig.remove('k');
    expect(rig.get('k')).toBeUndefined();
    const finish = rig.startFlush();
    expect(rig.get('k')).toBeUndefined();
    finish();
    expect(rig.get('k')).toBeUndefined();
    rig.put('k', '2');
    const finishPut = rig.startFlush();
    rig.remove('k');
    finishPut();
    expect(rig.get('k')).toBeUndefined();
    rig.restart();
    expect(rig.get('k')).toBe('2');
  });

  it('equal a plain map under any interleaving of writes, flushes and restarts', () => {
    const noise = new Noise(21);
    for (let round = 0; round < 60; round += 1) {
      const rig = new Rig();
      const model = new Map<string, string>();
      let durable = new Map<string, string>();
      let finish: (() => void) | undefined;
      for (let step = 0; step < 80; step += 1) {
        const key = `k${noise.below(5)}`;
        const choice = noise.below(10);
        if (choice < 4) {
          rig.put(key, String(step));
          model.set(key, String(step));
        } else if (choice < 6) {
          rig.remove(key);
          model.delete(key);
        } else if (choice < 8 && finish === undefined && rig.state.applied.index !== rig.state.durableIndex) {
          const write = rig.startFlush();
          const now = new Map(model);
          finish = () => {
            write();
            durable = now;
          };
        } else if (choice === 8) {
          finish?.();
          finish = undefined;
        } else if (choice === 9 && noise.below(4) === 0) {
          finish = undefined;
          rig.restart();
          model.clear();
          for (const [name, value] of durable) model.set(name, value);
        }
        for (let i = 0; i < 5; i += 1) expect(rig.get(`k${i}`)).toBe(model.get(`k${i}`));
      }
    }
  });
});

describe('a flush', () => {
  it('writes a prefix of what was applied, with its index, and only then counts as durable', () => {
    const rig = new Rig();
    rig.put('a', '1');
    rig.put('b', '2');
    const finish = rig.startFlush();
    rig.put('c', '3');
    expect(rig.state.durableIndex).toBe(0);
    finish();
    expect([rig.state.durableIndex, rig.state.applied.index]).toEqual([2, 3]);
    rig.restart();
    expect(rig.state.applied).toEqual({ index: 2, revision: 2, timeMs: 7 });
    expect([rig.get('a'), rig.get('b'), rig.get('c')]).toEqual(['1', '2', undefined]);
  });

  it('is not begun when nothing was applied since', () => {
    const rig = new Rig();
    expect(rig.state.startFlush()).toBeUndefined();
    rig.put('a', '1');
    expect(rig.state.unflushedBytes).toBeGreaterThan(0);
    rig.startFlush()();
    expect(rig.state.unflushedBytes).toBe(0);
    expect(rig.state.startFlush()).toBeUndefined();
  });

  it('is needed again for a command that changed no key while it was under way', () => {
    const rig = new Rig();
    rig.put('a', '1');
    const finish = rig.startFlush();
    rig.changeNothing();
    finish();
    expect(rig.state.hasUnflushed).toBe(true);
    rig.startFlush()();
    expect([rig.state.hasUnflushed, rig.state.durableIndex]).toEqual([false, 2]);
  });

  it('carries the sessions, in the same transaction', () => {
    const rig = new Rig();
    rig.state.sessions.open(1, 100);
    rig.put('a', '1');
    rig.startFlush()();
    rig.restart();
    expect(rig.state.sessions.size).toBe(1);
    expect(rig.state.sessions.admit(1, 1, 0, 2, 100).type).toBe('execute');
  });
});

describe('a state that takes the place of another', () => {
  /** The records of another replica that applied 50 entries. */
  function foreign(): { readonly records: ReturnType<MemoryStateStorage['dump']> } {
    const other = new Rig();
    for (let i = 0; i < 50; i += 1) other.put('k', `foreign ${i}`);
    other.state.sessions.open(50, 100);
    other.startFlush()();
    return { records: other.storage.dump(GROUP) };
  }

  const install = (rig: Rig, number: number): void => {
    for (const { key } of rig.storage.dump(GROUP)) rig.storage.write(GROUP, [{ key, value: undefined }]);
    rig.storage.write(GROUP, [...foreign().records, installedRecord(ballot(number, 2))]);
    rig.state.reload();
    rig.index = rig.state.applied.index;
  };

  it('stops the old one from being written', () => {
    const rig = new Rig();
    rig.put('a', '1');
    rig.state.beginReplacement();
    rig.put('a', '2');
    expect(rig.state.startFlush()).toBeUndefined();
    expect(rig.get('a')).toBe('2');
  });

  it('is in force after the reload, with nothing left of the old one', () => {
    const rig = new Rig();
    rig.put('mine', '1');
    const late = rig.state.startFlush();
    rig.put('k', '2');
    rig.state.beginReplacement();
    install(rig, 9);
    expect([rig.get('mine'), rig.get('k')]).toEqual([undefined, 'foreign 49']);
    expect(rig.state).toMatchObject({ durableIndex: 50, unflushedBytes: 0, installedIn: ballot(9, 2) });
    expect(rig.state.applied.index).toBe(50);
    expect(rig.state.sessions.size).toBe(1);
    late?.flushed();
    expect(rig.state.durableIndex).toBe(50);
  });

  it('keeps its mark until the log is known to agree, over a restart too', () => {
    const rig = new Rig();
    install(rig, 9);
    rig.put('k', '2');
    rig.startFlush()();
    rig.restart();
    expect(rig.state.installedIn).toEqual(ballot(9, 2));
    rig.state.noteInstalled();
    expect(rig.state.installedIn).toBeUndefined();
    rig.restart();
    expect(rig.state.installedIn).toEqual(ballot(9, 2));
    rig.state.noteInstalled();
    rig.put('k', '3');
    rig.startFlush()();
    rig.restart();
    expect(rig.state.installedIn).toBeUndefined();
    expect(rig.storage.dump(GROUP).some(isInstalledRecord)).toBe(false);
  });

  it('keeps its mark when it replaces a state whose mark was about to go', () => {
    const rig = new Rig();
    install(rig, 9);
    rig.state.noteInstalled();
    install(rig, 12);
    rig.put('k', '2');
    rig.startFlush()();
    rig.restart();
    expect(rig.state.installedIn).toEqual(ballot(12, 2));
  });
});

describe('damage', () => {
  it.each([
    ['the applied index', 'm', () => undefined],
    ['a session', 's', () => undefined],
    ['a value', 'k', (rig: Rig) => rig.get('a')],
    ['the mark', 'i', () => undefined],
  ])('of %s is noticed', (_name, kind, read) => {
    const rig = new Rig();
    rig.state.sessions.open(1, 100);
    rig.put('a', '1');
    rig.startFlush()();
    rig.storage.write(GROUP, [installedRecord(ballot(3))]);
    const records = rig.storage.dump(GROUP).filter(({ key }) => key[0] === kind.charCodeAt(0));
    expect(records).toHaveLength(1);
    for (const { key, value } of records) {
      const damaged = Uint8Array.from(value ?? []);
      damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 1;
      rig.storage.write(GROUP, [{ key, value: damaged }]);
    }
    expect(() => {
      rig.restart();
      read(rig);
    }).toThrow(CorruptRecord);
  });
});
