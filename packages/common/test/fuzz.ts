/** Bytes that nobody meant: random ones, and real frames with damage. */
import { DecodeError } from '../src/index.ts';

/** xorshift32: cheap, and the same on every run. */
export class Noise {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 1;
  }

  next(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return x >>> 0;
  }

  below(limit: number): number {
    return this.next() % limit;
  }

  /** Small values are frequent: they are the ones that are kinds, counts and lengths. */
  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i += 1) bytes[i] = this.next() & 0x100 ? this.below(12) : this.next() & 0xff;
    return bytes;
  }

  /** One to three bytes changed, removed or added. */
  mutate(frame: Uint8Array): Uint8Array {
    let result = frame;
    for (let times = 1 + this.below(3); times > 0; times -= 1) {
      const at = this.below(result.length + 1);
      const kind = this.below(3);
      const inserted = kind === 1 ? 0 : 1;
      const rest = result.subarray(kind === 2 ? at : at + 1);
      const next = new Uint8Array(at + inserted + rest.length);
      next.set(result.subarray(0, at));
      if (inserted > 0) next[at] = this.next();
      next.set(rest, at + inserted);
      result = next;
    }
    return result;
  }
}

/** Decodes, and lets nothing but a DecodeError pass; whether it decoded. */
export function survives(decode: (bytes: Uint8Array) => unknown, bytes: Uint8Array): boolean {
  try {
    decode(bytes);
    return true;
  } catch (error) {
    if (error instanceof DecodeError) return false;
    throw new Error(`not a DecodeError for ${Buffer.from(bytes).toString('hex')}`, { cause: error });
  }
}
