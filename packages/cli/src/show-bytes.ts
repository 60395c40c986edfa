/**
 * Keys and values for people: text as it is, everything that does not print as \xHH of its bytes. What is shown can be
 * typed back in double quotes: a backslash that would read as an escape is shown as \x5c.
 */
import { decodeUtf8, DecodeError, encodeUtf8 } from '@kvorum/common';

/** Controls, line and paragraph separators, and what reorders the text around it. */
const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069\ufeff]/u;

export function showBytes(bytes: Uint8Array): string {
  const text = textOf(bytes);
  if (text !== undefined) return showText(text);
  let shown = '';
  for (const run of runsOf(bytes)) shown += typeof run === 'string' ? showText(run) : hex(Uint8Array.of(run));
  return shown;
}

/** The bytes as text; undefined where they are not UTF-8. */
export function textOf(bytes: Uint8Array): string | undefined {
  try {
    // A leading byte order mark would be dropped by the decoder.
    if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return `\ufeff${decodeUtf8(bytes.subarray(3))}`;
    return decodeUtf8(bytes);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

function showText(text: string): string {
  // First the backslashes of the text itself, so that those of the escapes stay.
  const unambiguous = text.replaceAll(/\\(?=x[0-9a-fA-F]{2})/g, '\\x5c');
  if (!unprintable.test(unambiguous)) return unambiguous;
  let shown = '';
  for (const char of unambiguous) shown += unprintable.test(char) ? hex(encodeUtf8(char)) : char;
  return shown;
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
}

/** Longest stretches of UTF-8, and the bytes between them. */
function* runsOf(bytes: Uint8Array): Generator<string | number> {
  let start = 0;
  let at = 0;
  while (at < bytes.length) {
    const length = characterLength(bytes, at);
    at += length;
    if (length > 0) continue;
    if (at > start) yield textOf(bytes.subarray(start, at)) as string;
    yield bytes[at] as number;
    at += 1;
    start = at;
  }
  if (at > start) yield textOf(bytes.subarray(start, at)) as string;
}

/** Bytes of the UTF-8 character at `at`; 0 where there is none. */
function characterLength(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] as number;
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  const character = bytes.subarray(at, at + length);
  const continued = character.length === length && character.every((byte, i) => i === 0 || (byte & 0xc0) === 0x80);
  return continued && textOf(character) !== undefined ? length : 0;
}
