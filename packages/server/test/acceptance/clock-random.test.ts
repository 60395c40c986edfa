/** The system's clock and randomness, and the simulated ones, pass the suites of their ports. */
import type { OpenedClock } from '@kvorum/testing';
import { clockSuite, randomSuite, untilCalled } from '@kvorum/testing';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/adapters/process/system-clock.ts';
import { systemRandom } from '../../src/adapters/process/system-random.ts';
import { RandomStream } from '../../../../simulations/src/world/random-stream.ts';
import { World } from '../../../../simulations/src/world/world.ts';

const close = (): Promise<void> => Promise.resolve();

function simulatedClock(): OpenedClock {
  const world = new World({ seed: 1, nodes: 0, partitions: 1, replication: 1 });
  const until = (start: (done: () => void) => void): Promise<void> => {
    let isDone = false;
    start(() => (isDone = true));
    while (!isDone && world.schedule.step());
    return isDone ? Promise.resolve() : Promise.reject(new Error('nothing is left to happen'));
  };
  return { port: world.client().clock, until, close };
}

describe.each([
  { name: 'system', cases: clockSuite(() => ({ port: systemClock, until: untilCalled, close })) },
  { name: 'simulated', cases: clockSuite(simulatedClock) },
])('clock: $name', ({ cases }) => {
  for (const { name, run } of cases) it(name, run);
});

describe.each([
  { name: 'system', cases: randomSuite(() => systemRandom) },
  { name: 'simulated', cases: randomSuite(() => new RandomStream(7, 'test')) },
])('random: $name', ({ cases }) => {
  for (const { name, run } of cases) it(name, run);
});

it('simulated randomness is the same for the same seed and purpose, and another for others', () => {
  const draw = (seed: number, purpose: string): number[] => {
    const stream = new RandomStream(seed, purpose);
    return Array.from({ length: 8 }, () => stream.nextUint32());
  };
  expect(draw(1, 'a')).toEqual(draw(1, 'a'));
  expect(draw(1, 'a')).not.toEqual(draw(1, 'b'));
  expect(draw(1, 'a')).not.toEqual(draw(2, 'a'));
});
