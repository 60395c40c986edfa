import { withFlippedBit, asNewerFormat } from '@kvorum/testing';
import { describe, expect, it } from 'vitest';
import { CorruptRecord, seal, UnknownFormat } from '../../../../src/core/index.ts';
import { decodeKeyRecord, encodeKeyRecord } from '../../../../src/core/state/key-value/key-record.ts';
import { b } from '../../values.ts';

describe('the record of a key', () => {
  it.each([
    { version: 1, value: b('') },
    { version: 2 ** 40, value: b('v') },
    { version: 3, value: b('v'), deadlineMs: 12_345_678 },
    { version: 3, value: b('v'), lease: 77 },
    { version: 3, value: b('v'), deadlineMs: 0, lease: 0 },
  ])('is read as it was written: %o', (record) => {
    expect(decodeKeyRecord(encodeKeyRecord(record))).toEqual(record);
  });

  it('costs nothing for what it does not have', () => {
    expect(encodeKeyRecord({ version: 1, value: b('v') })).toHaveLength(4 + 1 + 1 + 1 + 1);
  });

  it('with a flag that this version does not know is damage, never a value', () => {
    for (const flags of [4, 8, 0x80, 0xff]) {
      const record = seal(1, (writer) => writer.u8(flags).uint(1).raw(b('v')));
      expect(() => decodeKeyRecord(record)).toThrow(CorruptRecord);
      expect(() => decodeKeyRecord(record)).toThrow(`a value is damaged: unknown flags ${flags}`);
    }
  });

  it('that ends before what its flags say is damage', () => {
    const record = seal(1, (writer) => writer.u8(3).uint(1).uint(2));
    expect(() => decodeKeyRecord(record)).toThrow(CorruptRecord);
  });

  it('that is damaged is not served, and one of a newer format refused', () => {
    const record = encodeKeyRecord({ version: 1, value: b('v') });
    expect(() => decodeKeyRecord(withFlippedBit(record))).toThrow(CorruptRecord);
    expect(() => decodeKeyRecord(asNewerFormat(record))).toThrow(UnknownFormat);
    expect(() => decodeKeyRecord(asNewerFormat(record))).toThrow('format 2; this version of Kvorum reads format 1');
  });
});
