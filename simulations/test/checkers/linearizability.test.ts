import { describe, expect, it } from 'vitest';
import { checkKey, type Call } from '../../src/checkers/index.ts';
import { cas, casMismatch, get, put } from './calls.ts';
import { drawFrom, randomHistory } from './random-history.ts';
import { report } from './report.ts';

/** About 2 % of the calls end as indeterminate: a call has two occasions to. */
const LONG = { operations: 10_000, clients: 10, unknownPercent: 1, failedPercent: 1, order: false } as const;

describe('a long history', () => {
  it.each([
    ['each write has its own value', 0],
    ['all writes share three values', 3],
  ])('of 10,000 operations of 10 clients gets a verdict: %s', (name, values) => {
    const calls = randomHistory(drawFrom(1), { ...LONG, values });
    const indeterminate = calls.filter(({ result }) => result === 'unknown').length;
    const startedAt = performance.now();
    const result = checkKey(calls);
    const elapsedMs = performance.now() - startedAt;
    report(
      `${calls.length} operations, ${indeterminate} indeterminate, ${name}: ` +
        `${result.verdict} after ${result.steps} steps, ${elapsedMs.toFixed(0)} ms`,
    );
    expect(result.verdict).toBe('linearizable');
    expect(result.steps).toBeLessThan(calls.length);
    expect(indeterminate).toBeGreaterThan(150);
    expect(result.longestPrefix.length).toBeGreaterThanOrEqual(
      calls.filter(({ result }) => typeof result === 'object').length,
    );
  });

  it('with a single stale read in it is a violation', () => {
    const calls = randomHistory(drawFrom(2), { ...LONG, values: 0 });
    const at = calls.findIndex((call, index) => index > 9_000 && call.kind === 'get' && seesValue(call));
    const early = calls.find((call) => call.kind === 'get' && seesValue(call));
    const wrong = calls.map((call, index) => (index === at ? ({ ...call, result: early?.result } as Call) : call));
    const startedAt = performance.now();
    const result = checkKey(wrong);
    report(
      `one stale read: ${result.verdict} after ${result.steps} steps, ${(performance.now() - startedAt).toFixed(0)} ms`,
    );
    expect(result.verdict).toBe('violation');
  });

  it('is cheap with a hundred clients on the key, because versions tell the order of the writes', () => {
    const calls = randomHistory(drawFrom(3), { ...LONG, operations: 2_000, clients: 100, values: 0 });
    const result = checkKey(calls, { stepsMax: 20_000 });
    expect(result.verdict).toBe('linearizable');
  });
});

function seesValue({ result }: Call): boolean {
  return typeof result === 'object' && 'value' in result && result.value !== undefined;
}

describe('the step budget', () => {
  const good = randomHistory(drawFrom(4), { ...LONG, operations: 200, values: 3 });
  const bad = [put(1, [0, 5], 'a', 1), get(2, [10, 15], undefined)];

  it('gives no verdict when it runs out, whatever the verdict would be', () => {
    for (const calls of [good, bad]) {
      const result = checkKey(calls, { stepsMax: 1 });
      expect(result.verdict).toBe('unknown');
      expect(result.explanation).toContain('no verdict within');
    }
  });

  it('is used as far as needed', () => {
    const { steps } = checkKey(good);
    expect(checkKey(good, { stepsMax: steps + 1 }).verdict).toBe('linearizable');
    expect(checkKey(good, { stepsMax: steps - 1 }).verdict).toBe('unknown');
  });
});

describe('the explanation', () => {
  const calls = [
    put(1, [0, 5], 'a', 1),
    put(1, [10, 15], 'b', 2),
    put(4, [12, 20], 'x', 'unknown'),
    get(2, [20, 25], 'a', 1),
    casMismatch(3, [21, 26], 'q', 'b', 2),
    put(3, [30, 35], 'c', 3),
  ];

  it('names how far it came, the state there, and the operations it could not go on with', () => {
    const { explanation, longestPrefix } = checkKey(calls);
    expect(longestPrefix).toEqual([0, 1, 4]);
    expect(explanation).toBe(
      [
        'key "k": not linearizable',
        'the longest order found covers 3 of 5 definite operations',
        'it ends with client 1 put "a" -> version 1 [0, 5], client 1 put "b" -> version 2 [10, 15], ' +
          'client 3 cas "q" to "unused" -> mismatch, "b" version 2 [21, 26]',
        'the key is then "b" version 2',
        'none of these can come next: client 2 get -> "a" version 1 [20, 25]',
        'indeterminate writes that could still take effect: 1',
        'the version went back: client 2 get -> "a" version 1 [20, 25] came after ' +
          'client 1 put "b" -> version 2 [10, 15] returned',
      ].join('; '),
    );
  });

  it('says when a result contradicts itself', () => {
    const { explanation } = checkKey([put(1, [0, 5], 'a', 1), casMismatch(2, [10, 15], 'a', 'a', 1)]);
    expect(explanation).toContain(
      'client 2 cas "a" to "unused" -> mismatch, "a" version 1 (contradicts itself) [10, 15]',
    );
  });
});

describe('the order of events at equal times', () => {
  // A closed-loop client: it reads at the very tick at which its write returned.
  const wrote = put(1, [0, 10], 'a', 1);
  const read = get(1, [10, 20], undefined);

  it('counts as concurrent without sequence numbers', () => {
    expect(checkKey([wrote, read]).verdict).toBe('linearizable');
  });

  it('is that of the sequence numbers', () => {
    expect(
      checkKey([
        { ...wrote, order: [0, 1] },
        { ...read, order: [2, 3] },
      ]).verdict,
    ).toBe('violation');
    expect(
      checkKey([
        { ...wrote, order: [0, 2] },
        { ...read, order: [1, 3] },
      ]).verdict,
    ).toBe('linearizable');
  });

  it('needs them on all calls of the key', () => {
    expect(checkKey([{ ...wrote, order: [0, 1] }, read]).verdict).toBe('linearizable');
  });
});

describe('a record that cannot be', () => {
  it.each([
    ['returns before it is invoked', get(1, [10, 5], undefined)],
    ['a definite result at no time', get(1, [0, Infinity], undefined)],
    ['no integer time', get(1, [0.5, 5], undefined)],
    ['not a number', put(1, [NaN, Infinity], 'a', 'unknown')],
    ['sequence numbers against the times', { ...get(1, [0, 5], undefined), order: [2, 1] } as const],
  ])('is refused: %s', (_, call) => {
    expect(() => checkKey([call])).toThrow(RangeError);
  });

  it('is refused: calls of two keys', () => {
    expect(() => checkKey([get(1, [0, 5], undefined), { ...get(1, [10, 15], undefined), key: 'other' }])).toThrow(
      RangeError,
    );
  });
});

describe('versions beyond 32 bits', () => {
  it('are told apart', () => {
    const base = 2 ** 40;
    const calls = [
      put(1, [0, 5], 'a', base),
      cas(1, [10, 15], 'a', 'b', 'unknown'),
      get(2, [20, 25], 'b', base + 2 ** 33),
      get(2, [30, 35], 'b', base + 2 ** 33),
    ];
    expect(checkKey(calls).verdict).toBe('linearizable');
    expect(checkKey([...calls, get(2, [40, 45], 'b', base)]).verdict).toBe('violation');
  });
});
