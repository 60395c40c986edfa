import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Reply, Request } from '../src/index.ts';
import {
  decodeAll,
  DecodeError,
  decodeReplies,
  decodeRequests,
  encodeReplies,
  encodeRequests,
  defaultLimits,
  NODES_MAX,
  REQUESTS_PER_FRAME_MAX,
  readCommand,
  readCommandResult,
  readGroupReply,
  readGroupRequest,
  readLayout,
  writeCommand,
  writeCommandResult,
  writeGroupReply,
  writeGroupRequest,
  writeLayout,
  Writer,
} from '../src/index.ts';
import { command, commandResult, fixed, groupReply, groupRequest, layout, replies, requests } from './arbitraries.ts';
import { fuzz, survives } from './fuzz.ts';

/** How many different kinds the property saw: a kind that is never generated is not tested. */
class Kinds {
  readonly seen = new Set<string>();

  note(value: unknown): void {
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return;
    const { type } = value as { type?: string };
    if (type !== undefined) this.seen.add(type);
    for (const inner of Object.values(value)) this.note(inner);
  }
}

describe('requests', () => {
  it('of every kind survive a frame', () => {
    const kinds = new Kinds();
    const property = fc.property(requests, (sent) => {
      kinds.note(sent);
      expect(decodeRequests(encodeRequests(sent))).toEqual(sent);
    });
    fc.assert(property, fixed);
    expect([...kinds.seen].sort()).toEqual([
      'add',
      'cancel',
      'cas',
      'cas-version',
      'check-in',
      'credit',
      'delete',
      'execute',
      'get',
      'group',
      'layout',
      'open-session',
      'put',
      'read',
      'status',
    ]);
  });

  it('have their place in the wire: golden bytes', () => {
    const key = Uint8Array.of(0x6b);
    const sent: Request[] = [
      { id: 1, body: { type: 'layout' } },
      { id: 2, body: { type: 'status' } },
      { id: 3, body: { type: 'group', forward: true, request: { type: 'open-session', group: 7 } } },
      {
        id: 300,
        body: { type: 'group', forward: false, request: { type: 'read', group: 7, query: { type: 'get', key } } },
      },
      {
        id: 5,
        body: {
          type: 'group',
          forward: false,
          request: {
            type: 'execute',
            group: 1,
            session: 2,
            sequence: 3,
            floor: 4,
            command: { type: 'cas', key, expected: undefined, next: key },
          },
        },
      },
      {
        id: 6,
        body: { type: 'check-in', instance: 'i', clusterId: undefined, address: { host: 'h', port: 80 } },
      },
    ];
    const hex = Buffer.from(encodeRequests(sent)).toString('hex');
    expect(hex).toBe(
      '010000' +
        '020001' +
        '030002010007' +
        'ac02000200020700016b' +
        '0500020001010203040101' +
        '6b00016b' +
        '0600030169000168' +
        '50',
    );
  });

  it('of more than a frame may hold are refused', () => {
    const many = (count: number): Request[] =>
      Array.from({ length: count }, (_, id) => ({ id, body: { type: 'layout' } }));
    expect(decodeRequests(encodeRequests(many(REQUESTS_PER_FRAME_MAX)))).toHaveLength(REQUESTS_PER_FRAME_MAX);
    expect(() => decodeRequests(encodeRequests(many(REQUESTS_PER_FRAME_MAX + 1)))).toThrow(
      new DecodeError(`more than ${REQUESTS_PER_FRAME_MAX} requests in a frame`),
    );
  });

  it('may have keys and values over their limits: the router refuses them by name', () => {
    const key = new Uint8Array(defaultLimits.keyBytesMax + 1);
    const value = new Uint8Array(defaultLimits.valueBytesMax + 1);
    const request = { type: 'execute', group: 1, session: 1, sequence: 1, floor: 1 } as const;
    const body = {
      type: 'group',
      forward: false,
      request: { ...request, command: { type: 'put', key, value } },
    } as const;
    expect(decodeRequests(encodeRequests([{ id: 1, body }]))).toHaveLength(1);
  });
});

