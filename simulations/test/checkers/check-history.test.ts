import { describe, expect, it } from 'vitest';
import { activityBetween, checkHistory, vacuityComplaints, type Call } from '../../src/checkers/index.ts';
import { casMismatch, get, lostGet, put, remove } from './calls.ts';
import { drawFrom, randomHistory } from './random-history.ts';

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

describe('a step budget that runs out', () => {
  const GOOD = randomHistory(drawFrom(7), {
    operations: 60,
    clients: 5,
    unknownPercent: 4,
    failedPercent: 2,
    values: 3,
    order: false,
  });
  const { steps } = checkHistory(GOOD);

  it.each([0, 1, 2, 5, 10, 20])('never ends as linearizable: %i steps', (stepsMax) => {
    expect(steps).toBeGreaterThan(20);
    const { verdict, findings } = checkHistory(GOOD, { stepsMax });
    expect(verdict).toBe('unknown');
    expect(findings).toHaveLength(1);
    expect(findings[0]?.explanation).toContain('no verdict within');
  });

  it('in one of many keys is not hidden by the others', () => {
    const many = Array.from({ length: 20 }, (_, n) => on(`fine ${n}`, ...FINE)).flat();
    expect(checkHistory([...many, ...LONG, ...many], { stepsMax: 2 }).verdict).toBe('unknown');
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
      writes: 1,
      valuesRead: 3,
      checkedOperations: 8,
      keys: 3,
      overlapping: 6,
      concurrencyMax: 3,
    });
  });
});

describe('the activity of a time', () => {
  it('is of definite operations that began in it, and of those that met another one on their key', () => {
    const calls = [
      ...on('a', put(1, [0, 12], 'x', 1), get(2, [10, 20], 'x', 1), get(3, [15, 25], 'x', 1), get(4, [26, 30], 'x', 1)),
      ...on('b', put(5, [10, 20], 'x', 'failed'), put(6, [10, 20], 'y', 'unknown'), put(7, [16, 18], 'z', 1)),
    ];
    expect(activityBetween(calls, 10, 26)).toEqual({ ok: 3, overlapping: 1 });
    expect(activityBetween(calls, 0, 27)).toEqual({ ok: 5, overlapping: 2 });
    expect(activityBetween(calls, 40, 50)).toEqual({ ok: 0, overlapping: 0 });
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
      'no operation is known to have changed anything',
      'no read saw a value',
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

  it('is complained about when all calls failed', () => {
    const calls = [1, 2, 3].map((client) => put(client, [0, 5], `v${client}`, 'failed'));
    const { verdict, figures } = checkHistory(calls);
    expect(verdict).toBe('linearizable');
    expect(vacuityComplaints(figures, bounds)).toHaveLength(5);
  });

  it('is complained about when nothing was written, however much was read', () => {
    const calls = [1, 2, 3, 4].map((client) => get(client, [0, 5], undefined));
    expect(vacuityComplaints(checkHistory(calls).figures, bounds)).toEqual([
      'no operation is known to have changed anything',
      'no read saw a value',
    ]);
  });

  it('is complained about when no read saw what was written', () => {
    const calls = [put(1, [0, 5], 'a', 1), put(2, [0, 5], 'b', 2), get(3, [0, 5], undefined)];
    expect(vacuityComplaints(checkHistory(calls).figures, bounds)).toEqual(['no read saw a value']);
  });

  it('counts a mismatch as a read, and no delete that found nothing as a write', () => {
    const calls = [
      put(1, [0, 5], 'a', 'unknown'),
      casMismatch(2, [0, 5], 'x', 'a', 1),
      remove(3, [0, 5], 1, false),
      get(3, [10, 15], 'a', 1),
    ];
    expect(checkHistory(calls).figures).toMatchObject({ writes: 0, valuesRead: 2 });
  });

  it('is not complained about at the very bounds, and is just below them', () => {
    const calls = [put(1, [0, 5], 'a', 1), get(2, [0, 5], 'a', 1), lostGet(3, 10), lostGet(4, 10)];
    expect(vacuityComplaints(checkHistory(calls).figures, bounds)).toEqual([]);
    expect(
      vacuityComplaints(checkHistory(calls).figures, { okMin: 3, okRateMin: 0.51, overlappingMin: 3 }),
    ).toHaveLength(3);
  });

  it('is not complained about when it meets the bounds', () => {
    const calls = [put(1, [0, 5], 'a', 1), get(2, [0, 5], 'a', 1)];
    expect(vacuityComplaints(checkHistory(calls).figures, bounds)).toEqual([]);
  });
});
