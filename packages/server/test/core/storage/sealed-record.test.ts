import { asNewerFormat, Noise } from '@kvorum/testing';
import { describe, expect, it } from 'vitest';
import { checkSeal, CorruptRecord, readSealed, seal, UnknownFormat, unseal } from '../../../src/core/index.ts';
import { b, text } from '../values.ts';

const sealed = (body: string, format = 1): Uint8Array => seal(format, (writer) => writer.raw(b(body)));

describe('sealed records', () => {
  it('give back their body', () => {
    for (const body of ['', 'a', 'x'.repeat(1000)]) {
      for (const format of [1, 2, 255]) expect(text(unseal(sealed(body, format), 'it', format))).toBe(body);
    }
  });

  it('with any bit flipped, cut or longer are corrupt, their format included', () => {
    const record = sealed('a value');
    const broken: Uint8Array[] = [Uint8Array.of(...record, 0)];
    for (let length = 0; length < record.length; length += 1) broken.push(record.subarray(0, length));
    for (let bit = 0; bit < record.length * 8; bit += 1) {
      const flipped = Uint8Array.from(record);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      broken.push(flipped);
    }
    for (const each of broken) {
      expect(() => unseal(each, 'it', 1)).toThrow(CorruptRecord);
      expect(() => checkSeal(each, 'it')).toThrow(CorruptRecord);
    }
  });

  it('say what is damaged', () => {
    expect(() => unseal(Uint8Array.of(1, 2, 3, 4, 5), 'the layout record', 1)).toThrow('the layout record is damaged');
  });

  it('of a newer or an older format are refused, with both named', () => {
    for (const found of [0, 2, 255]) {
      expect(() => unseal(sealed('a', found), 'the layout record', 1)).toThrow(UnknownFormat);
      expect(() => unseal(sealed('a', found), 'the layout record', 1)).toThrow(
        `the layout record has format ${found}; this version of Kvorum reads format 1`,
      );
    }
    expect(() => readSealed(asNewerFormat(sealed('a')), 'it', 1, (reader) => reader.u8())).toThrow(UnknownFormat);
  });

  it('are whole whatever their format, as long as nobody reads them', () => {
    expect(() => checkSeal(sealed('a', 77), 'it')).not.toThrow();
  });

  it('whose checksum is right and whose body is not are corrupt', () => {
    expect(() => readSealed(sealed('ab'), 'it', 1, (reader) => reader.u8())).toThrow(CorruptRecord);
    expect(() => readSealed(sealed('ab'), 'it', 1, (reader) => reader.u8())).toThrow('it is damaged: 1 bytes after');
    expect(() => readSealed(sealed(''), 'it', 1, (reader) => reader.u8())).toThrow('it is damaged: unexpected end');
  });

  it('made of noise are corrupt', () => {
    const noise = new Noise(5);
    for (let round = 0; round < 5000; round += 1) {
      expect(() => unseal(noise.bytes(noise.below(30)), 'it', 1)).toThrow(CorruptRecord);
    }
  });
});
