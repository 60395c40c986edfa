/** The power goes at every point of a small run at which a crash would leave something else behind. */
import { describe, expect, it } from 'vitest';
import { crashAt, crashPointsOf } from '../src/run/crash-points.ts';
import { processName } from '../src/world/process-name.ts';
import { sampleOf } from './sample.ts';

const SEED = 2;
const points = crashPointsOf(SEED);
const { chosen, meta } = sampleOf('crash points', points, 12);

/** So many that a test of them takes seconds. */
const PORTION = 200;
const portions = Array.from({ length: Math.ceil(chosen.length / PORTION) }, (_, place) =>
  chosen.slice(place * PORTION, (place + 1) * PORTION),
);

describe('a crash at any point', () => {
  it('is tried before, between and after each kind of write, around frames of each kind, and after applying', () => {
    const kinds = new Set(points.map((point) => point.kind));
    for (const write of ['log commit', 'state commit', 'snapshot part', 'snapshot end']) {
      for (const phase of ['asked', 'written', 'reported']) expect(kinds).toContain(`${write}: ${phase}`);
    }
    const frames = ['prepare', 'promise', 'accept-sync', 'accept', 'accepted', 'decide', 'snapshot-offer'];
    for (const type of [...frames, 'snapshot-request', 'snapshot-part', 'read-check', 'read-checked']) {
      for (const phase of ['before', 'sent']) expect(kinds).toContain(`frame: ${phase} ${type}`);
    }
    for (const other of ['turn: ended', 'reply: before', 'reply: sent', 'request: before', 'request: sent'])
      expect(kinds).toContain(other);
    expect(points.map((point) => point.number)).toEqual(points.map((_, place) => place));
  });

  it.each(
    [true, false].flatMap((keeps) => portions.map((portion) => [keeps ? 'on disk' : 'lost', portion, keeps] as const)),
  )(
    'loses nothing that was acknowledged, and the node comes back; the commit under way is %s',
    { timeout: 120_000, meta },
    (_, portion, keeps) => {
      const failed: string[] = [];
      for (const { number, process, kind } of portion) {
        const { complaints, trace } = crashAt(SEED, number, keeps);
        if (!trace.some((line) => line.includes(`crash point ${number}: ${processName(process)}, ${kind}`))) {
          failed.push(`point ${number} was not reached`);
        }
        if (complaints.length > 0)
          failed.push(`point ${number}, ${processName(process)}, ${kind}: ${complaints.join('; ')}`);
      }
      expect(failed).toEqual([]);
    },
  );
});
