import type { Command, Settings } from '@kvorum/common';
import { defaultSettings, settingsWith } from '@kvorum/common';
import { asNewerFormat, MemoryStateStorage, Noise, withFlippedBit } from '@kvorum/testing';
import { describe, expect, it } from 'vitest';
import type { AppliedStateStorage, Elapsed, LoggedCommand, StateMachine } from '../../../src/core/index.ts';
import { CorruptRecord, encodeBatch, storedApplied, UnknownFormat } from '../../../src/core/index.ts';
import type { AppliedReply } from '../../../src/core/state/group-state.ts';
import { GroupState, installedRecord, isInstalledRecord } from '../../../src/core/state/group-state.ts';
import { KeyValueMachine } from '../../../src/core/state/key-value/key-value-machine.ts';
import { b, put, remove, text } from '../values.ts';

const GROUP = 4;

class Rig {
  readonly storage = new MemoryStateStorage();
  readonly settings: Settings;
  state: GroupState;

  constructor(settings = defaultSettings) {
    this.settings = settings;
    this.state = this.#open();
  }

  protected createMachine(storage: AppliedStateStorage): StateMachine {
    return new KeyValueMachine(GROUP, storage);
  }

  #open(): GroupState {
    return new GroupState(GROUP, this.storage, this.createMachine(this.storage), this.settings);
  }

  /** One entry of the log. */
  apply(commands: readonly LoggedCommand[], elapsed: Elapsed = { elapsedMs: 0, outageMs: 0 }): AppliedReply[] {
    return this.state.apply(this.state.applied.index, encodeBatch({ ...elapsed, commands }));
  }

  run(command: Command): void {
    this.apply([{ type: 'execute', session: 0, sequence: 0, floor: 0, command }]);
  }

  put(key: string, value: string): void {
    this.run(put(key, value));
  }

  remove(key: string): void {
    this.run(remove(key));
  }

  changeNothing(): void {
    this.run(remove('never there'));
  }

  open(): number {
    const [reply] = this.apply([{ type: 'open-session' }]);
    if (reply?.type !== 'session') throw new Error('no session');
    return reply.session;
  }

  call(session: number, sequence: number, command: Command, elapsed?: Elapsed): AppliedReply | undefined {
    return this.apply([{ type: 'execute', session, sequence, floor: 0, command }], elapsed)[0];
  }

  get(key: string): string | undefined {
    const { found } = this.state.query({ type: 'get', key: b(key) });
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
    this.state = this.#open();
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
    expect(rig.state.applied).toEqual({ index: 2, revision: 2, logMs: 0, leaseMs: 0 });
    expect([rig.get('a'), rig.get('b'), rig.get('c')]).toEqual(['1', '2', undefined]);
  });

  it('is not begun when nothing was applied since', () => {
    const rig = new Rig();
    expect(rig.state.startFlush()).toBeUndefined();
    rig.put('a', '1');
    expect(rig.state.machine.unflushedBytes).toBeGreaterThan(0);
    rig.startFlush()();
    expect(rig.state.machine.unflushedBytes).toBe(0);
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
    const session = rig.open();
    rig.call(session, 1, put('a', '1'));
    rig.startFlush()();
    rig.restart();
    expect(rig.state.sessions.size).toBe(1);
    expect(rig.call(session, 1, put('a', '2'))).toEqual({ type: 'result', result: { type: 'written', version: 2 } });
    expect(rig.get('a')).toBe('1');
  });
});

describe('a state that takes the place of another', () => {
  /** The records of another replica that applied 50 entries. */
  function foreign(): { readonly records: ReturnType<MemoryStateStorage['dump']> } {
    const other = new Rig();
    for (let i = 1; i < 50; i += 1) other.put('k', `foreign ${i}`);
    other.open();
    other.startFlush()();
    return { records: other.storage.dump(GROUP) };
  }

  const install = (rig: Rig, number: number): void => {
    for (const { key } of rig.storage.dump(GROUP)) rig.storage.write(GROUP, [{ key, value: undefined }]);
    rig.storage.write(GROUP, [...foreign().records, installedRecord(b(`proof ${number}`))]);
    rig.state.reload();
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
    expect(rig.state).toMatchObject({ durableIndex: 50, installedProof: b('proof 9') });
    expect(rig.state.machine.unflushedBytes).toBe(0);
    expect(rig.state.applied.index).toBe(50);
    expect(rig.state.sessions.size).toBe(1);
    late?.flushed();
    expect(rig.state.durableIndex).toBe(50);
  });

  it('keeps its installed record until the log is known to agree, over a restart too', () => {
    const rig = new Rig();
    install(rig, 9);
    rig.put('k', '2');
    rig.startFlush()();
    rig.restart();
    expect(rig.state.installedProof).toEqual(b('proof 9'));
    rig.state.noteInstalled();
    expect(rig.state.installedProof).toBeUndefined();
    rig.restart();
    expect(rig.state.installedProof).toEqual(b('proof 9'));
    rig.state.noteInstalled();
    rig.put('k', '3');
    rig.startFlush()();
    rig.restart();
    expect(rig.state.installedProof).toBeUndefined();
    expect(rig.storage.dump(GROUP).some(isInstalledRecord)).toBe(false);
  });

  it('keeps its installed record when it replaces a state whose installed record was about to go', () => {
    const rig = new Rig();
    install(rig, 9);
    rig.state.noteInstalled();
    install(rig, 12);
    rig.put('k', '2');
    rig.startFlush()();
    rig.restart();
    expect(rig.state.installedProof).toEqual(b('proof 12'));
  });
});

