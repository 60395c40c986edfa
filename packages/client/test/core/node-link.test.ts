/** Streams of replies on a client's connection: they live on credit, beside requests with one reply. */
import type { ConnectionHandlers, Reply, ReplyBody, Request } from '@kvorum/common';
import { decodeRequests, encodeReplies } from '@kvorum/common';
import { expect, it } from 'vitest';
import { NodeLink } from '../../src/core/node-link.ts';
import { defaultClientTimings } from '../../src/core/timings.ts';

/** A link to a node in the test's hands; everything deferred runs at once. */
function rig() {
  const asked: Request[] = [];
  let handlers: ConnectionHandlers | undefined;
  let nowMs = 0;
  const clock = {
    monotonicMs: () => nowMs,
    wallMs: () => 0,
    setTimer: () => () => undefined,
    defer: (callback: () => void) => callback(),
  };
  const dialer = {
    dial: (_: unknown, given: ConnectionHandlers) => {
      handlers = given;
      const send = (frame: Uint8Array): void => void asked.push(...decodeRequests(frame));
      return { remote: 'n', send, backlogBytes: () => 0, close: () => undefined };
    },
  };
  const link = new NodeLink(
    { host: 'n', port: 1 },
    { clock, dialer, timings: defaultClientTimings },
    { onConnected: () => undefined, onDisconnected: () => undefined, onUnreachable: () => undefined },
  );
  return {
    link,
    asked,
    open: () => handlers?.onOpen(),
    answer: (...replies: Reply[]) => handlers?.onFrame(encodeReplies(replies)),
    close: () => handlers?.onClose('gone'),
    pass: (ms: number) => (nowMs += ms),
  };
}

const status = (json: string): ReplyBody => ({ type: 'status', json });

it('takes what is pushed until the last reply, and grants more when told to', () => {
  const { link, asked, open, answer } = rig();
  const pushed: ReplyBody[] = [];
  const ends: unknown[] = [];
  const stream = link.openStream(
    { type: 'status' },
    1000,
    (body) => pushed.push(body),
    (end) => ends.push(end),
  );
  open();
  expect(asked).toEqual([{ id: 1, body: { type: 'status' }, credit: 1000 }]);
  answer({ id: 1, body: status('a'), more: true }, { id: 1, body: status('b'), more: true });
  stream.grant(500);
  expect(asked.at(-1)).toEqual({ id: 2, body: { type: 'credit', of: 1, bytes: 500 } });
  answer({ id: 1, body: status('c') });
  expect(pushed).toEqual([status('a'), status('b')]);
  expect(ends).toEqual([{ type: 'reply', body: status('c') }]);
  // It has ended: nothing is granted any more.
  stream.grant(500);
  expect(asked).toHaveLength(2);
});

it('hears nothing of a stream that was cancelled, and tells the node', () => {
  const { link, asked, open, answer } = rig();
  const heard: unknown[] = [];
  const stream = link.openStream(
    { type: 'status' },
    1000,
    (body) => heard.push(body),
    (end) => heard.push(end),
  );
  open();
  stream.cancel();
  expect(asked.at(-1)).toEqual({ id: 2, body: { type: 'cancel', of: 1 } });
  answer({ id: 1, body: status('late'), more: true }, { id: 1, body: status('later') });
  expect(heard).toEqual([]);
});

it('does not take a stream with nothing new for a silent connection, but a request without an answer', () => {
  const { link, open, answer, pass } = rig();
  link.openStream(
    { type: 'status' },
    1000,
    () => undefined,
    () => undefined,
  );
  open();
  pass(60_000);
  expect(link.silentForMs).toBe(0);
  link.request({ type: 'layout' }, () => undefined);
  pass(1500);
  expect(link.silentForMs).toBe(1500);
  answer({ id: 1, body: status('a'), more: true });
  pass(10);
  expect(link.silentForMs).toBe(10);
});

it('loses a stream with its connection, once', () => {
  const { link, open, close } = rig();
  const ends: unknown[] = [];
  link.openStream(
    { type: 'status' },
    1000,
    () => undefined,
    (end) => ends.push(end),
  );
  open();
  close();
  close();
  expect(ends).toMatchObject([{ type: 'lost', sent: true }]);
});
