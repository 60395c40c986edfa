import type { Limits, ReplyBody, Request, RequestBody } from '@kvorum/common';
import {
  CREDIT_BYTES_MAX,
  decodeReplies,
  defaultLimits,
  encodeRequests,
  FRAME_BYTES_MAX,
  MetricsRegistry,
  REQUESTS_PER_FRAME_MAX,
  settingsWith,
} from '@kvorum/common';
import { FakeConnection, ManualClock, Noise } from '@kvorum/testing';
import { describe, expect, it } from 'vitest';
import type { ClientLink, RequestHandler, Responder } from '../../../src/core/requests/gateway.ts';
import { Gateway } from '../../../src/core/requests/gateway.ts';
import { RequestMetrics } from '../../../src/core/requests/request-metrics.ts';

class Rig {
  readonly asked: RequestBody[] = [];
  readonly answers: ((body: ReplyBody) => void)[] = [];
  readonly responders: Responder[] = [];
  scheduled = 0;
  readonly gateway: Gateway;
  #id = 0;

  constructor(limits: Limits = defaultLimits) {
    const handler: RequestHandler = (body, responder) => {
      this.asked.push(body);
      this.answers.push((reply) => responder.reply(reply));
      this.responders.push(responder);
    };
    this.gateway = new Gateway(handler, () => (this.scheduled += 1), limits, {
      clock: new ManualClock(),
      requests: new RequestMetrics(new MetricsRegistry()),
    });
  }

  open(): { connection: FakeConnection; link: ClientLink } {
    const connection = new FakeConnection();
    return { connection, link: this.gateway.open(connection) };
  }

