/** From key to group: uniform for every kind of key, and the same for everyone. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Layout } from '../src/index.ts';
import { encodeUtf8, groupOfHash, groupOfKey, murmur3 } from '../src/index.ts';
import { fixed } from './arbitraries.ts';
import { Noise } from './fuzz.ts';

/** Above this a uniform distribution comes once in about 2,000 tries (Wilson and Hilferty's approximation). */
function chiSquareMax(degrees: number): number {
  const spread = 2 / (9 * degrees);
  return degrees * (1 - spread + 3.29 * Math.sqrt(spread)) ** 3;
}

function chiSquare(hashes: readonly number[], partitions: number): number {
  const counts = new Array<number>(partitions).fill(0);
  for (const hash of hashes) {
    const place = groupOfHash(hash, partitions) - 1;
    counts[place] = (counts[place] ?? NaN) + 1;
  }
  const expected = hashes.length / partitions;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

function randomKeys(): Uint8Array[] {
  const noise = new Noise(7);
  return Array.from({ length: 50_000 }, () => Uint8Array.from({ length: 8 }, () => noise.next() & 0xff));
}

const sequential = (format: (i: number) => string): Uint8Array[] =>
  Array.from({ length: 50_000 }, (_, i) => encodeUtf8(format(i)));

const manyKeys = {
  sequential: sequential((i) => String(i)),
  'sequential with a prefix': sequential((i) => `user:${i}`),
  'sequential with a suffix': sequential((i) => `${i}/profile`),
  padded: sequential((i) => String(i).padStart(16, '0')),
  'sequential binary': Array.from({ length: 50_000 }, (_, i) => Uint8Array.of(0, 0, i >> 16, i >> 8, i)),
  'growing runs of one letter': Array.from({ length: 1000 }, (_, i) => encodeUtf8('x'.repeat(i + 1))),
  random: randomKeys(),
};

describe('groups of keys are uniform', () => {
  for (const [name, keys] of Object.entries(manyKeys)) {
    const hashes = keys.map((key) => murmur3(key));
    it.each([2, 3, 7, 16, 64, 100, 256, 1024].filter((partitions) => keys.length / partitions >= 10))(
      `${name} keys over %i partitions`,
      (partitions) => {
        expect(chiSquare(hashes, partitions)).toBeLessThan(chiSquareMax(partitions - 1));
      },
    );
  }

  const letters = [...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'].map((letter) =>
    murmur3(encodeUtf8(letter)),
  );
  const bytes = Array.from({ length: 256 }, (_, i) => murmur3(Uint8Array.of(i)));
  it.each([2, 3, 4, 8, 10])('single-letter keys over %i partitions', (partitions) => {
    expect(chiSquare(letters, partitions)).toBeLessThan(chiSquareMax(partitions - 1));
  });
  it.each([2, 3, 8, 16, 25, 50])('single-byte keys over %i partitions', (partitions) => {
    expect(chiSquare(bytes, partitions)).toBeLessThan(chiSquareMax(partitions - 1));
  });
});

describe('the group of a key', () => {
  it('is one of the partitions, never the metadata group', () => {
    const hash = fc.oneof(fc.nat(2 ** 32 - 1), fc.constantFrom(0, 2 ** 32 - 1, 2 ** 31));
    const property = fc.property(hash, fc.integer({ min: 1, max: 1024 }), (value, partitions) => {
      const group = groupOfHash(value, partitions);
      return Number.isInteger(group) && group >= 1 && group <= partitions;
    });
    fc.assert(property, { ...fixed, numRuns: 2000 });
    expect([groupOfHash(0, 1024), groupOfHash(2 ** 32 - 1, 1024)]).toEqual([1, 1024]);
  });

  it.each([
    ['', 1, 1, 1],
    ['a', 4, 2, 241],
    ['b', 10, 5, 600],
    ['user:1', 13, 6, 815],
    ['user:2', 15, 7, 929],
    ['ключ', 10, 5, 618],
    ['0000000000000042', 9, 4, 567],
  ])('%j: golden', (key, of16, of7, of1024) => {
    const layout = (partitions: number): Layout => ({
      clusterId: 'c',
      epoch: 1,
      routing: 'tag',
      nodes: [],
      groups: Array.from({ length: partitions + 1 }, (_, id) => ({ id, members: [], protocol: 'p' })),
    });
    const bytes = encodeUtf8(key);
    expect([16, 7, 1024].map((partitions) => groupOfKey(layout(partitions), bytes))).toEqual([of16, of7, of1024]);
  });
});
