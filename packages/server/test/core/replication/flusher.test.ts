import type { GroupId } from '@kvorum/common';
import { MetricsRegistry } from '@kvorum/common';
import { ManualClock, MemoryStateStorage } from '@kvorum/testing';
import { describe, expect, it } from 'vitest';
import type { AppliedState } from '../../../src/core/index.ts';
import { Flusher } from '../../../src/core/replication/flusher.ts';
import type { GroupReplica } from '../../../src/core/replication/group-replica.ts';
import type { ScriptedReplica } from '../values.ts';
import { b, scriptedReplica, text } from '../values.ts';

const INTERVAL_MS = 200;

/** The applied state of a group as the flusher sees it: values that were not flushed, one record each. */
class Values implements Pick<AppliedState, 'hasUnflushed' | 'flushIsUrgent' | 'startFlush'> {
  readonly unflushed: string[] = [];
  durable = 0;

  get hasUnflushed(): boolean {
    return this.unflushed.length > 0;
  }

  get flushIsUrgent(): boolean {
    return this.unflushed.length > 2;
  }

  startFlush(): ReturnType<AppliedState['startFlush']> {
    if (!this.hasUnflushed) return undefined;
    const records = this.unflushed.splice(0).map((value) => ({ key: b(value), value: b(value) }));
    return { records, flushed: () => (this.durable += records.length) };
  }
}

class Rig {
  readonly clock = new ManualClock();
  readonly storage = new MemoryStateStorage();
  readonly groups = new Map<GroupId, { replica: GroupReplica; script: ScriptedReplica; values: Values }>();
  readonly flusher = new Flusher(
    this.clock,
    this.storage,
    { replicas: () => [...this.groups.values()].map(({ replica }) => replica), retainFrom: (group) => 100 + group },
    INTERVAL_MS,
    new MetricsRegistry().histogram('checkpoint_duration_seconds'),
  );

  constructor() {
    for (const group of [1, 2]) {
      const values = new Values();
      const { replica, script } = scriptedReplica(group);
      Object.assign(script, { applied: values });
      this.groups.set(group, { replica, script, values });
    }
  }

  apply(group: GroupId, value: string): void {
    const values = this.groups.get(group)?.values;
    values?.unflushed.push(value);
    this.flusher.schedule(values?.flushIsUrgent === true);
  }

  stored(group: GroupId): string {
    return this.storage
      .dump(group)
      .map(({ key }) => text(key))
      .join(' ');
  }

  durable(group: GroupId): number | undefined {
    return this.groups.get(group)?.values.durable;
  }
}

describe('what was applied', () => {
  it('is written after the interval, all groups in one transaction, and counts as durable when that is done', () => {
    const rig = new Rig();
    rig.apply(1, 'a');
    rig.apply(2, 'b');
    rig.apply(1, 'c');
    rig.clock.advance(INTERVAL_MS - 1);
    expect(rig.storage.commits.waiting).toHaveLength(0);
    rig.clock.advance(1);
    expect(rig.storage.commits.waiting).toHaveLength(1);
    expect([rig.stored(1), rig.durable(1)]).toEqual(['', 0]);
    rig.storage.commits.finish();
    expect([rig.stored(1), rig.stored(2), rig.durable(1), rig.durable(2)]).toEqual(['a c', 'b', 2, 1]);
  });

  it('lets the replica’s log be trimmed, but for what a transfer needs', () => {
    const rig = new Rig();
    rig.apply(2, 'b');
    rig.clock.advance(INTERVAL_MS);
    rig.storage.commits.finish();
    for (const { replica } of rig.groups.values()) replica.turn(0);
    expect(rig.groups.get(1)?.script.steps).toEqual([[]]);
    expect(rig.groups.get(2)?.script.steps).toEqual([[{ type: 'flushed', retainFrom: 102 }]]);
  });

  it('while a transaction is under way is written with the next one, not before', () => {
    const rig = new Rig();
    rig.apply(1, 'a');
    rig.clock.advance(INTERVAL_MS);
    rig.apply(1, 'b');
    rig.clock.advance(10 * INTERVAL_MS);
    expect(rig.storage.commits.waiting).toHaveLength(1);
    rig.storage.commits.finish();
    expect(rig.stored(1)).toBe('a');
    rig.clock.advance(INTERVAL_MS);
    rig.storage.commits.finish();
    expect(rig.stored(1)).toBe('a b');
    rig.clock.advance(10 * INTERVAL_MS);
    expect(rig.storage.commits.waiting).toHaveLength(0);
  });

  it('is written at once when a group has much of it, whether others wait for the interval or a transaction', () => {
    const rig = new Rig();
    rig.apply(2, 'x');
    for (const value of ['a', 'b', 'c']) rig.apply(1, value);
    rig.clock.advance(0);
    expect(rig.storage.commits.waiting).toHaveLength(1);
    for (const value of ['d', 'e', 'f']) rig.apply(1, value);
    rig.storage.commits.finish();
    expect([rig.stored(1), rig.stored(2)]).toEqual(['a b c', 'x']);
    rig.clock.advance(0);
    rig.storage.commits.finish();
    expect(rig.stored(1)).toBe('a b c d e f');
    rig.clock.advance(10 * INTERVAL_MS);
    expect(rig.storage.commits.waiting).toHaveLength(0);
  });

  it('and waits for its interval is written at once when the node wants that', () => {
    const rig = new Rig();
    rig.apply(1, 'a');
    let told = 0;
    rig.flusher.flushAll(() => (told += 1));
    rig.storage.commits.finish();
    expect([told, rig.stored(1)]).toEqual([1, 'a']);
    rig.clock.advance(10 * INTERVAL_MS);
    expect(rig.storage.commits.waiting).toHaveLength(0);
  });

  it('is written at once when the node wants that, and it is told when', () => {
    const rig = new Rig();
    let told = 0;
    rig.flusher.flushAll(() => (told += 1));
    expect(told).toBe(1);
    rig.groups.get(1)?.values.unflushed.push('a');
    rig.flusher.flushAll(() => (told += 1));
    expect(told).toBe(1);
    rig.storage.commits.finish();
    expect([told, rig.stored(1)]).toEqual([2, 'a']);
  });

  it('meanwhile is written before who waits is told', () => {
    const rig = new Rig();
    rig.apply(1, 'a');
    rig.clock.advance(INTERVAL_MS);
    rig.groups.get(1)?.values.unflushed.push('b');
    let stored = '';
    rig.flusher.flushAll(() => (stored = rig.stored(1)));
    rig.storage.commits.finish();
    expect(stored).toBe('');
    rig.clock.advance(0);
    rig.storage.commits.finish();
    expect(stored).toBe('a b');
  });

  it('after the node has stopped is not written', () => {
    const rig = new Rig();
    rig.apply(1, 'a');
    rig.flusher.stop();
    rig.clock.advance(INTERVAL_MS);
    expect(rig.storage.commits.waiting).toHaveLength(0);
  });
});
