import { describe, expect, it } from 'vitest';
import { FailedConfigurations } from '../../src/checkers/failed-configurations.ts';

const VALUE_FACTOR = 0x85ebca6b;
const state = { value: 3, version: 7, exact: true };
const nothingUsed = { usedOf: () => 0 };

/** Hashes are chosen so that all of these collide: the hash of the set is mixed with the value by exclusive or. */
const set = (first: number, words: readonly number[], value = state.value) => ({
  hash: Math.imul(value + 1, VALUE_FACTOR),
  first,
  window: () => Uint32Array.from(words),
});

describe('configurations with equal hashes', () => {
  it.each([
    ['another set', set(0, [5]), state],
    ['another set further on', set(0, [4, 1]), state],
    ['a set from another operation on', set(32, [4]), state],
    ['another value', set(0, [4], 4), { ...state, value: 4 }],
    ['a version that differs in its high bits', set(0, [4]), { ...state, version: 7 + 2 ** 33 }],
  ])('are told apart: %s', (_, pending, other) => {
    const failed = new FailedConfigurations();
    failed.add(set(0, [4]), 1, state, nothingUsed, []);
    expect(failed.find(set(0, [4]), 1, state, nothingUsed)).toEqual([]);
    expect(failed.find(pending, 1, other, nothingUsed)).toBeUndefined();
  });
});

describe('a failure that missed indeterminate writes', () => {
  const failed = new FailedConfigurations();
  failed.add(set(0, [1]), 1, state, { usedOf: (write) => (write === 8 ? 2 : 0) }, [8]);

  it('holds where at least as many of them are used', () => {
    expect(failed.find(set(0, [1]), 1, state, { usedOf: () => 2 })).toEqual([8]);
    expect(failed.find(set(0, [1]), 1, state, { usedOf: () => 3 })).toEqual([8]);
    expect(failed.find(set(0, [1]), 1, state, { usedOf: (write) => (write === 8 ? 1 : 5) })).toBeUndefined();
  });

  it('gives way to one that missed nothing', () => {
    failed.add(set(0, [1]), 1, state, nothingUsed, []);
    expect(failed.find(set(0, [1]), 1, state, nothingUsed)).toEqual([]);
  });
});

describe('many failures', () => {
  it('are all kept, apart from further conditions of one configuration', () => {
    const failed = new FailedConfigurations();
    const configurations = Array.from({ length: 5_000 }, (_, at) => ({ ...set(at, [at, 1]), hash: at % 100 }));
    for (const pending of configurations) failed.add(pending, 1, state, nothingUsed, []);
    for (const pending of configurations) expect(failed.find(pending, 1, state, nothingUsed)).toEqual([]);
    expect(failed.find({ ...set(1, [2, 1]), hash: 1 }, 1, state, nothingUsed)).toBeUndefined();
  });
});
