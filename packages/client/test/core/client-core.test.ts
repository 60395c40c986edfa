/** The engine of the client against nodes that do not answer, or know less than they will in a moment. */
import type { Clock, ConnectionHandlers, Dialer, Layout, ReplyBody } from '@kvorum/common';
import { decodeRequests, encodeReplies, encodeUtf8 } from '@kvorum/common';
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

it('follows a hint to a new leader at once, also after it has paused', () => {
  const clock = new ManualClock();
  const addresses = [1, 2].map((port) => ({ host: 'a', port }));
  const layout: Layout = {
    clusterId: 'c',
    epoch: 1,
    nodes: addresses.map((address, i) => ({ id: i + 1, address, instance: `i${i}` })),
    groups: [0, 1].map((id) => ({ id, members: [1, 2] })),
  };
  const refused = (code: 'unavailable' | 'not-leader', leader: number): ReplyBody => {
    return { type: 'refused', code, message: 'an election', leader, epoch: 0 };
  };
  let isLed = false;
  const asked: { readonly node: number; readonly atMs: number }[] = [];
  const answer = (node: number): ReplyBody => {
    asked.push({ node, atMs: clock.monotonicMs() });
    if (!isLed) return refused('unavailable', 0);
    if (node === 1) return refused('not-leader', 2);
    return { type: 'value', found: undefined, served: { node: 2, ballot: 1, index: 1 } };
  };
  const dialer: Dialer = {
    dial: (address, handlers: ConnectionHandlers) => {
      clock.defer(() => handlers.onOpen());
      const send = (frame: Uint8Array): void => {
        const replies = decodeRequests(frame).map(({ id, body }) => {
          return { id, body: body.type === 'layout' ? ({ type: 'layout', layout } as const) : answer(address.port) };
        });
        clock.defer(() => handlers.onFrame(encodeReplies(replies)));
      };
      return { remote: address.host, send, backlogBytes: () => 0, close: () => undefined };
    },
  };
  const core = new ClientCore({ clock, random: { nextUint32: () => 2 ** 31 }, dialer }, addresses);
  let done = false;
  core.submit({ type: 'get', key: encodeUtf8('k') }, 5000, () => (done = true));
  clock.advance(300);
  // It goes from one to the other, and pauses in between.
  expect(new Set(asked.map(({ node }) => node))).toEqual(new Set([1, 2]));
  expect(asked.length).toBeGreaterThan(4);
  while (asked.at(-1)?.node !== 2) clock.advance(1);
  isLed = true;
  asked.length = 0;
  clock.advance(1000);
  expect(done).toBe(true);
  expect(asked.map(({ node }) => node)).toEqual([1, 2]);
  expect(asked[1]?.atMs).toBe(asked[0]?.atMs);
});
