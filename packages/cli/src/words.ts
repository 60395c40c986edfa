/**
 * How a command line is split into words: quotes, escapes, comments, and what the shell has already split.
 *
 * Outside quotes and in double quotes a backslash starts an escape: \xHH is a byte, \" \' \\ and (outside quotes) \; \#
 * and backslash-space are the character; in double quotes \n \r \t too. Any other backslash stands for itself. Single
 * quotes keep everything as it is. A # at the start of a command begins a comment.
 */
import { encodeUtf8 } from '@kvorum/common';

export interface Word {
  readonly bytes: Uint8Array;
  /** As text, for names of commands and flags. */
  readonly text: string;
  /** Quoted or after "--": neither a flag nor @FILE nor "-". */
  readonly literal: boolean;
}

/** A line that cannot be understood; the message says what to write instead. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The words of each command on the line; commands are separated by ";" if `separators` is set. */
export function splitCommands(line: string, separators: boolean): Word[][] {
  return new Splitter(line, separators).run();
}

/** The words of a line with one command. */
export function splitWords(line: string): Word[] {
  return splitCommands(line, false)[0] ?? [];
}

/** A word the shell has split off, or that was typed as an answer: only \xHH is special. */
export function shellWord(argument: string): Word {
  const bytes: number[] = [];
  let at = 0;
  while (at < argument.length) {
    const byte = hexEscape(argument, at);
    if (byte === undefined) {
      const end = nextBackslash(argument, at + 1);
      for (const value of encodeUtf8(argument.slice(at, end))) bytes.push(value);
      at = end;
    } else {
      bytes.push(byte);
      at += 4;
    }
  }
  return { bytes: Uint8Array.from(bytes), text: argument, literal: argument === '' };
}

function nextBackslash(text: string, from: number): number {
  const found = text.indexOf('\\', from);
  return found === -1 ? text.length : found;
}

function hexEscape(text: string, at: number): number | undefined {
  const match = /^\\x([0-9a-fA-F]{2})/.exec(text.slice(at, at + 4));
  return match?.[1] === undefined ? undefined : Number.parseInt(match[1], 16);
}

const blank = /[ \t\r\n\v\f]/;
const outsideEscapes = new Set(['\\', '"', "'", ' ', ';', '#']);
const doubleQuoteEscapes: Readonly<Record<string, string>> = {
  '\\': '\\',
  '"': '"',
  "'": "'",
  n: '\n',
  r: '\r',
  t: '\t',
};

class Splitter {
  readonly #line: string;
  readonly #separators: boolean;
  #at = 0;
  #commands: Word[][] = [];
  #words: Word[] = [];
  /** The word being read: runs of text, and single bytes from \xHH. Undefined between words. */
  #parts: (string | number)[] | undefined;
  #quoted = false;

  constructor(line: string, separators: boolean) {
    this.#line = line;
    this.#separators = separators;
  }

  run(): Word[][] {
    while (this.#at < this.#line.length) {
      const char = this.#line[this.#at] as string;
      if (char === '#' && this.#parts === undefined && this.#words.length === 0) break;
      if (blank.test(char)) this.#endWord();
      else if (char === ';' && this.#separators) this.#endCommand();
      else if (char === "'") this.#singleQuoted();
      else if (char === '"') this.#doubleQuoted();
      else if (char === '\\') this.#escape(outsideEscapes, undefined);
      else this.#add(char);
      this.#at += 1;
    }
    this.#endCommand();
    return this.#commands;
  }

  #add(part: string | number): void {
    this.#parts ??= [];
    const last = this.#parts.length - 1;
    const before = this.#parts[last];
    if (typeof part === 'string' && typeof before === 'string') this.#parts[last] = before + part;
    else this.#parts.push(part);
  }

  #singleQuoted(): void {
    const end = this.#line.indexOf("'", this.#at + 1);
    if (end === -1) throw new UsageError('a single quote is not closed');
    this.#quoted = true;
    this.#add(this.#line.slice(this.#at + 1, end));
    this.#at = end;
  }

  #doubleQuoted(): void {
    this.#quoted = true;
    this.#add('');
    for (this.#at += 1; this.#at < this.#line.length; this.#at += 1) {
      const char = this.#line[this.#at] as string;
      if (char === '"') return;
      if (char === '\\') this.#escape(undefined, doubleQuoteEscapes);
      else this.#add(char);
    }
    throw new UsageError('a double quote is not closed');
  }

  /** At a backslash; leaves `#at` on the last character of the escape. */
  #escape(themselves: ReadonlySet<string> | undefined, named: Readonly<Record<string, string>> | undefined): void {
    const byte = hexEscape(this.#line, this.#at);
    if (byte !== undefined) {
      this.#add(byte);
      this.#at += 3;
      return;
    }
    const next = this.#line[this.#at + 1] ?? '';
    const char = themselves?.has(next) ? next : named?.[next];
    this.#add(char ?? '\\');
    if (char === undefined) return;
    this.#at += 1;
  }

  #endWord(): void {
    if (this.#parts === undefined) return;
    const text = this.#parts.map((part) => (typeof part === 'string' ? part : String.fromCharCode(part))).join('');
    this.#words.push({ bytes: joinParts(this.#parts), text, literal: this.#quoted || startsWithByte(this.#parts) });
    this.#parts = undefined;
    this.#quoted = false;
  }

  #endCommand(): void {
    this.#endWord();
    if (this.#words.length > 0) this.#commands.push(this.#words);
    this.#words = [];
  }
}

/** "\x40file" is a value that begins with "@". */
function startsWithByte(parts: readonly (string | number)[]): boolean {
  return typeof parts[0] === 'number';
}

function joinParts(parts: readonly (string | number)[]): Uint8Array {
  const chunks = parts.map((part) => (typeof part === 'string' ? encodeUtf8(part) : Uint8Array.of(part)));
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
