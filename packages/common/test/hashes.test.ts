/** Published test vectors: the hashes are a contract of the wire and of the disk. */
import zlib from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc32, encodeUtf8, murmur3 } from '../src/index.ts';
import { fixed } from './arbitraries.ts';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));

describe('murmur3 (MurmurHash3_x86_32)', () => {
  it('has the verification value of SMHasher', () => {
    const hashes = new DataView(new ArrayBuffer(1024));
    for (let length = 0; length < 256; length += 1) {
      const key = Uint8Array.from({ length }, (_, i) => i);
      hashes.setUint32(4 * length, murmur3(key, 256 - length), true);
    }
    expect(murmur3(new Uint8Array(hashes.buffer))).toBe(0xb0f57ee3);
  });

  it.each([
    ['', 0, 0],
    ['', 1, 0x514e28b7],
    ['', 0xffffffff, 0x81f16f39],
    ['ffffffff', 0, 0x76293b50],
    ['21436587', 0, 0xf55b516b],
    ['21436587', 0x5082edee, 0x2362f9de],
    ['214365', 0, 0x7e4a8634],
    ['2143', 0, 0xa0f7b07a],
    ['21', 0, 0x72661cf4],
    ['00000000', 0, 0x2362f9de],
    ['000000', 0, 0x85f0b427],
    ['0000', 0, 0x30f4c306],
    ['00', 0, 0x514e28b7],
  ])('of %j with seed %i', (key, seed, hash) => {
    expect(murmur3(hex(key), seed)).toBe(hash);
  });

  it.each([
    ['a', 0x7fa09ea6],
    ['aa', 0x5d211726],
    ['aaa', 0x283e0130],
    ['aaaa', 0x5a97808a],
    ['ab', 0x74875592],
    ['abc', 0xc84a62dd],
    ['abcd', 0xf0478627],
    ['Hello, world!', 0x24884cba],
    ['ππππππππ', 0xd58063c1],
    ['The quick brown fox jumps over the lazy dog', 0x2fa826cd],
    ['a'.repeat(256), 0x37405bdc],
  ])('of %j with seed 0x9747b28c', (key, hash) => {
    expect(murmur3(encodeUtf8(key), 0x9747b28c)).toBe(hash);
  });

  it('reads a part of a larger buffer as if it stood alone', () => {
    const property = fc.property(fc.uint8Array({ maxLength: 30 }), fc.nat(5), (key, offset) => {
      const large = new Uint8Array(key.length + 10).fill(0xaa);
      large.set(key, offset);
      expect(murmur3(large.subarray(offset, offset + key.length))).toBe(murmur3(key));
    });
    fc.assert(property, fixed);
  });
});

describe('crc32', () => {
  it.each([
    ['', 0],
    ['a', 0xe8b7be43],
    ['123456789', 0xcbf43926],
    ['The quick brown fox jumps over the lazy dog', 0x414fa339],
  ])('of %j', (text, checksum) => {
    expect(crc32(encodeUtf8(text))).toBe(checksum);
  });

  it.each([
    ['32 zeros', '00'.repeat(32), 0x190a55ad],
    ['32 ones', 'ff'.repeat(32), 0xff6cab0b],
    ['0 to 31', Buffer.from(Uint8Array.from({ length: 32 }, (_, i) => i)).toString('hex'), 0x91267e8a],
  ])('of %s', (_name, bytes, checksum) => {
    expect(crc32(hex(bytes))).toBe(checksum);
  });

  it('agrees with zlib', () => {
    const property = fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(crc32(bytes)).toBe(zlib.crc32(bytes));
    });
    fc.assert(property, fixed);
  });
});
