/**
 * Values that stand somewhere else: @FILE, and "-" for standard input.
 */
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { KvorumError, defaultLimits } from '@kvorum/common';
import type { Word } from './words.ts';
import { UsageError } from './words.ts';

/** How files and standard input are read for a command. */
export class ValueSource {
  readonly #input: Readable | undefined;
  #inputTaken = false;

  /** `input` is what "-" reads; undefined where standard input carries the commands. */
  constructor(input?: Readable) {
    this.#input = input;
  }

  async read(word: Word): Promise<Uint8Array> {
    if (word.literal) return word.bytes;
    if (word.text === '-') return this.#readInput();
    if (word.text.startsWith('@') && word.text.length > 1) return readFile(word.text.slice(1));
    return word.bytes;
  }

  async #readInput(): Promise<Uint8Array> {
    if (this.#input === undefined) {
      throw new UsageError(
        '"-" reads standard input, which the commands come from here; use @FILE, or "\\x2d" for a dash',
      );
    }
    if (this.#inputTaken) throw new UsageError('"-" can stand for one value only');
    this.#inputTaken = true;
    return collect(this.#input, 'standard input');
  }
}

async function readFile(path: string): Promise<Uint8Array> {
  try {
    const file = await open(path);
    // The stream closes the file.
    return await collect(file.createReadStream(), path);
  } catch (error) {
    if (error instanceof KvorumError) throw error;
    throw new UsageError(
      `cannot read ${path}: ${reason(error as NodeJS.ErrnoException)} (a value that begins with "@" goes after "--")`,
    );
  }
}

function reason(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return 'there is no such file';
  if (error.code === 'EISDIR') return 'it is a directory';
  if (error.code === 'EACCES') return 'it may not be read';
  return error.message;
}

async function collect(stream: Readable, what: string): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer | string>) {
    const buffer = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    bytes += buffer.length;
    // Counted on, for the message; not kept.
    if (bytes <= defaultLimits.valueBytesMax) chunks.push(buffer);
  }
  if (bytes <= defaultLimits.valueBytesMax) return new Uint8Array(Buffer.concat(chunks));
  throw new KvorumError(
    'too-large',
    `${what} has ${bytes} bytes; the limit of a value is ${defaultLimits.valueBytesMax} bytes`,
  );
}
