import type { Address, CheckInState, ReplyBody } from '@kvorum/common';
import { decodeRequests, defaultTimings, encodeReplies } from '@kvorum/common';
import { FakeDialer, ListLogger, ManualClock } from '@kvorum/testing';
import { describe, expect, it } from 'vitest';
import type { CheckInHost } from '../../../src/core/membership/check-in.ts';
import { CheckInLoop } from '../../../src/core/membership/check-in.ts';
import { b } from '../values.ts';

type CheckedIn = Extract<ReplyBody, { type: 'checked-in' }>;
const at = (port: number): Address => ({ host: 'h', port });

class Rig {
  readonly clock = new ManualClock();
  readonly dialer = new FakeDialer();
  readonly logger = new ListLogger();
  readonly answers: [string, number][] = [];
  /** What the host says to the next answer. */
  next: (answer: CheckedIn) => number | undefined = () => undefined;
  readonly loop: CheckInLoop;

  constructor(ports: readonly number[] = [1, 2]) {
    const host: CheckInHost = {
      request: () => ({ type: 'check-in', instance: 'i', clusterId: undefined, address: at(9) }),
      onAnswer: (answer, from) => {
        this.answers.push([answer.state.type, from.port]);
        return this.next(answer);
      },
    };
    this.loop = new CheckInLoop(this, () => ports.map(at), host, defaultTimings);
    this.loop.start();
  }

  answer(state: CheckInState): void {
    const { handlers } = this.dialer.last;
    handlers.onOpen();
    handlers.onFrame(encodeReplies([{ id: 1, body: { type: 'checked-in', clusterId: 'c', node: 2, state } }]));
  }

  get dialled(): number[] {
    return this.dialer.calls.map(({ address }) => address.port);
  }
}

const forming: CheckInState = { type: 'forming', present: 1, wanted: 3 };

describe('checking in', () => {
  it('sends one request when the connection is open, and closes it after the answer', () => {
    const rig = new Rig();
    const { connection } = rig.dialer.last;
    expect(connection.sent).toEqual([]);
    rig.answer(forming);
    expect(connection.sent.flatMap(decodeRequests)).toEqual([
      { id: 1, body: { type: 'check-in', instance: 'i', clusterId: undefined, address: at(9) } },
    ]);
    expect(connection.closedWith).toBe('check-in is over');
    expect(rig.answers).toEqual([['forming', 1]]);
    rig.clock.advance(10_000);
    expect(rig.dialled).toEqual([1]);
  });

  it('comes again when the host says so, at one node after the other', () => {
    const rig = new Rig();
    rig.next = () => 50;
    rig.answer(forming);
    rig.clock.advance(49);
    expect(rig.dialled).toEqual([1]);
    rig.clock.advance(1);
    expect(rig.dialled).toEqual([1, 2]);
    rig.answer(forming);
    rig.clock.advance(50);
    expect(rig.dialled).toEqual([1, 2, 1]);
  });

  it.each([
    ['refused', (rig: Rig) => rig.dialer.last.handlers.onClose('connection refused'), 'connection refused'],
    [
      'closed after it was open',
      (rig: Rig) => {
        rig.dialer.last.handlers.onOpen();
        rig.dialer.last.handlers.onClose('going down');
      },
      'it closed the connection: going down',
    ],
    ['silent', (rig: Rig) => rig.clock.advance(2000), 'it does not answer'],
    [
      'answering nonsense',
      (rig: Rig) => rig.dialer.last.handlers.onFrame(b('nonsense')),
      'it gave an answer that is not one to a check-in',
    ],
    [
      'answering something else',
      (rig: Rig) => rig.dialer.last.handlers.onFrame(encodeReplies([{ id: 1, body: { type: 'status', json: '{}' } }])),
      'it gave an answer that is not one to a check-in',
    ],
  ])('goes on with the next node when one is %s', (_name, fail, trouble) => {
    const rig = new Rig();
    fail(rig);
    expect(rig.logger.lines).toEqual([`warn cannot check in at h:1: ${trouble}; still trying`]);
    rig.clock.advance(defaultTimings.checkInRetryMs);
    expect(rig.dialled).toEqual([1, 2]);
    rig.answer(forming);
    expect(rig.answers).toEqual([['forming', 2]]);
  });

  it('reports trouble that lasts seldom', () => {
    const rig = new Rig();
    for (let attempt = 0; attempt < 60; attempt += 1) {
      rig.dialer.last.handlers.onClose('connection refused');
      rig.clock.advance(defaultTimings.checkInRetryMs);
    }
    expect(rig.dialled).toHaveLength(61);
    expect(rig.logger.lines).toHaveLength(3);
  });

  it('goes where it is sent', () => {
    const rig = new Rig();
    rig.next = () => {
      rig.loop.redirect(at(7));
      return defaultTimings.checkInRetryMs;
    };
    rig.answer({ type: 'elsewhere', address: at(7) });
    rig.clock.advance(defaultTimings.checkInRetryMs);
    expect(rig.dialled).toEqual([1, 7]);
  });

  it('is not disturbed by a second answer, nor by a connection that is over', () => {
    const rig = new Rig();
    rig.next = () => 50;
    const { handlers } = rig.dialer.last;
    rig.answer(forming);
    rig.answer(forming);
    handlers.onClose('late');
    rig.clock.advance(50);
    expect(rig.dialled).toEqual([1, 2]);
    expect(rig.logger.lines).toEqual([]);
  });

  it('tells the host of one answer', () => {
    const rig = new Rig();
    rig.answer(forming);
    rig.answer(forming);
    expect(rig.answers).toHaveLength(1);
  });

  it('stops', () => {
    const rig = new Rig();
    const { handlers, connection } = rig.dialer.last;
    rig.loop.stop();
    expect(connection.closedWith).toBe('the node stops');
    handlers.onClose('reset');
    rig.clock.advance(10_000);
    expect(rig.dialled).toEqual([1]);
  });
});
