/**
 * Reads the commands of a prompt, a script or -e, line by line: quotes, escapes, JSON, comments.
 *
 * Commands are separated by ";" or the end of the line. Outside quotes and in double quotes a backslash starts an escape:
 * \xHH is a byte, \" \' \\ and (outside quotes) \; \# and backslash-space are the character; in double quotes \n \r \t too.
 * Any other backslash stands for itself. Single quotes keep everything as it is; an apostrophe inside a word is plain text.
 * A word that is a JSON object or array is taken as it stands. A # at the start of a command begins a comment.
 *
 * State: what of a line was read, and what is open at its end. A quote or JSON that is open goes on in the next line.
 */
import { encodeUtf8 } from '@kvorum/common';
import { JsonScan, jsonTrouble, looksLikeJson } from './json-word.ts';
import type { Word } from './words.ts';
import { hexEscape, UsageError } from './words.ts';

/** What goes on in the next line; the name is what messages call it, the sign is what the prompt shows. */
export interface Open {
  readonly name: string;
  readonly sign: string;
}

const singleQuote: Open = { name: 'a single quote', sign: "'" };
const doubleQuote: Open = { name: 'a double quote', sign: '"' };
const json: Open = { name: 'a JSON value', sign: '{' };

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

export class CommandReader {
  #line = '';
  #at = 0;
  #open: Open | undefined;
  #commands: Word[][] = [];
  #words: Word[] = [];
  /** The word being read: runs of text, and single bytes from \xHH. Undefined between words. */
  #parts: (string | number)[] | undefined;
  #quoted = false;
  /** Whether what was read last is unquoted text of a word. */
  #inText = false;
  /** The JSON that is open: its lines so far. */
  #json = { scan: new JsonScan(), lines: '' };

  /** Undefined when the next line begins a new command. */
  get open(): Open | undefined {
    return this.#open;
  }

  /** The commands that end with this line; undefined while something is open. After a UsageError it begins anew. */
  push(line: string): Word[][] | undefined {
    this.#line = this.#open === undefined ? line : `\n${line}`;
    this.#at = 0;
    try {
      while (this.#at < this.#line.length) this.#step();
    } catch (error) {
      this.reset();
      throw error;
    }
    if (this.#open !== undefined) return undefined;
    this.#endCommand();
    const commands = this.#commands;
    this.reset();
    return commands;
  }

  /** Drops what is open. */
  reset(): void {
    this.#open = undefined;
    this.#commands = [];
    this.#words = [];
    this.#parts = undefined;
    this.#quoted = false;
    this.#inText = false;
  }

  #step(): void {
    if (this.#open === singleQuote) this.#insideSingleQuotes();
    else if (this.#open === doubleQuote) this.#insideDoubleQuotes();
    else if (this.#open === json) this.#insideJson();
    else this.#outside();
  }

  #outside(): void {
    const char = this.#line[this.#at] as string;
    const startsWord = this.#parts === undefined;
    if (char === '#' && startsWord && this.#words.length === 0) {
      this.#at = this.#line.length;
      return;
    }
    if ((char === '{' || char === '[') && startsWord && this.#startJson()) return;
    if (blank.test(char)) this.#endWord();
    else if (char === ';') this.#endCommand();
    else if (char === "'" && !this.#inText) this.#openQuote(singleQuote);
    else if (char === '"' && this.#inText && this.#startsWithBracket()) throw notJson('its quotes would be lost');
    else if (char === '"') this.#openQuote(doubleQuote);
    else {
      if (char === '\\') this.#escape(outsideEscapes, undefined);
      else this.#add(char);
      this.#inText = true;
    }
    this.#at += 1;
  }

  // ---- quotes ----

  #openQuote(quote: Open): void {
    this.#open = quote;
    this.#quoted = true;
    this.#add('');
  }

  #closeQuote(): void {
    this.#open = undefined;
    this.#inText = false;
  }

  #insideSingleQuotes(): void {
    const found = this.#line.indexOf("'", this.#at);
    const end = found === -1 ? this.#line.length : found;
    this.#add(this.#line.slice(this.#at, end));
    if (found !== -1) this.#closeQuote();
    this.#at = end + 1;
  }

  #insideDoubleQuotes(): void {
    const char = this.#line[this.#at] as string;
    if (char === '"') this.#closeQuote();
    else if (char === '\\') this.#escape(undefined, doubleQuoteEscapes);
    else this.#add(char);
    this.#at += 1;
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

  // ---- JSON ----

  /** At an opening bracket; false when it begins a word like any other. */
  #startJson(): boolean {
    const scan = new JsonScan();
    const end = scan.end(this.#line, this.#at);
    const text = this.#line.slice(this.#at, end);
    const meant = looksLikeJson(this.#line.slice(this.#at));
    if (end === undefined) {
      if (!meant) return false;
      this.#open = json;
      this.#json = { scan, lines: text };
      this.#at = this.#line.length;
      return true;
    }
    if (!meant && (!this.#endsWord(end) || jsonTrouble(text) !== undefined)) return false;
    this.#endJson(text, end);
    return true;
  }

  #insideJson(): void {
    const { scan, lines } = this.#json;
    const end = scan.end(this.#line, 0);
    const text = lines + this.#line.slice(0, end);
    if (end === undefined) {
      this.#json = { scan, lines: text };
      this.#at = this.#line.length;
      return;
    }
    this.#open = undefined;
    this.#endJson(text, end);
  }

  #endJson(text: string, end: number): void {
    const trouble = this.#endsWord(end) ? jsonTrouble(text) : 'something follows its last bracket';
    if (trouble !== undefined) throw notJson(trouble);
    this.#words.push({ bytes: encodeUtf8(text), text, literal: true });
    this.#at = end;
  }

  #startsWithBracket(): boolean {
    return /^[{[]/.test(String(this.#parts?.[0]));
  }

  #endsWord(at: number): boolean {
    const next = this.#line[at];
    return next === undefined || next === ';' || blank.test(next);
  }

  // ---- words ----

  #add(part: string | number): void {
    this.#parts ??= [];
    const last = this.#parts.length - 1;
    const before = this.#parts[last];
    if (typeof part === 'string' && typeof before === 'string') this.#parts[last] = before + part;
    else this.#parts.push(part);
  }

  #endWord(): void {
    this.#inText = false;
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

function notJson(trouble: string): UsageError {
  return new UsageError(`this looks like JSON and is not: ${trouble}; in single quotes a value is stored as it stands`);
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
