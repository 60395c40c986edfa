import type { CommandResult } from '@kvorum/common';
import { defaultLimits, defaultSettings, defaultTimings } from '@kvorum/common';
import { describe, expect, it } from 'vitest';
import { Sessions } from '../../../src/core/state/sessions.ts';

const written = (version: number): CommandResult => ({ type: 'written', version });

/** A replica's sessions, with the revisions and records that surround them. */
class Replica {
  sessions = new Sessions(defaultSettings);
  revision = 0;
  timeMs = 1000;
  readonly records = new Map<number, Uint8Array>();

  open(): number {
    this.revision += 1;
    this.sessions.open(this.revision, this.timeMs);
    return this.revision;
  }

  /** What becomes of the command; `executed` when it ran. */
  call(session: number, sequence: number, floor = 0, result?: CommandResult): string | CommandResult {
    this.revision += 1;
    const admission = this.sessions.admit(session, sequence, floor, this.revision, this.timeMs);
    if (admission.type === 'done') return admission.result;
    if (admission.type !== 'execute') return admission.type;
    admission.remember(result ?? written(this.revision));
    return 'executed';
  }

  flush(): void {
    for (const { id, record } of this.sessions.takeChanges()) {
      if (record === undefined) this.records.delete(id);
      else this.records.set(id, record);
    }
  }

  /** As after a restart: the sessions from their records, in the order of the storage. */
  reload(): void {
    this.flush();
    this.sessions = Sessions.load(
      [...this.records].sort(([a], [b]) => a - b).map(([, record]) => record),
      defaultSettings,
    );
  }
}

describe('a session', () => {
  it('executes a command once and gives a retry the stored reply', () => {
    const replica = new Replica();
    const session = replica.open();
    expect(replica.call(session, 1, 0, written(77))).toBe('executed');
    expect(replica.call(session, 1)).toEqual(written(77));
    expect(replica.call(session, 2)).toBe('executed');
    expect(replica.call(session, 1)).toEqual(written(77));
    replica.reload();
    expect(replica.call(session, 1)).toEqual(written(77));
  });

  it('executes the lowest command that is waited for, however many bytes of replies are kept', () => {
    const replica = new Replica();
    const session = replica.open();
    const value = new Uint8Array(defaultLimits.replyBytesPerSessionMax);
    const large: CommandResult = { type: 'mismatch', version: 1, value };
    expect(replica.call(session, 2, 1, large)).toBe('executed');
    expect(replica.call(session, 3, 1)).toBe('beyond-window');
    expect(replica.call(session, 1, 1)).toBe('executed');
    expect(replica.call(session, 3, 3)).toBe('executed');
  });

  it('that nobody opened does nothing', () => {
    const replica = new Replica();
    expect(replica.call(1, 1)).toBe('expired');
    const session = replica.open();
    expect(replica.call(session + 1, 1)).toBe('expired');
  });

  it('is gone when it was not used for too long, by the time that leases are measured in, and never comes back', () => {
    const replica = new Replica();
    const idle = replica.open();
    const busy = replica.open();
    replica.timeMs += defaultTimings.sessionIdleMs;
    replica.call(busy, 1);
    replica.sessions.expire(replica.timeMs);
    expect(replica.sessions.size).toBe(2);
    replica.sessions.expire(replica.timeMs + 1);
    expect(replica.call(idle, 1)).toBe('expired');
    expect(replica.call(busy, 1)).toEqual(written(4 - 1));
    replica.reload();
    expect(replica.call(idle, 1)).toBe('expired');
    expect(replica.sessions.size).toBe(1);
  });

  it('forgets replies below the floor, for good', () => {
    const replica = new Replica();
    const session = replica.open();
    for (const sequence of [1, 2, 3]) replica.call(session, sequence);
    expect(replica.call(session, 3, 3)).toEqual(written(4));
    expect(replica.call(session, 2, 3)).toBe('stale');
    expect(replica.call(session, 2, 0)).toBe('stale');
    replica.reload();
    expect(replica.call(session, 2, 0)).toBe('stale');
    expect(replica.call(session, 3, 0)).toEqual(written(4));
  });

  it('takes sequences in any order within the window above its floor', () => {
    const replica = new Replica();
    const session = replica.open();
    expect(replica.call(session, defaultLimits.sessionWindowMax - 1)).toBe('executed');
    expect(replica.call(session, defaultLimits.sessionWindowMax)).toBe('beyond-window');
    expect(replica.call(session, 5)).toBe('executed');
    expect(replica.call(session, defaultLimits.sessionWindowMax, 1)).toBe('executed');
    expect(replica.call(session, defaultLimits.sessionWindowMax + 1, 1)).toBe('beyond-window');
  });

  it('does not keep the frame of a reply in memory', () => {
    const replica = new Replica();
    const session = replica.open();
    const frame = new Uint8Array(1000).fill(1);
    replica.call(session, 1, 0, { type: 'mismatch', version: 5, value: frame.subarray(10, 12) });
    frame.fill(2);
    const stored = replica.call(session, 1);
    expect(stored).toEqual({ type: 'mismatch', version: 5, value: Uint8Array.of(1, 1) });
    const value = typeof stored === 'object' && stored.type === 'mismatch' ? stored.value : undefined;
    expect(value?.buffer.byteLength).toBe(2);
  });
});

