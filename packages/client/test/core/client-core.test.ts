/** The engine of the client against nodes that do not answer, or know less than they will in a moment. */
import type { Clock, ConnectionHandlers, Dialer, Layout, ReplyBody } from '@kvorum/common';
import { decodeRequests, encodeReplies, encodeUtf8 } from '@kvorum/common';
import { expect, it } from 'vitest';
import { ClientCore, defaultClientTimings } from '../../src/core/index.ts';

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
  const core = new ClientCore({ clock, random: { nextUint32: () => 1 }, dialer, timings: defaultClientTimings }, [
    { host: 'a', port: 1 },
  ]);
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

/** Nodes 1 and 2, at ports 1 and 2, which answer in the same instant; groups have the members given. */
function answering(
  clock: ManualClock,
  members: readonly number[],
  answer: (node: number) => ReplyBody,
): { readonly core: ClientCore; readonly close: (node: number, reason: string) => void } {
  const addresses = [1, 2].map((port) => ({ host: 'a', port }));
  const layout: Layout = {
    clusterId: 'c',
    epoch: 1,
    routing: 'tag',
    nodes: addresses.map((address, i) => ({ id: i + 1, address, instance: `i${i}` })),
    groups: [0, 1].map((id) => ({ id, members, protocol: 'sequence-paxos' })),
  };
  const open = new Map<number, ConnectionHandlers>();
  const dialer: Dialer = {
    dial: (address, handlers: ConnectionHandlers) => {
      open.set(address.port, handlers);
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
  const core = new ClientCore(
    { clock, random: { nextUint32: () => 2 ** 31 }, dialer, timings: defaultClientTimings },
    addresses,
  );
  return { core, close: (node, reason) => open.get(node)?.onClose(reason) };
}

function refused(code: 'unavailable' | 'not-leader', leader: number): ReplyBody {
  return { type: 'refused', code, message: 'an election', leader, epoch: 0 };
}

function served(node: number): ReplyBody {
  return { type: 'value', found: undefined, served: { node, ballot: 1, index: 1 } };
}

it('follows a hint to a new leader at once, also after it has paused', () => {
  const clock = new ManualClock();
  let isLed = false;
  const asked: { readonly node: number; readonly atMs: number }[] = [];
  const { core } = answering(clock, [1, 2], (node) => {
    asked.push({ node, atMs: clock.monotonicMs() });
    if (!isLed) return refused('unavailable', 0);
    return node === 1 ? refused('not-leader', 2) : served(2);
  });
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

// It took the node for out of reach, and asked the one that is no member until it had rested for half a second.
it('dials a node at once again that closed a standing connection', () => {
  const clock = new ManualClock();
  const { core, close } = answering(clock, [1], (node) => (node === 1 ? served(1) : refused('unavailable', 0)));
  const get = (timeoutMs: number): unknown => {
    let outcome: unknown;
    core.submit({ type: 'get', key: encodeUtf8('k') }, timeoutMs, (result) => (outcome = result));
    clock.advance(timeoutMs);
    return outcome;
  };
  core.ask({ host: 'a', port: 2 }, { type: 'status' }, 100, () => undefined);
  expect(get(100)).toMatchObject({ type: 'value' });
  close(1, 'request id 7 after 7');
  expect(get(100)).toMatchObject({ type: 'value' });
});
