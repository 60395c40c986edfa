/**
 * Who gets what is typed: the line editor, or for a while a question or the search. One reader of the real input for the
 * whole session, so nothing that was typed ahead is lost when they change, and none of them fights over raw mode.
 */
import type { Readable } from 'node:stream';
import { PassThrough } from 'node:stream';

/** Decides over a chunk before the line editor sees it; returns how many of its bytes the editor gets. */
export type Intercept = (chunk: Buffer) => number;

export interface Diversion {
  onData(chunk: Buffer): void;
  onEnd(): void;
}

interface RawInput extends Readable {
  setRawMode?(raw: boolean): unknown;
  readonly isRaw?: boolean;
}

export class TerminalInput {
  /** What the line editor reads. */
  readonly editor = new PassThrough();
  readonly #input: RawInput;
  #diversion: Diversion | undefined;
  #intercept: Intercept = (chunk) => chunk.length;
  #ended = false;
  /** What a diversion left over, for whoever reads next. */
  #unread: Buffer[] = [];

  constructor(input: Readable) {
    this.#input = input;
    this.#input.setRawMode?.(true);
    input.on('data', this.#onData);
    input.on('end', this.#onEnd);
    input.on('error', this.#onEnd);
    input.resume();
  }

  get ended(): boolean {
    return this.#ended;
  }

  setIntercept(intercept: Intercept): void {
    this.#intercept = intercept;
  }

  /** Until the returned function is called, the diversion gets everything. */
  divert(diversion: Diversion): () => void {
    this.#diversion = diversion;
    if (this.#ended) diversion.onEnd();
    this.#reread();
    return () => {
      if (this.#diversion === diversion) this.#diversion = undefined;
    };
  }

  /** Goes to the next diversion if it begins in this turn of the event loop, else to the line editor. */
  unread(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#unread.push(chunk);
    setImmediate(() => this.#reread());
  }

  #reread(): void {
    const chunks = this.#unread;
    this.#unread = [];
    for (const chunk of chunks) this.#onData(chunk);
  }

  /** As if it had been typed. */
  feed(chunk: Buffer): void {
    this.#onData(chunk);
  }

  release(): void {
    this.#input.off('data', this.#onData);
    this.#input.off('end', this.#onEnd);
    this.#input.off('error', this.#onEnd);
    this.#input.setRawMode?.(false);
    this.#input.pause();
  }

  readonly #onData = (data: Buffer | string): void => {
    const chunk = typeof data === 'string' ? Buffer.from(data) : data;
    if (chunk.length === 0) return;
    if (this.#diversion !== undefined) {
      this.#diversion.onData(chunk);
      return;
    }
    const count = this.#intercept(chunk);
    if (count > 0) this.editor.write(chunk.subarray(0, count));
  };

  readonly #onEnd = (): void => {
    if (this.#ended) return;
    this.#ended = true;
    this.#diversion?.onEnd();
    this.editor.end();
  };
}