/** As many replies as the limit allows, in values of a legal size: one of each session. */
const many = Math.floor(defaultLimits.sessionReplyBytesMax / (defaultLimits.valueBytesMax + 32));
const large: CommandResult = { type: 'mismatch', version: 1, value: new Uint8Array(defaultLimits.valueBytesMax) };

/** The sessions that are left, by asking for each. */
function survivors(replica: Replica, ids: readonly number[]): number[] {
  const copy = Sessions.load([...replica.records.values()], defaultSettings);
  return ids.filter((id) => copy.admit(id, 1, 0, 1e9, replica.timeMs).type !== 'expired');
}

describe('room', () => {
  it.each([false, true])('is made by whoever was used least recently (after a reload: %s)', (reloaded) => {
    const replica = new Replica();
    const ids = Array.from({ length: defaultLimits.sessionsPerGroupMax }, () => replica.open());
    const [first, second, third] = ids as [number, number, number];
    replica.call(first, 1);
    replica.call(third, 1);
    if (reloaded) replica.reload();
    const newer = [replica.open(), replica.open()];
    replica.flush();
    expect(replica.sessions.size).toBe(defaultLimits.sessionsPerGroupMax);
    const left = new Set(survivors(replica, [...ids, ...newer]));
    expect([...ids, ...newer].filter((id) => !left.has(id))).toEqual([second, ids[3]]);
  });

  it('is the same on a replica that restarted: the same sessions go, in the same order', () => {
    const run = (reloadEvery: number): { state: [number, string][]; replies: unknown[] } => {
      const replica = new Replica();
      const ids = Array.from({ length: 40 }, () => replica.open());
      const replies: unknown[] = [];
      // Mismatches of a quarter of the limit each, so that eviction never stops.
      const value = new Uint8Array(defaultLimits.sessionReplyBytesMax / 8);
      for (let step = 1; step < 120; step += 1) {
        const session = ids[(step * 7) % 40] as number;
        const result: CommandResult = step % 3 === 0 ? { type: 'mismatch', version: 1, value } : written(step);
        replies.push(typeof replica.call(session, step, 0, result));
        if (step % reloadEvery === 0) replica.reload();
      }
      replica.flush();
      const state = [...replica.records].sort(([a], [b]) => a - b);
      return { state: state.map(([id, record]) => [id, Buffer.from(record).toString('base64').slice(0, 60)]), replies };
    };
    const straight = run(1000);
    expect(run(10)).toEqual(straight);
    expect(straight.state.length).toBeLessThan(40);
  });

  it.each([false, true])('for replies is bounded in bytes, all sessions together (after a reload: %s)', (reloaded) => {
    const replica = new Replica();
    const ids = Array.from({ length: many + 3 }, () => replica.open());
    for (const id of ids.slice(0, many)) expect(replica.call(id, 1, 0, large)).toBe('executed');
    if (reloaded) replica.reload();
    expect(replica.sessions.size).toBe(many + 3);
    const [first, second] = ids as [number, number];
    const [small, last, oneMore] = ids.slice(many) as [number, number, number];
    replica.call(small, 1);
    // What the client no longer waits for makes room.
    replica.call(second, 2, 2);
    replica.call(last, 1, 0, large);
    expect(replica.sessions.size).toBe(many + 3);
    replica.call(oneMore, 1, 0, large);
    replica.flush();
    const left = survivors(replica, ids);
    expect(ids.filter((id) => !left.includes(id))).toEqual([first]);
  });

  it('for replies of one session is bounded, until the client took some', () => {
    const replica = new Replica();
    const session = replica.open();
    expect(replica.call(session, 1, 0, large)).toBe('executed');
    expect(replica.call(session, 2)).toBe('beyond-window');
    expect(replica.call(session, 1)).toMatchObject({ type: 'mismatch', version: 1 });
    expect(replica.call(session, 2, 2)).toBe('executed');
  });
});

describe('changes', () => {
  it('are what was used, opened or dropped since the last time', () => {
    const replica = new Replica();
    const [first, second] = [replica.open(), replica.open()];
    expect(replica.sessions.takeChanges().map(({ id }) => id)).toEqual([first, second]);
    expect(replica.sessions.takeChanges()).toEqual([]);
    replica.call(second, 1);
    expect(replica.sessions.takeChanges().map(({ id }) => id)).toEqual([second]);
    replica.sessions.expire(replica.timeMs + defaultTimings.sessionIdleMs + 1);
    expect(replica.sessions.takeChanges()).toEqual([
      { id: first, record: undefined },
      { id: second, record: undefined },
    ]);
  });
});