describe('what is stored', () => {
  const kinds: [what: string, kind: string, read: (rig: Rig) => unknown][] = [
    ['the applied index', 'm', () => undefined],
    ['a session', 's', () => undefined],
    ['a value', 'k', (rig) => rig.get('a')],
    ['the installed record', 'i', () => undefined],
  ];

  /** Everything of that kind is another one on disk, and the node starts on it. */
  function startOn(
    kind: string,
    change: (record: Uint8Array) => Uint8Array,
    read: (rig: Rig) => unknown,
  ): () => unknown {
    const rig = new Rig();
    rig.open();
    rig.put('a', '1');
    rig.startFlush()();
    rig.storage.write(GROUP, [installedRecord(b('proof'))]);
    const records = rig.storage.dump(GROUP).filter(({ key }) => key[0] === kind.charCodeAt(0));
    expect(records).toHaveLength(1);
    rig.storage.write(
      GROUP,
      records.map(({ key, value }) => ({ key, value: change(value ?? b('')) })),
    );
    return () => {
      rig.restart();
      return read(rig);
    };
  }

  it.each(kinds)('of %s is noticed to be damaged', (_what, kind, read) => {
    expect(startOn(kind, (record) => record, read)).not.toThrow();
    expect(startOn(kind, withFlippedBit, read)).toThrow(CorruptRecord);
  });

  it.each(kinds)('of %s in a newer format is refused', (_what, kind, read) => {
    expect(startOn(kind, asNewerFormat, read)).toThrow(UnknownFormat);
    expect(startOn(kind, asNewerFormat, read)).toThrow('format 2; this version of Kvorum reads format 1');
  });

  it('is checked before it is handed to another replica', () => {
    const rig = new Rig();
    rig.open();
    rig.put('a', '1');
    rig.startFlush()();
    for (const record of rig.storage.dump(GROUP)) {
      expect(() => rig.state.checkSnapshotRecord(record)).not.toThrow();
      const damaged = { key: record.key, value: withFlippedBit(record.value ?? b('')) };
      expect(() => rig.state.checkSnapshotRecord(damaged)).toThrow(CorruptRecord);
    }
  });

  it('says how far the state has come', () => {
    const rig = new Rig();
    expect(storedApplied(GROUP, rig.storage).index).toBe(0);
    rig.apply([], { elapsedMs: 90, outageMs: 20 });
    rig.apply([{ type: 'open-session' }, { type: 'open-session' }], { elapsedMs: 10, outageMs: 0 });
    rig.startFlush()();
    expect(storedApplied(GROUP, rig.storage)).toEqual({ index: 2, revision: 2, logMs: 100, leaseMs: 80 });
  });
});

