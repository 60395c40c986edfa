/** What the pictures are made of: elections, effects of operations, the story and where the page opens. */
import { describe, expect, it } from 'vitest';
import { electionsOf } from '../../src/report/elections.ts';
import { effectPoints, keyTimelines } from '../../src/report/operations.ts';
import { reportData } from '../../src/report/report-data.ts';
import { get, put } from '../checkers/calls.ts';
import { drawFrom, randomHistory } from '../checkers/random-history.ts';
import { leaderChange } from './sample-recordings.ts';

describe('elections', () => {
  it('are found with their phases', () => {
    const elections = electionsOf(leaderChange());
    expect(elections.map(({ group, ballot, isChange }) => [group, ballot, isChange])).toEqual([
      [1, '1.n1', false],
      [2, '1.n1', false],
      [1, '2.n3', true],
    ]);
    expect(elections[2]).toMatchObject({
      process: 2,
      preparedUs: 500_000,
      ledUs: 501_000,
      synchronizedUs: 501_000,
      promises: [{ atUs: 500_800, member: 1, entries: undefined }],
      accepts: [{ atUs: 501_000, member: 1, entries: [25, 31] }],
      decidedUs: 502_000,
      decidedIndex: 31,
      decidedBeforeUs: 310_900,
    });
  });
});

describe('the page', () => {
  const data = reportData(leaderChange({ calls: [put(1, [30_000, 40_000], 'a', 1)] }));

  it('opens at the first leader change under load, with the fault that caused it', () => {
    expect(data.opening).toMatchObject({ group: 1, why: 'the first leader change under load' });
    expect(data.opening.fromUs).toBeLessThan(400_000);
    expect(data.opening.toUs).toBeGreaterThan(502_000);
  });

  it('shows links that are cut together as one fault', () => {
    expect(data.faults).toMatchObject([{ fromUs: 400_000, toUs: 800_000, text: 'links cut: n1 – n2, n1 – n3' }]);
  });

  it('knows since when a leader is mistaken', () => {
    expect(data.leaders.find(({ process, group }) => process === 0 && group === 1)).toMatchObject({
      fromUs: 11_000,
      supersededUs: 501_000,
      toUs: 801_000,
    });
  });

  it('has one name for a node, also where ballots and other nodes call it otherwise', () => {
    const notes = [
      { atUs: 1000, line: 'n1: node n2 is suspected: no heartbeat; the ballot is 7.n2' },
      { atUs: 2000, line: 'n2 crashes' },
    ];
    const nodeIds = new Map([
      [0, 1],
      [1, 3],
      [2, 2],
    ]);
    const { nodes, story } = reportData({ ...leaderChange(), notes, nodeIds });
    expect(nodes).toEqual([
      { name: 'n1', inBallots: '' },
      { name: 'n2', inBallots: 'n3' },
      { name: 'n3', inBallots: 'n2' },
    ]);
    const texts = story.filter(({ kind }) => kind === 'note').map(({ text }) => text);
    expect(texts).toEqual(['n1: n3 is suspected: no heartbeat; the ballot is 7.n2', 'n2 crashes']);
  });

  it('tells the leader change in order', () => {
    const texts = data.story
      .filter(({ atUs, group, kind }) => atUs >= 400_000 && group !== 2 && kind !== 'note')
      .map(({ text }) => text);
    expect(texts).toEqual([
      'links cut: n1 – n2, n1 – n3',
      'n3 wants to lead group 1, because n1, which led it before, does not answer: prepare, ballot 2.n3',
      'a majority has promised, 1.0 ms after its prepare: n3 leads group 1, ballot 2.n3',
      'n3 gives its log to those that promised: the log of n2 was older, it gets entries 25–30',
      'first decision of n3 in group 1: up to log entry 30, 191 ms after the last one before it',
      'links whole again: n1 – n2, n1 – n3',
      'n1 no longer leads group 1 (ballot 1.n1)',
    ]);
  });
});

