import { describe, expect, it } from 'vitest';
import { checkKey, describeCall, type Call } from '../../src/checkers/index.ts';
import { isLinearizable, returnedBefore } from './brute-force.ts';
import {
  arbitraryHistory,
  drawFrom,
  falsified,
  randomHistory,
  type Draw,
  type Falsification,
  type HistoryShape,
} from './random-history.ts';
import { report } from './report.ts';

/** Four of five have a correct key behind them. */
const HISTORIES = Number(process.env['CHECKER_HISTORIES'] ?? 50_000);
const RECORDED = Math.floor(HISTORIES * 0.8);
const ARBITRARY = HISTORIES - RECORDED;
const TIMEOUT_MS = Math.max(60_000, HISTORIES * 2);

function shapeOf(draw: Draw): HistoryShape {
  return {
    operations: 4 + draw(4),
    clients: 2 + draw(2),
    unknownPercent: [0, 8, 20, 35][draw(3)]!,
    failedPercent: draw(1) * 10,
    values: [0, 2, 3][draw(2)]!,
    order: draw(1) === 0,
  };
}

/** The order a verdict names must respect real time, hold all definite calls, and be legal one after another. */
function isWitness(calls: readonly Call[], path: readonly number[]): boolean {
  const named = path.map((index) => calls[index]!);
  const definite = calls.filter(({ result }) => typeof result === 'object');
  const complete = new Set(path).size === path.length && definite.every((call) => named.includes(call));
  const inTime = named.every((call, at) => !named.slice(at + 1).some((later) => returnedBefore(later, call)));
  const oneByOne = named.map((call, at) => {
    const returnedAt = call.result === 'unknown' ? Infinity : 2 * at + 1;
    return { ...call, invokedAt: 2 * at, returnedAt, order: [2 * at, 2 * at + 1] as const };
  });
  return complete && inTime && isLinearizable(oneByOne);
}

/** Checks it both ways, and returns whether it is linearizable. */
function compare(seed: number, calls: readonly Call[]): boolean {
  const { verdict, longestPrefix } = checkKey(calls);
  const right = isLinearizable(calls) ? 'linearizable' : 'violation';
  if (verdict !== right || (right === 'linearizable' && !isWitness(calls, longestPrefix))) {
    throw new Error(`seed ${seed}: ${verdict} instead of ${right}\n${calls.map(describeCall).join('\n')}`);
  }
  return right === 'linearizable';
}

function hasIndeterminateWrite(calls: readonly Call[]): boolean {
  return calls.some(({ kind, result }) => result === 'unknown' && kind !== 'get');
}

describe('the checker and the plain definition', () => {
  it(
    `agree on ${RECORDED} histories of a correct key, as recorded and falsified`,
    () => {
      const count = { linearizable: 0, violation: 0, indeterminate: 0 };
      const falsifications = new Map<Falsification, number>();
      for (let seed = 0; seed < RECORDED; seed++) {
        const draw = drawFrom(seed);
        let calls: readonly Call[] = randomHistory(draw, shapeOf(draw));
        const changes = seed % 5;
        for (let change = 0; change < changes; change++) {
          calls = falsified(draw, calls, (kind) => falsifications.set(kind, (falsifications.get(kind) ?? 0) + 1));
        }
        const linearizable = compare(seed, calls);
        if (changes === 0 && !linearizable) throw new Error(`seed ${seed}: a correct key gave a wrong history`);
        count[linearizable ? 'linearizable' : 'violation']++;
        if (hasIndeterminateWrite(calls)) count.indeterminate++;
      }
      report(`histories of a correct key: ${JSON.stringify({ ...count, ...Object.fromEntries(falsifications) })}`);
      for (const often of Object.values(count)) expect(often).toBeGreaterThan(RECORDED / 5);
      expect(falsifications.size).toBe(7);
      for (const often of falsifications.values()) expect(often).toBeGreaterThan(RECORDED / 20);
    },
    TIMEOUT_MS,
  );

  it(
    `agree on ${ARBITRARY} arbitrary histories full of indeterminate writes`,
    () => {
      const count = { linearizable: 0, violation: 0 };
      for (let seed = 0; seed < ARBITRARY; seed++) {
        count[compare(seed, arbitraryHistory(drawFrom(seed))) ? 'linearizable' : 'violation']++;
      }
      report(`arbitrary histories: ${JSON.stringify(count)}`);
      for (const often of Object.values(count)) expect(often).toBeGreaterThan(ARBITRARY / 10);
    },
    TIMEOUT_MS,
  );
});
