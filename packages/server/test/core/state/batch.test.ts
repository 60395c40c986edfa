import { DecodeError } from '@kvorum/common';
import { Noise } from '@kvorum/testing';
import { describe, expect, it } from 'vitest';
import type { Batch, LoggedCommand } from '../../../src/core/index.ts';
import { assembleBatch, decodeBatch, encodeBatch, loggedBytes } from '../../../src/core/index.ts';
import { add, cas, put } from '../values.ts';

const commands: readonly LoggedCommand[] = [
  { type: 'open-session' },
  { type: 'execute', session: 7, sequence: 3, floor: 2, command: put('k', 'v') },
  { type: 'execute', session: 0, sequence: 0, floor: 0, command: cas('k', undefined, 'v') },
  { type: 'execute', session: 1, sequence: 1, floor: 1, command: add('k', -(2n ** 63n)) },
];

describe('a batch', () => {
  it('is read as it was written', () => {
    for (const batch of [
      { elapsedMs: 0, outageMs: 0, commands: [] },
      { elapsedMs: 12, outageMs: 12, commands },
      { elapsedMs: 2 ** 42, outageMs: 5, commands: commands.slice(1) },
    ]) {
      expect(decodeBatch(encodeBatch(batch))).toEqual(batch);
    }
  });

  it.each([
    ['more outage than time', { elapsedMs: 5, outageMs: 6 }],
    ['more time than any cluster lives', { elapsedMs: 2 ** 42 + 1, outageMs: 0 }],
    ['time that goes back', { elapsedMs: -1, outageMs: 0 }],
    ['a part of a millisecond', { elapsedMs: 0.5, outageMs: 0 }],
  ])('with %s is not written: it could not be read', (_what, elapsed) => {
    expect(() => assembleBatch(elapsed, 0, new Uint8Array())).toThrow(RangeError);
  });

  it('with more outage than time is not read', () => {
    expect(() => decodeBatch(Uint8Array.of(5, 6, 0))).toThrow(DecodeError);
  });

  it('of noise is nothing but a DecodeError', () => {
    const noise = new Noise(17);
    let decoded: Batch[] = [];
    for (let round = 0; round < 20_000; round += 1) {
      try {
        decoded = [...decoded, decodeBatch(noise.bytes(noise.below(12)))].slice(-3);
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
      }
    }
    expect(decoded.length).toBeGreaterThan(0);
  });

  it('weighs about what its commands do', () => {
    const large = { type: 'execute', session: 1, sequence: 1, floor: 0, command: put('k', 'x'.repeat(5000)) } as const;
    const length = encodeBatch({ elapsedMs: 0, outageMs: 0, commands: [large] }).length;
    expect(loggedBytes(large)).toBeGreaterThanOrEqual(length);
    expect(loggedBytes(large)).toBeLessThan(length + 100);
  });
});
