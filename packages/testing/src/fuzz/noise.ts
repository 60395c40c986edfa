/**
 * Bytes that nobody meant: random ones, and real frames with damage.
 */
import { DecodeError } from '@kvorum/common';

/** sfc32: cheap, and the same on every run. */
export class Noise {
  #a = 0;
  #b: number;
  #c: number;
  #counter = 1;

  /** With another seed or round it is another stream: the counter keeps them apart for 2^32 numbers. */
  constructor(seed: number, round = 0) {
    this.#b = seed | 0;
    this.#c = round | 0;
    for (let i = 0; i < 12; i += 1) this.next();
  }

  next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
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

function thrownBy(decode: (bytes: Uint8Array) => unknown, bytes: Uint8Array): unknown {
  try {
    decode(bytes);
    return undefined;
  } catch (error) {
    return error;
  }
}

/** Decodes, and lets nothing but a DecodeError pass; whether it decoded. */
export function survives(decode: (bytes: Uint8Array) => unknown, bytes: Uint8Array): boolean {
  const { stackTraceLimit } = Error;
  // Most frames end in a DecodeError, and its stack takes longer than all the rest.
  Error.stackTraceLimit = 0;
  const error = thrownBy(decode, bytes);
  Error.stackTraceLimit = stackTraceLimit;
  if (error === undefined) return true;
  if (error instanceof DecodeError) return false;
  // Once more, with its stack.
  throw new Error(`not a DecodeError for ${Buffer.from(bytes).toString('hex')}`, { cause: thrownBy(decode, bytes) });
}
