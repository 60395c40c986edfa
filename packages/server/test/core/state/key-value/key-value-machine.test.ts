import type { Command } from '@kvorum/common';
import { defaultLimits, defaultSettings, defaultTimings } from '@kvorum/common';
import { MemoryStateStorage, Noise } from '@kvorum/testing';
import { describe, expect, it } from 'vitest';
import type { LoggedCommand } from '../../../../src/core/index.ts';
import { decodeBatch, encodeBatch } from '../../../../src/core/index.ts';
import type { AppliedReply } from '../../../../src/core/state/group-state.ts';
import { GroupState } from '../../../../src/core/state/group-state.ts';
import { KeyValueMachine } from '../../../../src/core/state/key-value/key-value-machine.ts';
import { add, b, cas, casVersion, put, remove, text } from '../../values.ts';

/** The machine in the state of a group, which knows sessions and versions. */
class Machine {
  readonly storage = new MemoryStateStorage();
  state = this.#open();

  constructor() {
    this.storage.commits.immediate = true;
  }

  #open(): GroupState {
    return new GroupState(1, this.storage, new KeyValueMachine(1, this.storage), defaultSettings);
  }

  /** As after a restart: what was not flushed is gone. */
  reopen(): void {
    this.state = this.#open();
  }

  applyBatch(batch: Uint8Array): AppliedReply[] {
    return this.state.apply(this.state.applied.index, batch);
  }

  apply(commands: readonly LoggedCommand[], elapsedMs = 0): AppliedReply[] {
    return this.applyBatch(encodeBatch({ elapsedMs, outageMs: 0, commands }));
  }

  /** One command of the node's own, without a session. */
  run(command: Command): unknown {
    const [reply] = this.apply([{ type: 'execute', session: 0, sequence: 0, floor: 0, command }]);
    return reply?.type === 'result' ? reply.result : reply;
  }

  open(): number {
    const [reply] = this.apply([{ type: 'open-session' }]);
    if (reply?.type !== 'session') throw new Error('no session');
    return reply.session;
  }

  call(session: number, sequence: number, command: Command, floor = 0, elapsedMs?: number): AppliedReply | undefined {
    return this.apply([{ type: 'execute', session, sequence, floor, command }], elapsedMs)[0];
  }

  get(key: string): string | undefined {
    const { found } = this.state.query({ type: 'get', key: b(key) });
    return found && `${text(found.value)}@${found.version}`;
  }

  flush(): void {
    const flush = this.state.startFlush();
    if (flush === undefined) return;
    this.storage.write(1, flush.records);
    flush.flushed();
  }
}

describe('commands', () => {
  it('put writes, and answers with the new version', () => {
    const machine = new Machine();
    expect(machine.run(put('k', 'one'))).toEqual({ type: 'written', version: 1 });
    expect(machine.run(put('k', 'two'))).toEqual({ type: 'written', version: 2 });
    expect(machine.get('k')).toBe('two@2');
  });

  it('cas writes if the value is the expected one', () => {
    const machine = new Machine();
    expect(machine.run(cas('k', undefined, 'one'))).toEqual({ type: 'written', version: 1 });
    expect(machine.run(cas('k', 'one', 'two'))).toEqual({ type: 'written', version: 2 });
    expect(machine.run(cas('k', 'one', 'three'))).toEqual({ type: 'mismatch', version: 2, value: b('two') });
    expect(machine.run(cas('k', undefined, 'three'))).toEqual({ type: 'mismatch', version: 2, value: b('two') });
    expect(machine.run(cas('absent', 'one', 'two'))).toEqual({ type: 'mismatch', version: 0, value: undefined });
    expect([machine.get('k'), machine.get('absent')]).toEqual(['two@2', undefined]);
  });

  it('cas tells an empty value from none', () => {
    const machine = new Machine();
    expect(machine.run(cas('k', '', 'x'))).toEqual({ type: 'mismatch', version: 0, value: undefined });
    machine.run(put('k', ''));
    expect(machine.run(cas('k', undefined, 'x'))).toEqual({ type: 'mismatch', version: 2, value: b('') });
    expect(machine.run(cas('k', '', 'x'))).toEqual({ type: 'written', version: 4 });
  });

  it('cas-version writes if the version is the expected one; 0 expects no key', () => {
    const machine = new Machine();
    expect(machine.run(casVersion('k', 1, 'x'))).toEqual({ type: 'mismatch', version: 0, value: undefined });
    expect(machine.run(casVersion('k', 0, 'one'))).toEqual({ type: 'written', version: 2 });
    expect(machine.run(casVersion('k', 0, 'two'))).toEqual({ type: 'mismatch', version: 2, value: b('one') });
    expect(machine.run(casVersion('k', 2, 'two'))).toEqual({ type: 'written', version: 4 });
    expect(machine.get('k')).toBe('two@4');
  });

  it('delete removes, and says whether there was something', () => {
    const machine = new Machine();
    expect(machine.run(remove('k'))).toEqual({ type: 'deleted', existed: false, version: 0 });
    machine.run(put('k', 'one'));
    expect(machine.run(remove('k'))).toEqual({ type: 'deleted', existed: true, version: 3 });
    expect(machine.get('k')).toBeUndefined();
    expect(machine.run(casVersion('k', 3, 'x'))).toEqual({ type: 'mismatch', version: 0, value: undefined });
    expect(machine.run(put('k', 'two'))).toEqual({ type: 'written', version: 5 });
  });

  it('add counts, from 0 on for an absent key, and refuses what is no number or too large', () => {
    const machine = new Machine();
    expect(machine.run(add('n', 5n))).toEqual({ type: 'added', version: 1, value: 5n });
    expect(machine.run(add('n', -7n))).toEqual({ type: 'added', version: 2, value: -2n });
    expect(machine.get('n')).toBe('-2@2');
    machine.run(put('k', 'text'));
    expect(machine.run(add('k', 1n))).toEqual({ type: 'failed', code: 'not-a-number' });
    machine.run(put('max', `${2n ** 63n - 1n}`));
    expect(machine.run(add('max', 1n))).toEqual({ type: 'failed', code: 'out-of-range' });
    expect([machine.get('k'), machine.get('max')]).toEqual(['text@3', `${2n ** 63n - 1n}@5`]);
  });

  it('give versions that strictly grow, across deletes, flushes and reloads', () => {
    const machine = new Machine();
    const noise = new Noise(3);
    let last = 0;
    for (let step = 0; step < 300; step += 1) {
      const command = noise.below(3) === 0 ? remove('k') : put('k', String(step));
      const result = machine.run(command) as { version: number; existed?: boolean };
      if (result.existed !== false) {
        expect(result.version).toBeGreaterThan(last);
        last = result.version;
      }
      if (noise.below(10) === 0) {
        machine.flush();
        machine.reopen();
      }
    }
  });
});

