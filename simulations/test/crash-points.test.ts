/** The power goes at every point of a small run at which a crash would leave something else behind. */
import { describe, expect, it } from 'vitest';
import { crashAt, crashPointsOf } from '../src/run/crash-points.ts';
import { processName } from '../src/world/process-name.ts';
import { sampleOf } from './sample.ts';

const SEED = 2;
const points = crashPointsOf(SEED);
const { chosen, meta } = sampleOf('crash points', points, 12);

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

  it.each([
    ['on disk', true],
    ['lost', false],
  ])(
    'loses nothing that was acknowledged, and the node comes back; the commit under way is %s',
    { timeout: 300_000, meta },
    (_, keeps) => {
      const failed: string[] = [];
      for (const { number, process, kind } of chosen) {
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
