import type { ReplyBody, Request, RequestBody } from '@kvorum/common';
import {
  decodeReplies,
  defaultLimits,
  encodeRequests,
  FRAME_BYTES_MAX,
  REQUESTS_PER_FRAME_MAX,
  settingsWith,
} from '@kvorum/common';
import { FakeConnection, Noise } from '@kvorum/testing';
import { describe, expect, it } from 'vitest';
import type { ClientLink, Responder } from '../../../src/core/requests/gateway.ts';
import { Gateway } from '../../../src/core/requests/gateway.ts';

class Rig {
  readonly asked: RequestBody[] = [];
  readonly answers: ((body: ReplyBody) => void)[] = [];
  readonly responders: Responder[] = [];
  scheduled = 0;
  readonly gateway = new Gateway(
    (body, responder) => {
      this.asked.push(body);
      this.answers.push((reply) => responder.reply(reply));
      this.responders.push(responder);
    },
    () => (this.scheduled += 1),
    defaultLimits,
  );
  #id = 0;

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
