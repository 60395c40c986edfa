/**
 * The two ways out: data on one stream, everything else on the other.
 *
 * Invariant: a reader that goes away (`| head -1`) is no error; from then on nothing is written and `broken` is aborted.
 */
import type { Writable } from 'node:stream';
import type { Environment, Paint } from './style.ts';
import { painter } from './style.ts';

const LINE_FEED = 0x0a;

export class Output {
  readonly data: Writable;
  readonly notices: Writable;
  readonly env: Environment;
  readonly paintData: Paint;
  readonly paintNotice: Paint;
  /** An error of the data stream other than its reader going away. */
  failure: Error | undefined;
  #inLine = false;
  readonly #broken = new AbortController();

  constructor(data: Writable, notices: Writable, env: Environment) {
    this.data = data;
    this.notices = notices;
    this.env = env;
    this.paintData = painter(data, env);
    this.paintNotice = painter(notices, env);
    data.on('error', this.#onError);
    notices.on('error', ignore);
  }

  /** Aborted when nobody reads the data any more. */
  get broken(): AbortSignal {
    return this.#broken.signal;
  }

  writeData(chunk: string | Uint8Array): void {
    if (this.broken.aborted) return;
    this.data.write(chunk);
    if (chunk.length > 0) this.#inLine = chunk.at(-1) !== LINE_FEED && chunk.at(-1) !== '\n';
  }

  printLine(line: string): void {
    this.writeData(`${line}\n`);
  }

  /** Data may end anywhere; a prompt would be written over the rest of its last line. */
  endLine(): void {
    if (this.#inLine) this.printLine('');
  }

  notice(line: string): void {
    if (!this.notices.destroyed) this.notices.write(`${line}\n`);
  }

  /** Waits until the data stream takes more. */
  async drained(): Promise<void> {
    if (!this.data.writableNeedDrain || this.broken.aborted) return;
    await new Promise<void>((resolve) => {
      this.data.once('drain', resolve);
      this.broken.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  /** Leaves the streams as they were found, once what was written is out. */
  async release(): Promise<void> {
    await this.drained();
    await Promise.all([flushed(this.data, this.broken), flushed(this.notices, this.broken)]);
    this.data.off('error', this.#onError);
    this.data.on('error', ignore);
  }

  readonly #onError = (error: NodeJS.ErrnoException): void => {
    if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_DESTROYED') this.failure ??= error;
    this.#broken.abort();
  };
}

/** An empty write calls back when everything before it is out. */
function flushed(stream: Writable, broken: AbortSignal): Promise<void> {
  if (stream.destroyed || stream.writableEnded || stream.writableLength === 0 || broken.aborted)
    return Promise.resolve();
  return new Promise((resolve) => {
    stream.write('', () => resolve());
    broken.addEventListener('abort', () => resolve(), { once: true });
  });
}

function ignore(): void {}