describe('sessions in the machine', () => {
  it('execute a retry once, whatever happened in between', () => {
    const machine = new Machine();
    const session = machine.open();
    const first = machine.call(session, 1, cas('k', undefined, 'one'));
    expect(first).toEqual({ type: 'result', result: { type: 'written', version: 2 } });
    machine.run(remove('k'));
    expect(machine.call(session, 1, cas('k', undefined, 'one'))).toEqual(first);
    expect(machine.get('k')).toBeUndefined();
    machine.flush();
    machine.reopen();
    expect(machine.call(session, 1, cas('k', undefined, 'one'))).toEqual(first);
    expect(machine.get('k')).toBeUndefined();
  });

  it('execute twice in one batch only once', () => {
    const machine = new Machine();
    const session = machine.open();
    const command = { type: 'execute', session, sequence: 1, floor: 0, command: cas('k', undefined, 'one') } as const;
    const replies = machine.apply([command, command]);
    expect(replies[1]).toEqual(replies[0]);
  });

  it('refuse what they cannot promise to execute once', () => {
    const machine = new Machine();
    const session = machine.open();
    machine.call(session, 5, put('k', 'one'), 5);
    expect(machine.call(session, 4, put('k', 'two'), 5)).toMatchObject({ type: 'refused', code: 'bad-request' });
    const far = 5 + defaultLimits.sessionWindowMax;
    expect(machine.call(session, far, put('k', 'two'), 5)).toMatchObject({ type: 'refused', code: 'busy' });
    expect(machine.call(99, 1, put('k', 'two'))).toMatchObject({ type: 'refused', code: 'session-expired' });
    expect(machine.get('k')).toBe('one@2');
  });

  it('expire by log time', () => {
    const machine = new Machine();
    const session = machine.open();
    expect(machine.call(session, 1, put('k', 'one'), 0, 1000)).toMatchObject({ type: 'result' });
    const late = defaultTimings.sessionIdleMs + 1;
    expect(machine.call(session, 2, put('k', 'two'), 0, late)).toMatchObject({ code: 'session-expired' });
    expect(machine.call(session, 1, put('k', 'two'))).toMatchObject({ code: 'session-expired' });
    expect(machine.get('k')).toBe('one@2');
  });
});

describe('replicas', () => {
  it('that apply the same batches have identical records, however they flush and restart', () => {
    const batches = randomBatches(400);
    const run = (seed: number): { records: unknown; replies: unknown[] } => {
      const machine = new Machine();
      const noise = new Noise(seed);
      const replies = batches.map((batch) => {
        const applied = machine.applyBatch(batch);
        if (noise.below(5) === 0) machine.flush();
        if (noise.below(20) === 0) {
          machine.flush();
          machine.reopen();
        }
        return applied;
      });
      machine.flush();
      return { records: machine.storage.dump(1), replies };
    };
    const one = run(1);
    for (const seed of [2, 3]) {
      const other = run(seed);
      expect(other.replies).toEqual(one.replies);
      expect(other.records).toEqual(one.records);
    }
    expect(one.replies.flat()).toEqual(expect.arrayContaining([expect.objectContaining({ code: 'session-expired' })]));
  });

  it('survive the encoding of a batch', () => {
    for (const batch of randomBatches(50)) expect(encodeBatch(decodeBatch(batch))).toEqual(batch);
  });
});

function randomBatches(count: number): Uint8Array[] {
  const noise = new Noise(77);
  const key = (): string => `k${noise.below(6)}`;
  const value = (): string => `v${noise.below(4)}`;
  const command = (): Command => {
    const kind = noise.below(6);
    if (kind === 5) return add(`n${noise.below(3)}`, BigInt(noise.below(100)) - 50n);
    if (kind === 0) return remove(key());
    if (kind === 1) return cas(key(), noise.below(2) === 0 ? undefined : value(), value());
    if (kind === 2) return casVersion(key(), noise.below(300), value());
    return put(key(), value());
  };
  return Array.from({ length: count }, () => {
    const elapsedMs = noise.below(40) === 0 ? defaultTimings.sessionIdleMs : noise.below(50);
    const outageMs = noise.below(3) === 0 ? noise.below(elapsedMs + 1) : 0;
    const commands = Array.from({ length: noise.below(6) }, (): LoggedCommand => {
      if (noise.below(8) === 0) return { type: 'open-session' };
      const floor = noise.below(6);
      return { type: 'execute', session: noise.below(60), sequence: floor + noise.below(6), floor, command: command() };
    });
    return encodeBatch({ elapsedMs, outageMs, commands });
  });
}