describe('log time', () => {
  const { sessionIdleMs } = defaultSettings.timings;
  const time = (elapsedMs: number, outageMs = 0): Elapsed => ({ elapsedMs, outageMs });

  it('is the sum of what the entries say, over a restart too', () => {
    const rig = new Rig();
    for (const elapsedMs of [5, 0, 100]) rig.apply([], time(elapsedMs));
    rig.startFlush()();
    rig.restart();
    rig.apply([], time(20, 15));
    expect(rig.state.applied).toMatchObject({ logMs: 125, leaseMs: 110 });
  });

  it('expires a session that was not used for too long, and never one that was', () => {
    const rig = new Rig();
    const [idle, busy] = [rig.open(), rig.open()];
    rig.call(busy, 1, put('a', '1'), time(sessionIdleMs));
    expect(rig.state.sessions.size).toBe(2);
    expect(rig.call(idle, 1, put('a', '2'), time(1))).toMatchObject({ type: 'refused', code: 'session-expired' });
    expect(rig.call(busy, 2, put('a', '3'), time(sessionIdleMs - 1))).toMatchObject({ type: 'result' });
    expect(rig.call(idle, 1, put('a', '4'))).toMatchObject({ code: 'session-expired' });
    expect(rig.get('a')).toBe('3');
  });

  it('does not age a session by an outage, however long that was', () => {
    const rig = new Rig();
    const session = rig.open();
    for (let hour = 0; hour < 24; hour += 1) rig.apply([], time(3_600_000, 3_600_000));
    expect(rig.call(session, 1, put('a', '1'))).toMatchObject({ type: 'result' });
    rig.apply([], time(10 * sessionIdleMs, 9 * sessionIdleMs - 1));
    expect(rig.call(session, 2, put('a', '2'))).toMatchObject({ code: 'session-expired' });
  });

  // With wall-clock stamps one entry of a leader whose clock was an hour ahead expired every session, then time stood still.
  it('knows no moment that an entry could be stamped with: time after a long gap goes on as ever', () => {
    const rig = new Rig(settingsWith({ timings: { sessionIdleMs: 1000 } }));
    rig.apply([], time(3_600_000));
    const session = rig.open();
    for (let entry = 0; entry < 20; entry += 1) {
      expect(rig.call(session, entry, put('a', `${entry}`), time(900))).toMatchObject({ type: 'result' });
    }
    expect(rig.state.applied.logMs).toBe(3_600_000 + 20 * 900);
    expect(rig.call(session, 99, put('a', 'late'), time(1001))).toMatchObject({ code: 'session-expired' });
  });

  it('is the same on every replica that applied the same entries, whenever it flushed or restarted', () => {
    const noise = new Noise(61);
    const straight = new Rig();
    const restarted = new Rig();
    for (let entry = 0; entry < 300; entry += 1) {
      const elapsedMs = noise.below(1000);
      const elapsed = time(elapsedMs, noise.below(elapsedMs + 1));
      for (const rig of [straight, restarted]) rig.apply([{ type: 'open-session' }], elapsed);
      if (noise.below(5) !== 0) continue;
      restarted.startFlush()();
      restarted.restart();
    }
    expect(restarted.state.applied).toEqual(straight.state.applied);
    expect(restarted.state.sessions.size).toBe(straight.state.sessions.size);
  });
});

/** A key-value machine that does not execute commands on some keys. */
class RefusingRig extends Rig {
  readonly refused = new Set<string>();

  protected override createMachine(storage: AppliedStateStorage): StateMachine {
    const machine = new KeyValueMachine(GROUP, storage);
    return {
      apply: (command, version) =>
        this.refused.has(text(command.key))
          ? { type: 'not-executed', code: 'unavailable', message: 'the transaction is under way' }
          : machine.apply(command, version),
      query: (query) => machine.query(query),
      startFlush: () => machine.startFlush(),
      checkSnapshotRecord: (record) => machine.checkSnapshotRecord(record),
      restore: () => machine.restore(),
      get unflushedBytes() {
        return machine.unflushedBytes;
      },
    };
  }
}

describe('a command that the machine refuses', () => {
  it('leaves the session untouched: the same sequence is executed later, and once', () => {
    const rig = new RefusingRig();
    const session = rig.open();
    rig.refused.add('locked');
    const refused = { type: 'refused', code: 'unavailable', message: 'the transaction is under way' };
    for (let times = 0; times < 3; times += 1) expect(rig.call(session, 1, put('locked', '1'))).toEqual(refused);
    expect(rig.get('locked')).toBeUndefined();
    rig.refused.clear();
    const done = rig.call(session, 1, put('locked', '1'));
    expect(done).toMatchObject({ type: 'result', result: { type: 'written' } });
    rig.refused.add('locked');
    expect(rig.call(session, 1, put('locked', '2'))).toEqual(done);
    expect(rig.get('locked')).toBe('1');
  });

  it('leaves it untouched over a restart, too', () => {
    const rig = new RefusingRig();
    const session = rig.open();
    rig.refused.add('locked');
    rig.call(session, 1, put('locked', '1'));
    rig.startFlush()();
    rig.restart();
    rig.refused.clear();
    expect(rig.call(session, 1, put('locked', '1'))).toMatchObject({ type: 'result', result: { type: 'written' } });
  });

  it('does not count against the replies that are kept for the session', () => {
    const rig = new RefusingRig(settingsWith({ limits: { replyBytesPerSessionMax: 40, sessionWindowMax: 100 } }));
    const session = rig.open();
    rig.refused.add('locked');
    for (let sequence = 1; sequence <= 50; sequence += 1) rig.call(session, sequence, put('locked', '1'));
    expect(rig.call(session, 60, put('a', '1'))).toMatchObject({ type: 'result' });
  });
});