describe('the story', () => {
  const recording = leaderChange();
  const textsOf = (changed: Partial<typeof recording>): string[] =>
    reportData({ ...recording, ...changed }).story.map(({ text }) => text);

  it('says when the new leader had the older log', () => {
    const messages = recording.messages.map((message) => ({
      ...message,
      parts: message.parts.map((part) => (part.kind === 'promise' ? { ...part, entries: [20, 25] as const } : part)),
    }));
    expect(textsOf({ messages })).toContain('the log of n3 was older: n2 brings entries 20–24 with its promise');
  });

  it('does not take what a member promises later for what the new leader lacked', () => {
    const { messages } = recording;
    const promise = messages.find(({ parts }) => parts.some(({ kind }) => kind === 'promise'));
    if (promise === undefined) throw new Error('the recording has no promise');
    const parts = promise.parts.map((part) => ({ ...part, entries: [31, 32] as const }));
    const later = { ...promise, sentUs: 600_000, arrivedUs: 600_300, parts };
    const texts = textsOf({ messages: [...messages, later] });
    expect(texts.filter((text) => text.startsWith('the log of n3 was older'))).toEqual([]);
  });

  it('tells of a leader without a majority, for its group', () => {
    const line = 'n1: leads group 1 with ballot 1.n1, but reaches no majority';
    const { story } = reportData({ ...recording, notes: [{ atUs: 490_000, line }] });
    const text = 'n1 leads group 1 with ballot 1.n1, but reaches no majority';
    expect(story).toContainEqual({ atUs: 490_000, kind: 'leader', group: 1, text });
  });

  it('names a node without a reason where the recording has none', () => {
    expect(textsOf({ notes: [] })).toContain('n3 wants to lead group 1: prepare, ballot 2.n3');
  });

  it('shows a power-off with a broken disk once', () => {
    const at = { fromUs: 100_000, processes: [1], links: [] };
    const { faults } = reportData({
      ...recording,
      faults: [
        { ...at, kind: 'disk', toUs: 100_000, text: 'n2: power off, and a bit of the disk flips' },
        { ...at, kind: 'crash', toUs: 200_000, text: 'n2 is down' },
      ],
    });
    expect(faults).toMatchObject([
      { kind: 'crash', toUs: 200_000, text: 'n2: power off, and a bit of the disk flips' },
    ]);
  });
});

describe('the moments at which operations take effect', () => {
  it('lie within the operations and follow the order, in any linearizable history', () => {
    let checked = 0;
    const shape = { operations: 20, clients: 4, unknownPercent: 15, failedPercent: 5, values: 0, order: false };
    for (let seed = 1; seed <= 300; seed += 1) {
      const calls = randomHistory(drawFrom(seed), shape);
      for (const { order, pointsUs, verdict } of keyTimelines(calls, 1_000_000)) {
        if (verdict === 'linearizable') checked += 1;
        order.forEach((index, place) => {
          const call = calls[index];
          const point = pointsUs[place] ?? NaN;
          expect(point).toBeGreaterThanOrEqual(call?.invokedAt ?? NaN);
          if (call?.result !== 'unknown') expect(point).toBeLessThanOrEqual(call?.returnedAt ?? NaN);
          expect(point).toBeGreaterThanOrEqual(pointsUs[place - 1] ?? 0);
        });
      }
    }
    expect(checked).toBeGreaterThan(50);
  });

  it('are in the middle of what the neighbours leave', () => {
    const order = [put(1, [0, 100], 'a', 1), get(2, [20, 40], 'a', 1), put(3, [0, Infinity], 'b', 'unknown')];
    expect(effectPoints(order, 200)).toEqual([20, 30, 110]);
  });
});

describe('a history without a linearization', () => {
  it('ends where it goes on no further, with the reasons', () => {
    const calls = [
      put(1, [0, 10], 'a', 1),
      put(1, [20, 30], 'b', 2),
      get(2, [40, 50], 'a', 1),
      put(1, [60, 70], 'c', 3),
    ];
    const [timeline] = keyTimelines(calls, 100);
    expect(timeline).toMatchObject({
      verdict: 'violation',
      order: [0, 1],
      stuck: [{ call: 2, reason: 'it saw "a" version 1, but the key then holds "b" version 2' }],
    });
    const data = reportData(leaderChange({ calls }));
    expect(data.keys[0]).toMatchObject({ verdict: 'violation', stuckUs: 50 });
    expect(data.opening.why).toBe('where key k has no linearization');
  });
});
