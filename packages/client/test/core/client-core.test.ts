/** The engine of the client against nodes that do not answer. */
import type { Clock, ConnectionHandlers, Dialer } from '@kvorum/common';
import { encodeUtf8 } from '@kvorum/common';
import { expect, it } from 'vitest';
import { ClientCore } from '../../src/core/index.ts';

/** Time that passes when it is told to. */
class ManualClock implements Clock {
  #now = 0;
  readonly #timers = new Map<number, { readonly at: number; readonly callback: () => void }>();
  #last = 0;

  monotonicMs(): number {
    return this.#now;
  }

  wallMs(): number {
    return this.#now;
  }

  setTimer(delayMs: number, callback: () => void): () => void {
    this.#last += 1;
    const id = this.#last;
    this.#timers.set(id, { at: this.#now + delayMs, callback });
    return () => this.#timers.delete(id);
  }

  defer(callback: () => void): void {
    this.setTimer(0, callback);
  }

  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const next = [...this.#timers].sort(([, a], [, b]) => a.at - b.at)[0];
      if (next === undefined || next[1].at > end) break;
      this.#timers.delete(next[0]);
      this.#now = Math.max(this.#now, next[1].at);
      next[1].callback();
    }
    this.#now = end;
  }
}

it('does not go on asking once every operation has ended', () => {
  const clock = new ManualClock();
  let dialled = 0;
  const dialer: Dialer = {
    dial: (address, handlers: ConnectionHandlers) => {
      dialled += 1;
      clock.setTimer(1, () => handlers.onClose('connection refused'));
      return { remote: address.host, send: () => undefined, backlogBytes: () => 0, close: () => undefined };
    },
  };
  const core = new ClientCore({ clock, random: { nextUint32: () => 1 }, dialer }, [{ host: 'a', port: 1 }]);
  const failed: unknown[] = [];
  for (let i = 0; i < 10; i += 1) {
    core.submit({ type: 'put', key: encodeUtf8(`k${i}`), value: new Uint8Array(10) }, 200, (outcome) =>
      failed.push(outcome),
    );
  }
  clock.advance(1000);
  expect(failed).toHaveLength(10);
  for (const outcome of failed) expect(outcome).toMatchObject({ code: 'unavailable', outcome: 'not-applied' });
  const before = dialled;
  expect(before).toBeGreaterThan(3);
  clock.advance(60_000);
  expect(dialled).toBe(before);
});
