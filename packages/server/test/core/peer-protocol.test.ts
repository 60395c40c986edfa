import { EPOCH_MAX, PARTITIONS_MAX, Writer } from '@kvorum/common';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PeerMessage } from '../../src/core/index.ts';
import { decodePeerFrame, INCARNATION_MAX, writePeerMessage, beginReplicaMessage } from '../../src/core/index.ts';
import { bytes, groupReply, groupRequest, layout, uint } from '../../../common/test/arbitraries.ts';
import { fuzz, survives } from '../../../common/test/fuzz.ts';

const group = fc.nat(PARTITIONS_MAX);
const incarnation = fc.nat(INCARNATION_MAX);
const epoch = fc.oneof(fc.nat(300), fc.constantFrom(2 ** 31, EPOCH_MAX));
const type = <T extends string>(name: T): fc.Arbitrary<T> => fc.constant(name);
const heartbeat = fc.record({ group, body: bytes });

const message: fc.Arbitrary<PeerMessage> = fc.oneof(
  fc.record({ type: type('heartbeat-request'), round: uint }),
  fc.record({
    type: type('heartbeat-reply'),
    round: uint,
    incarnation,
    number: uint,
    epoch,
    groups: fc.array(heartbeat, { maxLength: 4 }),
  }),
  fc.record({ type: type('replica'), group, body: bytes }),
  fc.record({ type: type('forward'), id: uint, incarnation, hops: uint, request: groupRequest }),
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
    proof: bytes,
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
      }
      expect(decodePeerFrame(encode(sent))).toEqual(sent);
    });
    fc.assert(property, { seed: 20260101, numRuns: 400 });
    expect(seen.size).toBe(10);
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

  it('between replicas are what the protocol wrote, whoever wrote the frame', () => {
    const body = Uint8Array.of(1, 2, 3);
    const writer = new Writer();
    const start = beginReplicaMessage(writer, 7);
    writer.raw(body).endSized(start);
    expect(writer.finish()).toEqual(encode([{ type: 'replica', group: 7, body }]));
  });

  it.each<[what: string, write: (writer: Writer) => void]>([
    [
      'an incarnation',
      (writer) =>
        writer
          .u8(1)
          .uint(1)
          .uint(INCARNATION_MAX + 1)
          .uint(1)
          .uint(1)
          .uint(0),
    ],
    [
      'an epoch',
      (writer) =>
        writer
          .u8(1)
          .uint(1)
          .uint(1)
          .uint(1)
          .uint(EPOCH_MAX + 1)
          .uint(0),
    ],
    [
      'a group',
      (writer) =>
        writer
          .u8(2)
          .uint(PARTITIONS_MAX + 1)
          .u32(0),
    ],
    [
      'a heartbeat',
      (writer) => writer.u8(1).uint(1).uint(1).uint(1).uint(1).uint(1).uint(1).bytes(new Uint8Array(1025)),
    ],
  ])('with %s over its bound are refused', (_what, write) => {
    const writer = new Writer();
    write(writer);
    expect(survives(decodePeerFrame, writer.finish())).toBe(false);
  });

  it('do not carry status, layout or check-in answers as a group’s reply', () => {
    for (const kind of [4, 5, 6]) {
      expect(survives(decodePeerFrame, Uint8Array.of(4, 1, kind, 0, 0, 0, 0, 0, 0, 0))).toBe(false);
    }
  });
});
