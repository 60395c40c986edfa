import { limits } from '@kvorum/common';
import { Writer } from '@kvorum/common';
import type { Message } from '@kvorum/consensus';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PeerMessage } from '../../src/core/index.ts';
import { decodePeerFrame, writePeerMessage } from '../../src/core/index.ts';
import { bytes, groupReply, groupRequest, layout, uint } from '../../../common/test/arbitraries.ts';
import { fuzz, survives } from '../../../common/test/fuzz.ts';

const group = fc.nat(limits.partitionsMax);
const ballot = fc.record({ number: uint, priority: uint, node: uint });
const type = <T extends string>(name: T): fc.Arbitrary<T> => fc.constant(name);
const entries = fc.array(
  fc.record({ kind: fc.constantFrom('command' as const, 'stop-sign' as const), payload: bytes }),
  { maxLength: 3 },
);

const consensus: fc.Arbitrary<Message> = fc.oneof(
  fc.record({ type: type('prepare'), ballot, acceptedBallot: ballot, logLength: uint, suffixFrom: uint }),
  fc.record({
    type: type('promise'),
    ballot,
    acceptedBallot: ballot,
    logLength: uint,
    decidedIndex: uint,
    suffixFrom: uint,
    suffix: entries,
  }),
  fc.record({ type: type('prepare-request') }),
  fc.record({ type: type('accept-sync'), ballot, from: uint, to: uint, at: uint, entries, decidedIndex: uint }),
  fc.record({ type: type('accept'), ballot, from: uint, entries, decidedIndex: uint }),
  fc.record({ type: type('accepted'), ballot, acceptedIndex: uint }),
  fc.record({ type: type('decide'), ballot, decidedIndex: uint }),
  fc.record({ type: type('snapshot-offer'), ballot, index: uint }),
  fc.record({ type: fc.constantFrom('read-check' as const, 'read-checked' as const), ballot, round: uint }),
);

const heartbeat = fc.record({ group, ballot, leader: ballot, happy: fc.boolean(), leadingDecidedIndex: uint });

const message: fc.Arbitrary<PeerMessage> = fc.oneof(
  fc.record({ type: type('heartbeat-request'), round: uint }),
  fc.record({
    type: type('heartbeat-reply'),
    round: uint,
    starts: uint,
    number: uint,
    epoch: uint,
    groups: fc.array(heartbeat, { maxLength: 4 }),
  }),
  fc.record({ type: type('consensus'), group, message: consensus }),
  fc.record({ type: type('forward'), id: uint, starts: uint, hops: uint, request: groupRequest }),
  fc.record({ type: type('forwarded'), id: uint, reply: groupReply }),
  fc.record({ type: type('layout-request') }),
  fc.record({ type: type('layout'), layout }),
  fc.record({ type: type('snapshot-request'), group, transfer: uint, part: uint }),
  fc.record({ type: type('snapshot-lost'), group, transfer: uint }),
  fc.record({
    type: type('snapshot-part'),
    group,
    transfer: uint,
    part: uint,
    ballot,
    records: fc.array(fc.record({ key: bytes, value: bytes }), { maxLength: 4 }),
  }),
);

const messages = fc.array(message, { maxLength: 6 });

function encode(list: readonly PeerMessage[]): Uint8Array {
  const writer = new Writer();
  for (const item of list) writePeerMessage(writer, item);
  return writer.finish();
}

describe('peer messages', () => {
  it('of every kind survive a frame', () => {
    const seen = new Set<string>();
    const property = fc.property(messages, (sent) => {
      for (const item of sent) {
        seen.add(item.type);
        if (item.type === 'consensus') seen.add(item.message.type);
      }
      expect(decodePeerFrame(encode(sent))).toEqual(sent);
    });
    fc.assert(property, { seed: 20260101, numRuns: 400 });
    expect(seen.size).toBe(10 + 10);
  });

  it('that were cut give a prefix of the frame or a DecodeError', () => {
    const property = fc.property(messages, (sent) => {
      const frame = encode(sent);
      for (let length = 0; length < frame.length; length += 1) {
        let decoded: PeerMessage[] = [];
        const ok = survives((part) => (decoded = decodePeerFrame(part)), frame.subarray(0, length));
        if (ok) expect(decoded).toEqual(sent.slice(0, decoded.length));
        if (ok) expect(decoded.length).toBeLessThan(sent.length);
      }
    });
    fc.assert(property, { seed: 20260102, numRuns: 60 });
  });

  fuzz('throw nothing but DecodeError: 300,000 random frames and 100,000 mutated ones', 13, (noise, decodes) => {
    let decoded = 0;
    for (let times = 0; times < 300_000; times += 1) {
      decoded += Number(decodes(decodePeerFrame, noise.bytes(1 + noise.below(40))));
    }
    expect(decoded).toBeGreaterThan(100);
    const frames = fc.sample(messages, { seed: noise.next(), numRuns: 200 }).map(encode);
    for (let times = 0; times < 500; times += 1) {
      for (const frame of frames) decodes(decodePeerFrame, noise.mutate(frame));
    }
  });

  it('do not carry status, layout or check-in answers as a group’s reply', () => {
    for (const kind of [4, 5, 6]) {
      expect(survives(decodePeerFrame, Uint8Array.of(4, 1, kind, 0, 0, 0, 0, 0, 0, 0))).toBe(false);
    }
  });
});
