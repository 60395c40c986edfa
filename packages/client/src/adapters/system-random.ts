/**
 * The Random port on the operating system's generator, drawn in blocks because each call into it costs.
 */
import { webcrypto } from 'node:crypto';
import type { Random } from '@kvorum/common';

const BLOCK_SIZE = 64;

export class SystemRandom implements Random {
  readonly #block = new Uint32Array(BLOCK_SIZE);
  #used = BLOCK_SIZE;

  nextUint32(): number {
    if (this.#used === BLOCK_SIZE) {
      webcrypto.getRandomValues(this.#block);
      this.#used = 0;
    }
    const value = this.#block[this.#used] as number;
    this.#used += 1;
    return value;
  }
}