describe('replies', () => {
  it('of every kind survive a frame', () => {
    const kinds = new Kinds();
    const property = fc.property(replies, (sent) => {
      kinds.note(sent);
      expect(decodeReplies(encodeReplies(sent))).toEqual(sent);
    });
    fc.assert(property, fixed);
    expect(kinds.seen).toEqual(
      new Set(
        'session result value refused layout status checked-in written mismatch deleted added failed forming member spare elsewhere rejected'.split(
          ' ',
        ),
      ),
    );
  });

  it('that are not a group’s are not taken for one', () => {
    const [frame] = [encodeReplies([{ id: 0, body: { type: 'status', json: '{}' } }])];
    expect(() => decodeAll(frame.subarray(2), readGroupReply)).toThrow('status is not a group');
  });
});

/** A frame is a list, so a cut at the end of a message is a shorter frame; any other is none. */
function truncationsOf<T>(whole: readonly T[], frame: Uint8Array, decode: (bytes: Uint8Array) => T[]): void {
  for (let length = 0; length < frame.length; length += 1) {
    let decoded: T[] | undefined;
    if (!survives((bytes) => (decoded = decode(bytes)), frame.subarray(0, length))) continue;
    expect(decoded).toEqual(whole.slice(0, decoded?.length ?? 0));
    expect(decoded?.length).toBeLessThan(whole.length);
  }
}

describe('damaged frames', () => {
  const some = { ...fixed, numRuns: 60 };

  it('that were cut give a prefix of their messages or a DecodeError', () => {
    fc.assert(
      fc.property(requests, (sent) => truncationsOf<Request>(sent, encodeRequests(sent), decodeRequests)),
      some,
    );
    fc.assert(
      fc.property(replies, (sent) => truncationsOf<Reply>(sent, encodeReplies(sent), decodeReplies)),
      some,
    );
  });

  fuzz('throw nothing but DecodeError: 200,000 random and 100,000 mutated ones', 2, (noise, decodes) => {
    let decoded = 0;
    for (let times = 0; times < 100_000; times += 1) {
      decoded += Number(decodes(decodeRequests, noise.bytes(1 + noise.below(40))));
      decoded += Number(decodes(decodeReplies, noise.bytes(1 + noise.below(40))));
    }
    expect(decoded).toBeGreaterThan(200);
    const sentRequests = fc.sample(requests, { seed: noise.next(), numRuns: 100 }).map(encodeRequests);
    const sentReplies = fc.sample(replies, { seed: noise.next(), numRuns: 100 }).map(encodeReplies);
    for (let times = 0; times < 500; times += 1) {
      for (const frame of sentRequests) decodes(decodeRequests, noise.mutate(frame));
      for (const frame of sentReplies) decodes(decodeReplies, noise.mutate(frame));
    }
  });
});

describe('single values', () => {
  const cases = [
    ['command', command, writeCommand, readCommand],
    ['result', commandResult, writeCommandResult, readCommandResult],
    ['group request', groupRequest, writeGroupRequest, readGroupRequest],
    ['group reply', groupReply, writeGroupReply, readGroupReply],
    ['layout', layout, writeLayout, readLayout],
  ] as const;

  it.each(cases)('a %s survives, and no truncation of it does', (_name, arbitrary, write, read) => {
    const property = fc.property(arbitrary as fc.Arbitrary<never>, (value) => {
      const writer = new Writer();
      write(writer, value);
      const encoded = writer.finish();
      expect(decodeAll<unknown>(encoded, read)).toEqual(value);
      for (let length = 0; length < encoded.length; length += 1) {
        expect(survives((bytes) => decodeAll<unknown>(bytes, read), encoded.subarray(0, length))).toBe(false);
      }
    });
    fc.assert(property, { ...fixed, numRuns: 150 });
  });

  it.each(cases)('a %s of an unknown kind is refused', (name, _arbitrary, _write, read) => {
    if (name === 'layout') return;
    expect(() => decodeAll<unknown>(Uint8Array.of(99, 0, 0, 0), read)).toThrow('unknown kind 99');
  });

  it('a layout with more nodes than there can be is refused', () => {
    const node = { address: { host: 'h', port: 1 }, instance: 'i' };
    const nodes = Array.from({ length: NODES_MAX + 1 }, (_, id) => ({ id, ...node }));
    const writer = new Writer();
    writeLayout(writer, { clusterId: 'c', epoch: 1, routing: 'tag', nodes, groups: [] });
    expect(() => decodeAll(writer.finish(), readLayout)).toThrow(`number over its limit of ${NODES_MAX}`);
  });
});
