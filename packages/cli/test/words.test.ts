import { expect, test } from 'vitest';
import { shellWord, splitCommands, splitWords, UsageError } from '../src/words.ts';

const texts = (line: string): string[] => splitWords(line).map((word) => Buffer.from(word.bytes).toString());
const hex = (line: string): string[] => splitWords(line).map((word) => Buffer.from(word.bytes).toString('hex'));

test.each([
  ['put city Stockholm', ['put', 'city', 'Stockholm']],
  ['  put \t a   b ', ['put', 'a', 'b']],
  ['put a "New York"', ['put', 'a', 'New York']],
  ["put a 'New York'", ['put', 'a', 'New York']],
  ['put a New" "York', ['put', 'a', 'New York']],
  ['put a ""', ['put', 'a', '']],
  ["put a ''", ['put', 'a', '']],
  ['put a "say \\"hi\\""', ['put', 'a', 'say "hi"']],
  ["put a 'C:\\x41'", ['put', 'a', 'C:\\x41']],
  ['put a "line\\nend"', ['put', 'a', 'line\nend']],
  ['put a C:\\dir', ['put', 'a', 'C:\\dir']],
  ['put a one\\ word', ['put', 'a', 'one word']],
  ['put a #fff', ['put', 'a', '#fff']],
  ['# a comment', []],
  ['   ', []],
  ['put a Göteborg', ['put', 'a', 'Göteborg']],
  ['put a b\u00a0c', ['put', 'a', 'b\u00a0c']],
  ['put a x;y', ['put', 'a', 'x;y']],
])('%s', (line, words) => {
  expect(texts(line)).toEqual(words);
});

test('\\xHH is a byte, inside and outside double quotes', () => {
  expect(hex('\\xff\\x00z "\\xFe"')).toEqual(['ff007a', 'fe']);
  expect(hex('\\xc3\\xb6')).toEqual(['c3b6']);
  expect(texts('\\xg1')).toEqual(['\\xg1']);
});

test.each(['put a "open', "put a 'open"])('a quote that is not closed is an error: %s', (line) => {
  expect(() => splitWords(line)).toThrow(UsageError);
});

test('commands of one text are separated by semicolons outside quotes', () => {
  const commands = splitCommands('put a 1; get a;; put b "x;y" ;# done', true);
  expect(commands.map((words) => words.map((word) => word.text))).toEqual([
    ['put', 'a', '1'],
    ['get', 'a'],
    ['put', 'b', 'x;y'],
  ]);
});

test('quoted words and those that begin with an escape are literal', () => {
  expect(splitWords('"@a" @a \\x40a "-" -').map((word) => word.literal)).toEqual([true, false, true, true, false]);
});

test('of what the shell has split only \\xHH is special', () => {
  expect(Buffer.from(shellWord('a "b" \\n \\x00').bytes).toString()).toBe('a "b" \\n \0');
});
