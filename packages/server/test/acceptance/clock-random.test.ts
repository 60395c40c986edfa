/** What every Clock and every Random must do. */
import type { Clock, Random } from '@kvorum/common';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/adapters/process/system-clock.ts';
import { systemRandom } from '../../src/adapters/process/system-random.ts';
import { RandomStream } from '../../../../simulations/src/world/random-stream.ts';
import { World } from '../../../../simulations/src/world/world.ts';

interface ClockRig {
  readonly clock: Clock;
  /** Waits for what `start` has called back. */
  readonly until: (start: (done: () => void) => void) => Promise<void>;
}

const clocks: { name: string; create: () => ClockRig }[] = [
  {
    name: 'system',
    create: () => ({ clock: systemClock, until: (start) => new Promise((resolve) => start(resolve)) }),
  },
  {
    name: 'simulated',
    create: () => {
      const world = new World({ seed: 1, nodes: 0, partitions: 1, replication: 1 });
      const until = (start: (done: () => void) => void): Promise<void> => {
        let isDone = false;
        start(() => (isDone = true));
        while (!isDone && world.schedule.step());
        return isDone ? Promise.resolve() : Promise.reject(new Error('nothing is left to happen'));
      };
      return { clock: world.client().clock, until };
    },
  },
];

describe.each(clocks)('clock: $name', ({ create }) => {
  it('fires timers in the order of their times, none early, and not within the call', async () => {
    const { clock, until } = create();
    const fired: number[] = [];
    const startedMs = clock.monotonicMs();
    await until((done) => {
      for (const delayMs of [30, 10, 20, 0, 40]) {
        clock.setTimer(delayMs, () => {
          fired.push(delayMs);
          // A millisecond for the rounding of the event loop's own clock.
          expect(clock.monotonicMs() - startedMs).toBeGreaterThanOrEqual(delayMs - 1);
          if (delayMs === 40) done();
        });
      }
      expect(fired).toEqual([]);
    });
    expect(fired).toEqual([0, 10, 20, 30, 40]);
  });

  it('does not fire a timer that was cancelled, nor minds one that has fired', async () => {
    const { clock, until } = create();
    const fired: string[] = [];
    await until((done) => {
      const cancel = clock.setTimer(5, () => fired.push('cancelled'));
      const first = clock.setTimer(3, () => {
        fired.push('first');
        cancel();
        cancel();
        first();
      });
      clock.setTimer(15, done);
    });
    expect(fired).toEqual(['first']);
  });

  it('lets a timer set another', async () => {
    const { clock, until } = create();
    const fired: string[] = [];
    await until((done) => {
      clock.setTimer(2, () => {
        fired.push('outer');
        clock.setTimer(2, () => {
          fired.push('inner');
          done();
        });
        clock.setTimer(0, () => fired.push('sooner'));
      });
    });
    expect(fired).toEqual(['outer', 'sooner', 'inner']);
  });

  it('defers to the end of the turn: what else is due comes first, and a deferred call is never within the call', async () => {
    const { clock, until } = create();
    const order: string[] = [];
    await until((done) => {
      for (const name of ['a', 'b', 'c']) {
        clock.setTimer(3, () => {
          order.push('timer');
          clock.defer(() => {
            order.push('deferred');
            clock.defer(() => {
              order.push(`again ${name}`.slice(0, 5));
              if (order.length === 9) done();
            });
          });
        });
      }
    });
    expect(order.slice(0, 6)).toEqual(['timer', 'timer', 'timer', 'deferred', 'deferred', 'deferred']);
    expect(order.slice(6)).toEqual(['again', 'again', 'again']);
  });

  it('never goes back, and tells the time of this century', async () => {
    const { clock, until } = create();
    let lastMs = clock.monotonicMs();
    for (let i = 0; i < 20; i += 1) {
      await until((done) => clock.defer(done));
      expect(clock.monotonicMs()).toBeGreaterThanOrEqual(lastMs);
      lastMs = clock.monotonicMs();
    }
    expect(clock.wallMs()).toBeGreaterThan(Date.UTC(2025, 0));
    expect(clock.wallMs()).toBeLessThan(Date.UTC(2100, 0));
  });
});

describe.each<{ name: string; random: Random }>([
  { name: 'system', random: systemRandom },
  { name: 'simulated', random: new RandomStream(7, 'test') },
])('random: $name', ({ random }) => {
  const draws = Array.from({ length: 4096 }, () => random.nextUint32());

  it('gives unsigned 32-bit integers', () => {
    expect(draws.every((value) => Number.isInteger(value) && value >= 0 && value < 2 ** 32)).toBe(true);
  });

  it('sets every bit about half of the time', () => {
    for (let bit = 0; bit < 32; bit += 1) {
      const set = draws.filter((value) => (value >>> bit) & 1).length;
      // Seven standard deviations.
      expect(Math.abs(set - 2048)).toBeLessThan(7 * 32);
    }
  });

  it('hardly repeats itself', () => {
    expect(new Set(draws).size).toBeGreaterThan(4080);
  });
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
