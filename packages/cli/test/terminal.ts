/**
 * Streams as a session sees them, and what was written to them.
 */
import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { until } from '../../client/test/until.ts';

export class Streams {
  readonly input = new PassThrough();
  readonly output = new PassThrough();
  readonly error = new PassThrough();
  #out = '';
  #err = '';
  #read = 0;

  constructor() {
    this.output.on('data', (chunk: Buffer) => (this.#out += chunk.toString()));
    this.error.on('data', (chunk: Buffer) => (this.#err += chunk.toString()));
  }

  get out(): string {
    return this.#out;
  }

  get err(): string {
    return this.#err;
  }

  /** Everything on the terminal, without its control sequences. */
  get screen(): string {
    return stripVTControlCharacters(this.#out);
  }

  type(text: string): void {
    this.input.write(text);
  }

  /** Waits until `text` is written after what was seen before. */
  async see(text: string): Promise<void> {
    await until(
      () => this.screen.includes(text, this.#read),
      () => `"${text}" in "${this.screen.slice(this.#read)}"`,
    );
    this.#read = this.screen.indexOf(text, this.#read) + text.length;
  }

  async seeError(text: string): Promise<void> {
    await until(
      () => this.#err.includes(text),
      () => `"${text}" in "${this.#err}"`,
    );
  }
}
