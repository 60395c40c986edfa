/** The encoding of messages: what is written is read back; whatever else comes in only ever throws a DecodeError. */
import { decodeAll, DecodeError, Writer } from '@kvorum/common';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Ballot } from '../src/sequence-paxos/ballot.ts';
import { BALLOT_NUMBER_MAX } from '../src/sequence-paxos/ballot.ts';
import type { Entry } from '../src/entry.ts';
import type { Message } from '../src/sequence-paxos/messages.ts';
import { readMessage, writeMessage } from '../src/sequence-paxos/messages.ts';
import { Random } from './random.ts';

const uint = fc.oneof(fc.nat(300), fc.maxSafeNat(), fc.constant(Number.MAX_SAFE_INTEGER));
const ballotNumber = fc.oneof(
  fc.nat(300),
  fc.maxSafeNat().map((n) => n % BALLOT_NUMBER_MAX),
  fc.constant(BALLOT_NUMBER_MAX),
);
const ballot: fc.Arbitrary<Ballot> = fc.record({ number: ballotNumber, priority: uint, node: uint });
const entries: fc.Arbitrary<Entry[]> = fc.array(
  fc.record({ kind: fc.constantFrom('command', 'stop-sign'), payload: fc.uint8Array({ maxLength: 200 }) }),
  { maxLength: 8 },
);

/** One arbitrary for each kind: a new kind without one does not compile. */
const kinds: { readonly [T in Message['type']]: fc.Arbitrary<Omit<Extract<Message, { type: T }>, 'type'>> } = {
  prepare: fc.record({ ballot, acceptedBallot: ballot, logLength: uint, suffixFrom: uint }),
  promise: fc.record({
    ...{ ballot, acceptedBallot: ballot, logLength: uint, decidedIndex: uint, suffixFrom: uint, suffix: entries },
  }),
  'prepare-request': fc.constant({}),
  'accept-sync': fc.record({ ballot, from: uint, to: uint, at: uint, entries, decidedIndex: uint }),
  accept: fc.record({ ballot, from: uint, entries, decidedIndex: uint }),
  accepted: fc.record({ ballot, acceptedIndex: uint }),
  decide: fc.record({ ballot, decidedIndex: uint }),
  'snapshot-offer': fc.record({ ballot, index: uint }),
  'read-check': fc.record({ ballot, round: uint }),
  'read-checked': fc.record({ ballot, round: uint }),
};

const types = Object.keys(kinds) as Message['type'][];

function messageOf(type: Message['type']): fc.Arbitrary<Message> {
  return kinds[type].map((fields) => ({ type, ...fields }) as Message);
}

function encode(message: Message): Uint8Array {
  const writer = new Writer();
  writeMessage(writer, message);
  return writer.finish();
}

/** Undefined if the bytes are refused as they should be; another error passes through. */
function decode(bytes: Uint8Array): Message | undefined {
  try {
    return decodeAll(bytes, readMessage);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

describe('messages', () => {
  for (const type of types) {
    it(`${type} round-trips, and no prefix of it is a message`, () => {
      fc.assert(
        fc.property(messageOf(type), (message) => {
          const bytes = encode(message);
          expect(decode(bytes)).toEqual(message);
          for (let length = 0; length < bytes.length; length += 1) {
            if (decode(bytes.subarray(0, length)) !== undefined) throw new Error(`the first ${length} bytes decode`);
          }
        }),
        { seed: 2026, numRuns: 100 },
      );
    });
  }

  it('the payloads are copies: they do not change with the frame', () => {
    const entry = { kind: 'command', payload: Uint8Array.of(1, 2, 3) } as const;
    const at = { number: 1, priority: 0, node: 1 };
    const bytes = encode({ type: 'accept', ballot: at, from: 0, entries: [entry], decidedIndex: 0 });
    const message = decode(bytes);
    bytes.fill(0xff);
    expect(message).toMatchObject({ entries: [entry] });
  });

  it('a count beyond the frame is refused before memory is reserved for it', () => {
    const head = new Writer().u8(types.indexOf('accept')).uint(1).uint(1).uint(1).uint(0).uint(0);
    expect(decode(head.uint(8_000_000).raw(new Uint8Array(10)).finish())).toBeUndefined();
  });

  it('300,000 random and damaged frames only ever throw a DecodeError', () => {
    const random = new Random(20_260_101);
    const samples = types.flatMap((type) => fc.sample(messageOf(type), { seed: 7, numRuns: 20 })).map(encode);
    let refused = 0;
    for (let i = 0; i < 300_000; i += 1) {
      const sample = random.pick(samples);
      refused += decode(damage(random, sample, i % 3)) === undefined ? 1 : 0;
    }
    expect(refused).toBeGreaterThan(150_000);
  });
});

/** Random bytes behind a valid kind, a message with some bytes changed, or a message that is cut and continued. */
function damage(random: Random, sample: Uint8Array, how: number): Uint8Array {
  if (how === 0) {
    const bytes = random.bytes(random.below(48));
    if (bytes.length > 0 && random.chance(0.8)) bytes[0] = random.below(types.length);
    return bytes;
  }
  if (how === 1) {
    const bytes = sample.slice();
    for (let i = 0; i <= random.below(4); i += 1) bytes[random.below(bytes.length)] = random.below(256);
    return bytes;
  }
  const cut = random.below(sample.length + 1);
  return Uint8Array.from([...sample.subarray(0, cut), ...random.bytes(random.below(6))]);
}
