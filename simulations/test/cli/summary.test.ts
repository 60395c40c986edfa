/** What many runs add up to, and how it is told. */
import { describe, expect, it } from 'vitest';
import { summaryText } from '../../src/cli/summary.ts';
import type { Tally } from '../../src/cli/tally.ts';
import { addOutcome, emptyTally, marksNeverHit, totalOf } from '../../src/cli/tally.ts';
import type { Outcome } from '../../src/cli/task.ts';
import { outcomeOf, taskOf } from './outcomes.ts';

const runs: readonly (readonly [string, number, Outcome])[] = [
  ['chaos-3', 1, outcomeOf()],
  [
    'chaos-3',
    2,
    outcomeOf({ counts: { lost: 7, 'progress after healing ms': 300, 'answered share': 0.5 }, repeated: true }),
  ],
  ['chaos-3', 3, outcomeOf({ complaints: ['unknown: key "a": no verdict', 'replicas differ in groups 3'] })],
  ['chaos-5', 1, outcomeOf({ faults: { pause: 1500 }, marks: { 'log-cut': 41, busy: 0 } })],
  ['chaos-5', 2, outcomeOf({ complaints: ['not repeatable: ...'], repeated: true, sameHash: false })],
];

function tallied(order = runs): Tally {
  const tally = emptyTally();
  for (const [scenario, seed, outcome] of order) addOutcome(tally, taskOf(scenario, seed), outcome);
  return tally;
}

describe('a tally', () => {
  it('adds up runs', () => {
    const tally = tallied();
    expect(tally.scenarios['chaos-3']).toMatchObject({
      runs: 3,
      passed: 2,
      operations: 3000,
      unknownVerdicts: 1,
      faults: 9,
      simulatedMs: 210_000,
      tookMs: 300,
      repeated: 1,
      repeatedAlike: 1,
      failures: { 3: 'unknown: key "…": no verdict' },
      extremes: { 'progress after healing ms': { value: 300, seed: 2 }, 'answered share': { value: 0.5, seed: 2 } },
    });
    expect(tally.scenarios['chaos-5']).toMatchObject({ passed: 1, repeated: 1, repeatedAlike: 0 });
    expect(tally.faults).toEqual({ crash: 8, cut: 4, pause: 1500 });
    expect(tally.counts).toEqual({ lost: 27 });
    expect(marksNeverHit(tally)).toEqual(['busy']);
    expect(totalOf(tally)).toMatchObject({ runs: 5, passed: 3, operations: 5000, unknownVerdicts: 1 });
  });

  it('is the same in whichever order runs end', () => {
    expect(tallied(runs.toReversed())).toEqual(tallied());
  });

  it('survives being saved', () => {
    expect(JSON.parse(JSON.stringify(tallied()))).toEqual(tallied());
  });
});

describe('a summary', () => {
  it('has a row per scenario, what came nearest to a bound, faults, marks and the seeds that failed', () => {
    const text = summaryText(tallied(), { wanted: 5, wallMs: 2000, processes: 2 });
    expect(text).toEqual([
      '',
      'scenario  passed  operations checked  unknown  faults  simulated s  s/s per process',
      'chaos-3   2 of 3               3,000        1       9          210              700',
      'chaos-5   1 of 2               2,000        0   1,503          140              700',
      'all       3 of 5               5,000        1   1,512          350              700',
      '',
      'nearest to a bound',
      '  chaos-3  longest progress after healing  300 ms  seed 2',
      '  chaos-3  least answered                    50 %  seed 2',
      '  chaos-5  longest progress after healing   10 ms  seed 1',
      '  chaos-5  least answered                    90 %  seed 1',
      '',
      'faults by kind',
      '  crash      8',
      '  cut        4',
      '  pause  1,500',
      '',
      'counted',
      '  lost  27',
      '',
      'coverage marks',
      '  log-cut  45',
      '  never hit: busy',
      '',
      'failed seeds',
      '  chaos-3: 3',
      '  chaos-5: 2',
      '',
      '2 runs made twice, 1 with the same trace hash',
      '2 runs of 5 failed; 2.0 s on 2 processes, 175 simulated s/s',
    ]);
  });

  it('says when not everything ran', () => {
    const text = summaryText(tallied(), { wanted: 90, wallMs: 2000, processes: 1 });
    expect(text.at(-1)).toBe('stopped after 5 of 90 runs, 2 runs of 5 failed; 2.0 s, 175 simulated s/s');
    expect(summaryText(emptyTally(), { wanted: 9, wallMs: 0, processes: 1 }).at(-1)).toMatch(/nothing ran/);
  });
});
