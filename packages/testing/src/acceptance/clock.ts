/**
 * What every Clock must do.
 */
import assert from 'node:assert/strict';
import type { Clock } from '@kvorum/common';
import type { AcceptanceCase, Open, Opened } from './acceptance-case.ts';
import { casesOf } from './acceptance-case.ts';

export type OpenedClock = Opened<Clock>;

export function clockSuite(open: Open<OpenedClock>): AcceptanceCase[] {
  const { cases, add } = casesOf(open);

  add('fires timers in the order of their times, none early, and not within the call', async (rig) => {
    const { port: clock } = rig;
    const fired: number[] = [];
    const startedMs = clock.monotonicMs();
    await rig.until((done) => {
      for (const delayMs of [30, 10, 20, 0, 40]) {
        clock.setTimer(delayMs, () => {
          fired.push(delayMs);
          // A millisecond for the rounding of the event loop's own clock.
          assert.ok(clock.monotonicMs() - startedMs >= delayMs - 1);
          if (delayMs === 40) done();
        });
      }
      assert.deepEqual(fired, []);
    });
    assert.deepEqual(fired, [0, 10, 20, 30, 40]);
  });

  add('does not fire a timer that was cancelled, nor minds one that has fired', async (rig) => {
    const { port: clock } = rig;
    const fired: string[] = [];
    await rig.until((done) => {
      const cancel = clock.setTimer(5, () => fired.push('cancelled'));
      const first = clock.setTimer(3, () => {
        fired.push('first');
        cancel();
        cancel();
        first();
      });
      clock.setTimer(15, done);
    });
    assert.deepEqual(fired, ['first']);
  });

  add('lets a timer set another', async (rig) => {
    const { port: clock } = rig;
    const fired: string[] = [];
    await rig.until((done) => {
      clock.setTimer(2, () => {
        fired.push('outer');
        clock.setTimer(2, () => {
          fired.push('inner');
          done();
        });
        clock.setTimer(0, () => fired.push('sooner'));
      });
    });
    assert.deepEqual(fired, ['outer', 'sooner', 'inner']);
  });

  add('defers to the end of the turn: what else is due comes first', async (rig) => {
    const { port: clock } = rig;
    const order: string[] = [];
    await rig.until((done) => {
      for (let timer = 0; timer < 3; timer += 1) {
        clock.setTimer(3, () => {
          order.push('timer');
          clock.defer(() => {
            order.push('deferred');
            clock.defer(() => {
              order.push('again');
              if (order.length === 9) done();
            });
          });
        });
      }
    });
    assert.deepEqual(order.slice(0, 6), ['timer', 'timer', 'timer', 'deferred', 'deferred', 'deferred']);
    assert.deepEqual(order.slice(6), ['again', 'again', 'again']);
  });

  add('never goes back, and tells the time of this century', async (rig) => {
    const { port: clock } = rig;
    let lastMs = clock.monotonicMs();
    for (let i = 0; i < 20; i += 1) {
      await rig.until((done) => clock.defer(done));
      assert.ok(clock.monotonicMs() >= lastMs);
      lastMs = clock.monotonicMs();
    }
    assert.ok(clock.wallMs() > Date.UTC(2025, 0));
    assert.ok(clock.wallMs() < Date.UTC(2100, 0));
  });
  return cases;
}