  ask(link: ClientLink, count = 1): void {
    const requests = Array.from({ length: count }, (): Request => ({ id: (this.#id += 1), body: { type: 'layout' } }));
    this.gateway.onFrame(link, encodeRequests(requests));
  }

  answer(json = '{}'): void {
    this.answers.shift()?.({ type: 'status', json });
  }
}

describe('a client frame', () => {
  it('is answered in one frame at the end of the turn, in the order of the answers', () => {
    const rig = new Rig();
    const { connection, link } = rig.open();
    rig.ask(link, 3);
    rig.answers[2]?.({ type: 'status', json: 'third' });
    rig.answers[0]?.({ type: 'status', json: 'first' });
    expect(connection.sent).toEqual([]);
    expect(rig.scheduled).toBeGreaterThan(0);
    rig.gateway.flush();
    expect(connection.sent.flatMap(decodeReplies)).toEqual([
      { id: 3, body: { type: 'status', json: 'third' } },
      { id: 1, body: { type: 'status', json: 'first' } },
    ]);
    rig.gateway.flush();
    expect(connection.sent).toHaveLength(1);
  });

  it('that does not decode closes the connection with a reason, is counted, and none of it is served', () => {
    const rig = new Rig();
    const { connection, link } = rig.open();
    const good = encodeRequests([{ id: 1, body: { type: 'layout' } }]);
    rig.gateway.onFrame(link, Uint8Array.from([...good, 0xff]));
    expect(connection.closedWith).toBe('bad frame: unexpected end');
    expect(rig.gateway.badFrames).toBe(1);
    expect(rig.asked).toEqual([]);
    rig.gateway.onFrame(link, good);
    expect(rig.asked).toEqual([]);
  });

  it('never throws past the gateway', () => {
    const rig = new Rig();
    const noise = new Noise(9);
    let closed = 0;
    for (let round = 0; round < 20_000; round += 1) {
      const { connection, link } = rig.open();
      rig.gateway.onFrame(link, noise.bytes(1 + noise.below(30)));
      closed += Number(connection.closedWith?.startsWith('bad frame: ') === true);
      rig.gateway.onClose(link);
    }
    expect(rig.gateway.badFrames).toBe(closed);
    expect(closed).toBeGreaterThan(15_000);
    expect(rig.gateway.connections).toBe(0);
  });

  it('with too many requests is a bad one', () => {
    const rig = new Rig();
    const { connection, link } = rig.open();
    rig.ask(link, REQUESTS_PER_FRAME_MAX + 1);
    expect(connection.closedWith).toContain(`more than ${REQUESTS_PER_FRAME_MAX} requests`);
  });

  it('that repeats a request has it served once, and closes the connection', () => {
    for (const repeated of [5, 4]) {
      const rig = new Rig();
      const { connection, link } = rig.open();
      const frame = encodeRequests([
        { id: 0, body: { type: 'layout' } },
        { id: 5, body: { type: 'layout' } },
        { id: repeated, body: { type: 'layout' } },
        { id: 6, body: { type: 'status' } },
      ]);
      rig.gateway.onFrame(link, frame);
      rig.gateway.onFrame(link, frame);
      expect(rig.asked).toHaveLength(2);
      expect(connection.closedWith).toBe(`request id ${repeated} after 5: the ids of a connection must grow`);
    }
  });

  it('tells the one who serves it when the client has gone', () => {
    const rig = new Rig();
    const { link } = rig.open();
    rig.ask(link);
    expect(rig.responders.map((responder) => responder.isAbandoned())).toEqual([false]);
    rig.gateway.onClose(link);
    expect(rig.responders.map((responder) => responder.isAbandoned())).toEqual([true]);
  });
});

describe('limits', () => {
  it('requests above the limit of a connection are refused as busy, and others are not affected', () => {
    const rig = new Rig();
    const { connection, link } = rig.open();
    const other = rig.open();
    for (let left: number = defaultLimits.requestsPerConnectionMax; left > 0; left -= REQUESTS_PER_FRAME_MAX) {
      rig.ask(link, Math.min(left, REQUESTS_PER_FRAME_MAX));
    }
    rig.ask(link, 2);
    rig.ask(other.link);
    expect(rig.asked).toHaveLength(defaultLimits.requestsPerConnectionMax + 1);
    rig.gateway.flush();
    const refused = connection.sent.flatMap(decodeReplies);
    expect(refused).toHaveLength(2);
    expect(refused[0]?.body).toMatchObject({ type: 'refused', code: 'busy' });
    rig.answer();
    rig.ask(link, 2);
    expect(rig.asked).toHaveLength(defaultLimits.requestsPerConnectionMax + 2);
  });

  it('a client that does not take its replies is closed', () => {
    const rig = new Rig();
    const { connection, link } = rig.open();
    rig.ask(link, 2);
    connection.backlog = defaultLimits.clientBacklogBytesMax;
    rig.answer();
    rig.gateway.flush();
    expect(connection.closedWith).toBeUndefined();
    connection.backlog = defaultLimits.clientBacklogBytesMax + 1;
    rig.answer();
    rig.gateway.flush();
    expect(connection.closedWith).toBe('replies are not being read');
    rig.ask(link);
    expect(rig.asked).toHaveLength(2);
  });

  it('many large replies are sent as several frames, each below the limit', () => {
    const rig = new Rig();
    const { connection, link } = rig.open();
    rig.ask(link, 20);
    const value = new Uint8Array(defaultLimits.valueBytesMax);
    const served = { node: 1, ballot: 1, index: 1 };
    for (const reply of rig.answers) reply({ type: 'value', found: { version: 1, value }, served });
    rig.gateway.flush();
    expect(connection.sent.length).toBeGreaterThan(1);
    for (const frame of connection.sent) expect(frame.length).toBeLessThan(FRAME_BYTES_MAX);
    expect(connection.sent.flatMap(decodeReplies)).toHaveLength(20);
  });
});

/** A request that asks for a stream; the last one's responder is `stream`. */
class StreamRig extends Rig {
  readonly end = this.open();

  request(request: Request): Responder | undefined {
    this.gateway.onFrame(this.end.link, encodeRequests([request]));
    return this.responders.at(-1);
  }

  stream(id: number, credit: number): Responder {
    const stream = this.request({ id, body: { type: 'status' }, credit });
    if (stream === undefined) throw new Error('it was not handed on');
    return stream;
  }

  get replies(): [id: number, more: boolean, text: string][] {
    this.gateway.flush();
    return this.end.connection.sent
      .flatMap(decodeReplies)
      .map(({ id, more, body }) => [id, more === true, body.type === 'status' ? body.json : body.type]);
  }
}

const event = (json: string): ReplyBody => ({ type: 'status', json });

describe('a stream', () => {
  it('is pushed until its one last reply, and each push costs credit', () => {
    const rig = new StreamRig();
    const stream = rig.stream(1, 100);
    expect(stream.credit).toBe(100);
    stream.push(event('a'));
    const left = stream.credit;
    expect(left).toBeLessThan(100);
    stream.push(event('b'));
    expect(100 - stream.credit).toBe(2 * (100 - left));
    stream.reply(event('end'));
    stream.push(event('late'));
    stream.reply(event('late'));
    expect(rig.replies).toEqual([
      [1, true, 'a'],
      [1, true, 'b'],
      [1, false, 'end'],
    ]);
  });

  it('has the bytes on the wire counted', () => {
    const rig = new StreamRig();
    const stream = rig.stream(1, 10_000);
    for (let n = 0; n < 5; n += 1) stream.push(event('x'.repeat(n * 100)));
    rig.gateway.flush();
    const sent = rig.end.connection.sent.reduce((sum, frame) => sum + frame.length, 0);
    expect(10_000 - stream.credit).toBe(sent);
  });

  it('without credit is told when it got some, once, and has what it overdrew taken off', () => {
    const rig = new StreamRig();
    const stream = rig.stream(1, 10);
    let calls = 0;
    stream.onCredit(() => (calls += 1));
    stream.push(event('x'.repeat(100)));
    expect(stream.credit).toBe(0);
    rig.request({ id: 2, body: { type: 'credit', of: 1, bytes: 50 } });
    expect([calls, stream.credit]).toEqual([0, 0]);
    rig.request({ id: 3, body: { type: 'credit', of: 1, bytes: 100 } });
    expect(calls).toBe(1);
    expect(stream.credit).toBeLessThan(100);
    expect(stream.credit).toBeGreaterThan(0);
    rig.request({ id: 4, body: { type: 'credit', of: 1, bytes: 5 } });
    expect(calls).toBe(1);
  });

  it('cannot be granted more than the most, however often it is tried', () => {
    const rig = new StreamRig();
    const stream = rig.stream(1, CREDIT_BYTES_MAX);
    for (const id of [2, 3]) rig.request({ id, body: { type: 'credit', of: 1, bytes: CREDIT_BYTES_MAX } });
    expect(stream.credit).toBe(CREDIT_BYTES_MAX);
  });

  it('that is cancelled wakes whoever waits for credit, and takes nothing more', () => {
    const rig = new StreamRig();
    const stream = rig.stream(1, 1);
    const woken: boolean[] = [];
    stream.push(event('a'));
    stream.onCredit(() => woken.push(stream.isAbandoned()));
    rig.request({ id: 2, body: { type: 'cancel', of: 1 } });
    expect(woken).toEqual([true]);
    stream.push(event('b'));
    stream.reply(event('end'));
    expect(rig.replies).toEqual([[1, true, 'a']]);
    expect(rig.end.link.unanswered).toBe(0);
  });

  it('that there is no more, or never was, is granted and cancelled in vain', () => {
    const rig = new StreamRig();
    rig.stream(1, 10).reply(event('end'));
    for (const [id, of] of [
      [2, 1],
      [4, 99],
      [6, 0],
    ] as const) {
      rig.request({ id, body: { type: 'credit', of, bytes: 5 } });
      rig.request({ id: id + 1, body: { type: 'cancel', of } });
    }
    expect(rig.end.link.unanswered).toBe(0);
    expect(rig.end.connection.closedWith).toBeUndefined();
    expect(rig.asked).toHaveLength(1);
  });

  it('counts as a request until it ends: above the limit further ones are refused as busy', () => {
    const limits = settingsWith({ limits: { requestsPerConnectionMax: 2 } }).limits;
    const rig = new StreamRig(limits);
    const first = rig.stream(1, 10);
    rig.stream(2, 10);
    rig.request({ id: 3, body: { type: 'status' }, credit: 10 });
    rig.request({ id: 4, body: { type: 'status' } });
    expect(rig.replies.map(([id, , what]) => [id, what])).toEqual([
      [3, 'refused'],
      [4, 'refused'],
    ]);
    // Control of the ones that run is no request of its own.
    rig.request({ id: 5, body: { type: 'cancel', of: 2 } });
    first.reply(event('end'));
    expect(rig.stream(6, 10)).toBeDefined();
    rig.stream(7, 10);
    expect(rig.asked).toHaveLength(4);
  });

  it('that is not read costs neither the connection nor others, as long as it is within its credit', () => {
    const limits = settingsWith({ limits: { clientBacklogBytesMax: 1000 } }).limits;
    const rig = new StreamRig(limits);
    const stream = rig.stream(1, 5000);
    const { connection } = rig.end;
    for (let sent = 0; stream.credit > 0; sent += 1) {
      stream.push(event('x'.repeat(400)));
      rig.gateway.flush();
      // Nothing of it leaves.
      connection.backlog = connection.sent.reduce((sum, frame) => sum + frame.length, 0);
      expect(sent).toBeLessThan(50);
    }
    expect(connection.backlog).toBeGreaterThan(5000);
    rig.gateway.flush();
    rig.request({ id: 2, body: { type: 'status' } });
    rig.responders.at(-1)?.reply(event('other'));
    rig.gateway.flush();
    expect(connection.closedWith).toBeUndefined();
    // Ordinary replies that are not read close it as ever.
    rig.request({ id: 3, body: { type: 'status' } });
    connection.backlog += 1001;
    rig.responders.at(-1)?.reply(event('other'));
    rig.gateway.flush();
    expect(connection.closedWith).toBe('replies are not being read');
  });

  it('of which credit is granted again and again though nothing is read is closed in the end', () => {
    const limits = settingsWith({ limits: { clientBacklogBytesMax: 1000 } }).limits;
    const rig = new StreamRig(limits);
    const stream = rig.stream(1, CREDIT_BYTES_MAX);
    const { connection } = rig.end;
    const value = 'x'.repeat(1024 * 1024);
    for (let id = 2; connection.closedWith === undefined; id += 1) {
      expect(id).toBeLessThan(100);
      stream.push(event(value));
      rig.gateway.flush();
      connection.backlog = connection.sent.reduce((sum, frame) => sum + frame.length, 0);
      rig.request({ id, body: { type: 'credit', of: 1, bytes: 2 * value.length } });
    }
    expect(connection.closedWith).toBe('replies are not being read');
    expect(connection.backlog).toBeGreaterThan(CREDIT_BYTES_MAX);
  });

  it('of a connection that is gone is abandoned', () => {
    const rig = new StreamRig();
    const stream = rig.stream(1, 10);
    rig.gateway.onClose(rig.end.link);
    expect(stream.isAbandoned()).toBe(true);
    stream.push(event('a'));
    stream.reply(event('end'));
    expect(rig.replies).toEqual([]);
  });

  it('is not what a request without credit gets: its first push is its reply', () => {
    const rig = new StreamRig();
    const once = rig.request({ id: 1, body: { type: 'status' } });
    expect(once?.credit).toBe(0);
    once?.push(event('a'));
    expect(rig.replies).toEqual([[1, false, 'a']]);
    expect(rig.end.link.unanswered).toBe(0);
  });
});

describe('a connection that is gone', () => {
  it('takes no answers any more', () => {
    const rig = new Rig();
    const { connection, link } = rig.open();
    rig.ask(link, 2);
    rig.answer();
    rig.gateway.onClose(link);
    rig.answer();
    rig.gateway.flush();
    expect(connection.sent).toEqual([]);
    expect(rig.gateway.connections).toBe(0);
  });
});
