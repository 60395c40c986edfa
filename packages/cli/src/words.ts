/**
 * The words of a command, and what the shell has already split.
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

/** The byte that \xHH at `at` stands for. */
export function hexEscape(text: string, at: number): number | undefined {
  const match = /^\\x([0-9a-fA-F]{2})/.exec(text.slice(at, at + 4));
  return match?.[1] === undefined ? undefined : Number.parseInt(match[1], 16);
}
