/**
 * Seeded randomness. Each purpose has a stream of its own, so that one more draw for the network does not shift the faults.
 */
import type { Random } from '@kvorum/common';
import { encodeUtf8, murmur3 } from '@kvorum/common';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

export class RandomStream implements Random {
  readonly purpose: string;
  #generator: RandomGenerator;

  constructor(seed: number, purpose: string) {
    this.purpose = purpose;
    this.#generator = generatorOf(seed, purpose);
  }

  /** Goes on as the stream of that seed begins. */
  reseed(seed: number): void {
    this.#generator = generatorOf(seed, this.purpose);
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

function generatorOf(seed: number, purpose: string): RandomGenerator {
  return xoroshiro128plus(murmur3(encodeUtf8(purpose), seed));
}

/** Which streams: those of the faults, those of everything but the faults and the load, or all. */
export const randomParts = ['faults', 'timing', 'all'] as const;
export type RandomPart = (typeof randomParts)[number];

/** Where a run parts from that of its seed. */
export interface Branch {
  readonly atMs: number;
  readonly seed: number;
  readonly part: RandomPart;
}

/** All streams of a world: runs of one seed may part at a time, in one part of what is random or in all of it. */
export class RandomSource {
  readonly #streams: RandomStream[] = [];
  readonly #seeds: Record<Exclude<RandomPart, 'all'> | 'load', number>;

  constructor(seed: number) {
    this.#seeds = { faults: seed, timing: seed, load: seed };
  }

  stream(purpose: string): RandomStream {
    const stream = new RandomStream(this.#seeds[partOf(purpose)], purpose);
    this.#streams.push(stream);
    return stream;
  }

  /** From now on that part goes on as with another seed. */
  branch(seed: number, part: RandomPart): void {
    for (const name of ['faults', 'timing', 'load'] as const)
      if (part === 'all' || part === name) this.#seeds[name] = seed;
    for (const stream of this.#streams) {
      if (part === 'all' || part === partOf(stream.purpose)) stream.reseed(seed);
    }
  }
}

function partOf(purpose: string): Exclude<RandomPart, 'all'> | 'load' {
  if (purpose === 'faults' || purpose.startsWith('bit ')) return 'faults';
  return purpose === 'workload' ? 'load' : 'timing';
}
