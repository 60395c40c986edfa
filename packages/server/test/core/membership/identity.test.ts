import { asNewerFormat, countingRandom, MemoryNodeRecords, withFlippedBit } from '@kvorum/testing';
import { describe, expect, it } from 'vitest';
import { CorruptRecord, UnknownFormat } from '../../../src/core/index.ts';
import {
  encodeIdentity,
  encodeLayoutRecord,
  encodeRoster,
  randomId,
  readIdentity,
  readRoster,
  readStoredLayout,
} from '../../../src/core/membership/identity.ts';
import { INCARNATION_MAX } from '../../../src/core/peer-protocol.ts';
import { layoutOf } from '../values.ts';

const identity = { instance: '0123456789abcdef', clusterId: 'c', node: 3, incarnation: 9 };
const roster = [{ id: 1, instance: 'a', address: { host: 'h', port: 1 } }];

describe.each([
  {
    what: 'the identity record',
    name: 'identity',
    value: identity,
    record: encodeIdentity(identity),
    read: readIdentity,
  },
  {
    what: 'the layout record',
    name: 'layout',
    value: layoutOf(2),
    record: encodeLayoutRecord(layoutOf(2)),
    read: readStoredLayout,
  },
  { what: 'the roster record', name: 'roster', value: roster, record: encodeRoster(roster), read: readRoster },
])('$what', ({ what, name, value, record, read }) => {
  const reading = (stored: Uint8Array) => () => {
    const records = new MemoryNodeRecords();
    records.records.set(name, stored);
    return read(records);
  };

  it('is read as it was written; there is none at first', () => {
    expect(read(new MemoryNodeRecords())).toBeUndefined();
    expect(reading(record)()).toEqual(value);
  });

  it('is not taken when it is damaged', () => {
    expect(reading(withFlippedBit(record))).toThrow(CorruptRecord);
    expect(reading(withFlippedBit(record))).toThrow(`${what} is damaged`);
  });

  it('is not taken when it is of a newer format', () => {
    expect(reading(asNewerFormat(record))).toThrow(UnknownFormat);
    expect(reading(asNewerFormat(record))).toThrow(`${what} has format 2; this version of Kvorum reads format 1`);
  });
});

it('an identity with an incarnation that no node reaches is not written: it could not be read', () => {
  expect(() => encodeIdentity({ ...identity, incarnation: INCARNATION_MAX + 1 })).toThrow(RangeError);
});

it('random ids have 16 digits and differ', () => {
  const random = countingRandom();
  const ids = Array.from({ length: 100 }, () => randomId(random));
  expect(ids.every((id) => /^[0-9a-f]{16}$/.test(id))).toBe(true);
  expect(new Set(ids).size).toBe(100);
});
