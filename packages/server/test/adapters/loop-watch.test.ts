/** Whether the loop turns, and for how long it did not. */
import { expect, it } from 'vitest';
import { LoopWatch } from '../../src/adapters/process/loop-watch.ts';
import { ManualClock } from './manual-clock.ts';

function start(): { watch: LoopWatch; clock: ManualClock; periods: [number, number][] } {
  const periods: [number, number][] = [];
  const clock = new ManualClock();
  const watch = new LoopWatch(
    clock,
    () => 0.5,
    (utilization, stoodStillMs) => periods.push([utilization, stoodStillMs]),
  );
  return { watch, clock, periods };
}

it('a loop that turns is never far behind', () => {
  const { watch, clock, periods } = start();
  for (let n = 0; n < 100; n += 1) {
    clock.advance(100);
    expect(watch.sinceTurnMs).toBeLessThanOrEqual(250);
  }
  expect(periods.length).toBe(40);
  expect(periods.every(([utilization, stoodStillMs]) => utilization === 0.5 && stoodStillMs === 0)).toBe(true);
});

it('a loop that does not turn falls behind, and what it missed is counted once it turns again', () => {
  const { watch, clock, periods } = start();
  clock.advance(250);
  clock.standStill(249);
  expect(watch.sinceTurnMs).toBe(249);
  clock.standStill(5001);
  expect(periods.at(-1)).toEqual([0.5, 5000]);
  expect(watch.sinceTurnMs).toBe(0);
});

it('a timer that is a little late did not stand still', () => {
  const { clock, periods } = start();
  clock.standStill(500);
  expect(periods).toEqual([[0.5, 0]]);
});
