import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CommandReader } from '../src/command-reader.ts';
import { showBytes, textOf } from '../src/show-bytes.ts';
import { shellWord } from '../src/words.ts';
import { quoteWord } from '../src/completion.ts';

test.each([
  [Buffer.from('plain text'), 'plain text'],
  [Buffer.from('Göteborg 東京 🙂'), 'Göteborg 東京 🙂'],
  [Buffer.from('a\nb\tc\0'), 'a\\x0ab\\x09c\\x00'],
  [Buffer.from('\u001b[31m'), '\\x1b[31m'],
  [Buffer.from([0xff, 0x61, 0xc3]), '\\xffa\\xc3'],
  [Buffer.from('C:\\dir'), 'C:\\dir'],
  [Buffer.from('\\x41'), '\\x5cx41'],
  [Buffer.from('\u202eevil'), '\\xe2\\x80\\xaeevil'],
  [Buffer.from('\ufeffbom'), '\\xef\\xbb\\xbfbom'],
  [Buffer.alloc(0), ''],
])('%j is shown as %s', (bytes, shown) => {
  expect(showBytes(bytes)).toBe(shown);
});

const anyBytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.string({ unit: 'binary' }).map((text) => new Uint8Array(Buffer.from(text))),
  fc
    .string({ unit: fc.constantFrom('\\', 'x', '4', '1', '"', ' ', 'a') })
    .map((text) => new Uint8Array(Buffer.from(text))),
  fc
    .string({ unit: fc.constantFrom('{', '[', '}', ']', '1', '"', "'", ';', ' ', '#') })
    .map((text) => new Uint8Array(Buffer.from(text))),
);

test('what is shown can be given as an argument again', () => {
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      expect(Buffer.from(shellWord(showBytes(bytes)).bytes)).toEqual(Buffer.from(bytes));
    }),
  );
});

test('what completion offers reads as the same bytes', () => {
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      const words = new CommandReader().push(quoteWord(showBytes(bytes)))?.[0];
      expect(words?.map((word) => Buffer.from(word.bytes))).toEqual([Buffer.from(bytes)]);
    }),
  );
});

test('text is only what is UTF-8', () => {
  expect(textOf(Buffer.from('ö'))).toBe('ö');
  expect(textOf(Buffer.from([0xed, 0xa0, 0x80]))).toBeUndefined();
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      const text = textOf(bytes);
      if (text !== undefined) expect(Buffer.from(text)).toEqual(Buffer.from(bytes));
    }),
  );
});
