/**
 * What every Random must do.
 */
import assert from 'node:assert/strict';
import type { Random } from '@kvorum/common';
import type { AcceptanceCase } from './acceptance-case.ts';

const DRAWS = 4096;

export function randomSuite(create: () => Random): AcceptanceCase[] {
  const draw = (): number[] => {
    const random = create();
    return Array.from({ length: DRAWS }, () => random.nextUint32());
  };
  const cases: [name: string, check: (draws: readonly number[]) => void][] = [
    [
      'gives unsigned 32-bit integers',
      (draws) => assert.ok(draws.every((value) => Number.isInteger(value) && value >= 0 && value < 2 ** 32)),
    ],
    [
      'sets every bit about half of the time',
      (draws) => {
        for (let bit = 0; bit < 32; bit += 1) {
          const set = draws.filter((value) => (value >>> bit) & 1).length;
          // Seven standard deviations.
          assert.ok(Math.abs(set - DRAWS / 2) < 7 * 32, `bit ${bit} was set ${set} times of ${DRAWS}`);
        }
      },
    ],
    ['hardly repeats itself', (draws) => assert.ok(new Set(draws).size > DRAWS - 16)],
  ];
  return cases.map(([name, check]) => ({ name, run: () => Promise.resolve().then(() => check(draw())) }));
}
