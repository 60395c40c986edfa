/**
 * Random schedules: loss, repetition, reordering, crashes with unwritten loss, partial partitions, compaction, snapshots,
 * duelling leaders. The cluster checks agreement, stability, durability, acknowledgements and reads after every step.
 */
import { describe, expect, it } from 'vitest';
import { runSchedule } from './schedule.ts';

const batches = [
  { ids: [7, 2, 40], schedules: 3000, steps: 400 },
  { ids: [3, 9, 1, 12, 5], schedules: 1500, steps: 600 },
  { ids: [4, 8], schedules: 500, steps: 250 },
  { ids: [6], schedules: 100, steps: 120 },
];

/** Branches that a run of this size must have reached, or it proves nothing about them. */
const rare = [
  'prepare-request',
  'accept-sync part',
  'promise part',
  'snapshot-offer',
  'snapshot-needed after promise',
  'snapshot-needed after snapshot-offer',
  'read-checked',
  'decide',
  'stepped-down',
];

describe('random schedules keep every promise and heal', () => {
  const counts = new Map<string, number>();
  let acknowledged = 0;
  let reads = 0;

  for (const { ids, schedules, steps } of batches) {
    it(`${schedules} schedules of ${ids.length} members`, () => {
      for (let seed = 1; seed <= schedules; seed += 1) {
        const cluster = runSchedule(ids, seed, steps);
        acknowledged += cluster.acknowledged;
        reads += cluster.readsServed;
        for (const [what, count] of cluster.counts) counts.set(what, (counts.get(what) ?? 0) + count);
      }
    });
  }

  it('no replica sends to itself', () => {
    expect(counts.get('sent to itself') ?? 0).toBe(0);
  });

  it('reached the rare branches', () => {
    for (const what of rare) expect(counts.get(what) ?? 0, what).toBeGreaterThan(200);
    expect(acknowledged).toBeGreaterThan(30_000);
    expect(reads).toBeGreaterThan(8_000);
  });
});
