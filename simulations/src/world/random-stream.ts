/**
 * Seeded randomness. Each purpose has a stream of its own, so that one more draw for the network does not shift the faults.
 */
import type { Random } from '@kvorum/common';
import { encodeUtf8, murmur3 } from '@kvorum/common';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

export class RandomStream implements Random {
  readonly #generator;

  constructor(seed: number, purpose: string) {
    this.#generator = xoroshiro128plus(murmur3(encodeUtf8(purpose), seed));
  }

  nextUint32(): number {
    return this.#generator.next() >>> 0;
  }

  /** A uniform integer of [from, to]. */
  int(from: number, to: number): number {
    return uniformInt(this.#generator, from, to);
  }

  /** True with the given probability. */
  chance(probability: number): boolean {
    return this.nextUint32() < probability * 2 ** 32;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.int(0, items.length - 1)];
    if (item === undefined) throw new RangeError('nothing to pick from');
    return item;
  }

  shuffle<T>(items: readonly T[]): T[] {
    const result = [...items];
    for (let i = result.length - 1; i > 0; i -= 1) {
      const j = this.int(0, i);
      [result[i], result[j]] = [result[j] as T, result[i] as T];
    }
    return result;
  }
}
