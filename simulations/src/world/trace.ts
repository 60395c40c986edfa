/**
 * The trace of a run: a running hash over everything that happened, so that two runs can be compared, and the last lines
 * of it for people.
 */
import { murmur3 } from '@kvorum/common';

const LINES_MAX = 400;

export class Trace {
  #hash = 0;
  #events = 0;
  #bytes = 0;
  readonly #lines: string[] = [];

  get hash(): string {
    return this.#hash.toString(16).padStart(8, '0');
  }

  get events(): number {
    return this.#events;
  }

  /** Of the messages that were delivered. */
  get bytes(): number {
    return this.#bytes;
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  /** Something was delivered from one process to another. */
  delivered(atUs: number, from: number, to: number, frame: Uint8Array): void {
    this.#bytes += frame.length;
    this.#mix(atUs, from * 65536 + to, murmur3(frame));
  }

  /** Anything else that is worth a line. */
  note(atUs: number, line: string): void {
    let sum = 0;
    for (let i = 0; i < line.length; i += 1) sum = (Math.imul(sum, 31) + line.charCodeAt(i)) | 0;
    this.#mix(atUs, sum, line.length);
    if (this.#lines.length >= LINES_MAX) this.#lines.splice(0, LINES_MAX / 4);
    this.#lines.push(`${(atUs / 1e6).toFixed(6)} ${line}`);
  }

  #mix(a: number, b: number, c: number): void {
    this.#events += 1;
    for (const value of [a, a / 2 ** 32, b, c]) {
      this.#hash = Math.imul(this.#hash ^ (value | 0), 0x85ebca6b);
      this.#hash = ((this.#hash << 13) | (this.#hash >>> 19)) >>> 0;
    }
  }
}
