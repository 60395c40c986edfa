import { describe, expect, it } from 'vitest';
import { checkHistory, vacuityComplaints, type Call } from '../../src/checkers/index.ts';
import { get, lostGet, put, remove } from './calls.ts';

const on = (key: string, ...calls: readonly Call[]): Call[] => calls.map((call) => ({ ...call, key }));

const FINE = on('fine', put(1, [0, 5], 'a', 1), get(2, [10, 15], 'a', 1));
const STALE = on('stale', put(1, [0, 5], 'a', 1), get(2, [10, 15], undefined));
/** Needs three configurations at least. */
const LONG = on('long', put(1, [0, 5], 'a', 1), put(1, [10, 15], 'b', 2), put(1, [20, 25], 'c', 3));

describe('the verdict on a history', () => {
  it('is linearizable when every key is', () => {
    expect(checkHistory([...FINE, ...LONG])).toMatchObject({ verdict: 'linearizable', findings: [] });
  });

  it('is a violation when one key is, and names it with indices into the whole history', () => {
    const result = checkHistory([...FINE, ...STALE]);
    expect(result.verdict).toBe('violation');
    expect(result.findings).toMatchObject([{ key: 'stale', verdict: 'violation', longestPrefix: [2] }]);
  });

  it('is unknown when a key is, unless another one is violated; both are named', () => {
    expect(checkHistory([...FINE, ...LONG], { stepsMax: 2 })).toMatchObject({
      verdict: 'unknown',
      findings: [{ key: 'long', verdict: 'unknown' }],
    });
    const stale = on('stale', get(2, [10, 15], 'a', 1));
    expect(checkHistory([...LONG, ...stale], { stepsMax: 2 })).toMatchObject({
      verdict: 'violation',
      findings: [
        { key: 'stale', verdict: 'violation' },
        { key: 'long', verdict: 'unknown' },
      ],
    });
  });

  it('keeps keys apart: a value of one is out of thin air on another', () => {
    expect(checkHistory([...on('a', put(1, [0, 5], 'x', 1)), ...on('b', get(1, [10, 15], 'x', 1))]).verdict).toBe(
      'violation',
    );
  });
});

describe('the figures', () => {
  it('count calls by outcome, keys and overlap', () => {
    const calls = [
      ...on('a', put(1, [0, 10], 'x', 1), get(2, [5, 20], 'x', 1), get(3, [15, 25], 'x', 1), get(3, [30, 35], 'x', 1)),
      ...on('b', put(4, [0, 10], 'x', 'failed'), put(5, [0, 10], 'y', 'unknown'), lostGet(6, 3)),
      ...on('c', remove(7, [5, 15], 1, false), remove(8, [6, 16], 1, false), remove(9, [7, 17], 1, false)),
    ];
    expect(checkHistory(calls).figures).toEqual({
      calls: 10,
      ok: 7,
      failed: 1,
      indeterminate: 2,
      checkedOperations: 8,
      keys: 3,
      overlapping: 6,
      concurrencyMax: 3,
    });
  });
});

describe('a history that proves too little', () => {
  const bounds = { okMin: 2, okRateMin: 0.5, overlappingMin: 2 };

  it('is complained about when empty', () => {
    const { verdict, figures } = checkHistory([]);
    expect(verdict).toBe('linearizable');
    expect(vacuityComplaints(figures, bounds)).toEqual([
      'only 0 operations got a definite result, 2 needed',
      'only 0.0 % of 0 calls got a definite result, 50.0 % needed',
      'only 0 operations overlap another on their key, 2 needed',
    ]);
  });

  it('is complained about when most calls did not end', () => {
    const calls = [put(1, [0, 5], 'a', 1), get(2, [0, 5], 'a', 1), ...[3, 4, 5].map((client) => lostGet(client, 10))];
    expect(vacuityComplaints(checkHistory(calls).figures, bounds)).toEqual([
      'only 40.0 % of 5 calls got a definite result, 50.0 % needed',
    ]);
  });

  it('is complained about when nothing overlaps', () => {
    expect(vacuityComplaints(checkHistory(FINE).figures, bounds)).toEqual([
      'only 0 operations overlap another on their key, 2 needed',
    ]);
  });

  it('is not complained about when it meets the bounds', () => {
    const calls = [put(1, [0, 5], 'a', 1), get(2, [0, 5], 'a', 1)];
    expect(vacuityComplaints(checkHistory(calls).figures, bounds)).toEqual([]);
  });
});
