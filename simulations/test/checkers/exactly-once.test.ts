import { describe, expect, it } from 'vitest';
import { checkKey, countIncrements, exactlyOnceComplaints, type Call } from '../../src/checkers/index.ts';
import { KEY, cas, casMismatch, casVersion, get, put } from './calls.ts';
import { drawFrom, randomHistory } from './random-history.ts';

const increments = [
  { client: 1, acknowledged: 3, indeterminate: 1 },
  { client: 2, acknowledged: 2, indeterminate: 1 },
];
const complaints = (final: number) => exactlyOnceComplaints({ key: 'hits', increments, final });

describe('a counter', () => {
  it.each([5, 6, 7])('may end at %i after 5 acknowledged and 2 indeterminate increments', (final) => {
    expect(complaints(final)).toEqual([]);
  });

  it('must not lose an acknowledged increment', () => {
    expect(complaints(4)).toEqual([
      'counter "hits" lost 1 acknowledged increments: ends at 4 after 5 increments acknowledged, 2 of unknown outcome',
    ]);
  });

  it('must not be incremented more often than asked', () => {
    expect(complaints(8)).toEqual([
      'counter "hits" was incremented 1 times too often: ends at 8 after 5 increments acknowledged, 2 of unknown outcome',
    ]);
  });

  it.each([NaN, -1, 1.5])('must be a count, not %d', (final) => {
    expect(complaints(final)).toEqual([`counter "hits" ends as ${final}, which is not a count`]);
  });

  it('nobody touched ends at 0', () => {
    expect(exactlyOnceComplaints({ key: 'hits', increments: [], final: 0 })).toEqual([]);
    expect(exactlyOnceComplaints({ key: 'hits', increments: [], final: 1 })).toHaveLength(1);
  });
});

describe('the increments of a history', () => {
  it('are its applied and its indeterminate cas calls, by client', () => {
    const calls = [
      put(9, [0, 5], '0', 1),
      get(1, [10, 15], '0', 1),
      cas(1, [20, 25], '0', '1', 2),
      casMismatch(2, [30, 35], '0', '1', 2),
      casVersion(2, [40, 45], 2, '2', 3),
      cas(1, [50, 55], '2', '3', 'failed'),
      cas(1, [60, 65], '2', '3', 'unknown'),
      { ...cas(1, [70, 75], undefined, '1', 1), key: 'other' },
    ];
    expect(countIncrements(calls, KEY)).toEqual([
      { client: 1, acknowledged: 1, indeterminate: 1 },
      { client: 2, acknowledged: 1, indeterminate: 0 },
    ]);
  });
});

describe('a write that failed for certain', () => {
  const SEEDS = 2_000;
  const SHAPE = { operations: 10, clients: 3, unknownPercent: 5, failedPercent: 5, values: 0, order: true };

  function valueOf(call: Call): string | undefined {
    if (call.kind === 'put') return call.value;
    return call.kind === 'cas' || call.kind === 'casVersion' ? call.next : undefined;
  }

  it('is never read: linearizability finds each one, for values are unique', () => {
    let tried = 0;
    for (let seed = 0; seed < SEEDS; seed++) {
      const calls = randomHistory(drawFrom(seed), SHAPE);
      const read = new Set(
        calls.map(({ kind, result }) =>
          kind === 'get' && typeof result === 'object' && 'value' in result ? result.value : undefined,
        ),
      );
      calls.forEach((call, at) => {
        const value = valueOf(call);
        if (value === undefined || !read.has(value)) return;
        const failed = call.result === 'unknown' ? call.invokedAt : call.returnedAt;
        const lie = calls.with(at, { ...call, result: 'failed', returnedAt: failed + 1 });
        const answer = checkKey(lie).verdict;
        if (answer !== 'violation') throw new Error(`seed ${seed}: ${answer} with call ${at} failed`);
        expect(checkKey(calls).verdict).toBe('linearizable');
        tried++;
      });
    }
    expect(tried).toBeGreaterThan(SEEDS / 4);
  });
});
