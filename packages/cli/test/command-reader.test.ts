import { expect, test } from 'vitest';
import { CommandReader } from '../src/command-reader.ts';
import type { Word } from '../src/words.ts';
import { UsageError } from '../src/words.ts';

const read = (...lines: string[]): Word[][] | undefined => {
  const reader = new CommandReader();
  return lines.map((line) => reader.push(line)).at(-1);
};
const bytesOf = (word: Word): Buffer => Buffer.from(word.bytes);
const texts = (...lines: string[]): string[] => (read(...lines)?.[0] ?? []).map((word) => bytesOf(word).toString());
const hex = (line: string): string[] => (read(line)?.[0] ?? []).map((word) => bytesOf(word).toString('hex'));

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
  ['put a x\\;y', ['put', 'a', 'x;y']],
])('%s', (line, words) => {
  expect(texts(line)).toEqual(words);
});

test('\\xHH is a byte, inside and outside double quotes', () => {
  expect(hex('\\xff\\x00z "\\xFe"')).toEqual(['ff007a', 'fe']);
  expect(hex('\\xc3\\xb6')).toEqual(['c3b6']);
  expect(texts('\\xg1')).toEqual(['\\xg1']);
});

test('commands are separated by semicolons outside quotes', () => {
  const commands = read('put a 1; get a;; put b "x;y" ;put c {"k":";"};get c;# done; get d');
  expect(commands?.map((words) => words.map((word) => word.text))).toEqual([
    ['put', 'a', '1'],
    ['get', 'a'],
    ['put', 'b', 'x;y'],
    ['put', 'c', '{"k":";"}'],
    ['get', 'c'],
  ]);
});

test.each([
  ["put a it's", "it's"],
  ["put a rock'n'roll", "rock'n'roll"],
  ["put a dogs'", "dogs'"],
  ["put a it\\'s", "it's"],
  ["put a ''", ''],
  ["put a 'x'y", 'xy'],
])('an apostrophe inside a word is plain text: %s', (line, value) => {
  expect(texts(line)).toEqual(['put', 'a', value]);
});

test.each([
  ['{"a":1,"b":"x y"}'],
  ['{ "a" : "it\'s; # \\" } {" }'],
  ['[1, 2, [3]]'],
  ['["a b", {"c": []}]'],
  ['{}'],
  ['[{"a":"\\u0041"}]'],
])('JSON is taken as it stands: %s', (value) => {
  expect(texts(`put j ${value}`)).toEqual(['put', 'j', value]);
  expect(texts(`cas j ${value} {"next": 2}`).slice(2)).toEqual([value, '{"next": 2}']);
});

test.each([['{tag}key'], ['[x]'], ['{{name}}'], ['[0,5)'], ['[1]x'], ["{'a':1}"], ['{a']])(
  'a bracket may begin any word: %s',
  (word) => {
    expect(texts(`put ${word} 1`)).toEqual(['put', word, '1']);
  },
);

test.each([
  ['put j {"a":x}', 'is not valid JSON'],
  ['put j {"a" 1}', 'looks like JSON and is not'],
  ['put j {"a":1}x', 'something follows its last bracket'],
  ['put j {a:"b c"}', 'its quotes would be lost'],
])('what looks like JSON and is not is refused: %s', (line, message) => {
  expect(() => read(line)).toThrow(UsageError);
  expect(() => read(line)).toThrow(message);
  expect(() => read(line)).toThrow('in single quotes a value is stored as it stands');
  const value = line.slice('put j '.length);
  expect(texts(`put j '${value}'`)).toEqual(['put', 'j', value]);
});

test.each([
  [
    ['put a "one', 'two" three'],
    ['put', 'a', 'one\ntwo', 'three'],
  ],
  [
    ["put a 'one", '', "  # two'"],
    ['put', 'a', 'one\n\n  # two'],
  ],
  [
    ["put a '", '"x"\''],
    ['put', 'a', '\n"x"'],
  ],
  [
    ['put j {"a":[1,', '  2], "b": "x;y"', '}'],
    ['put', 'j', '{"a":[1,\n  2], "b": "x;y"\n}'],
  ],
  [
    ['put j [', '{}', ']'],
    ['put', 'j', '[\n{}\n]'],
  ],
])('what is open goes on in the next line: %j', (lines, words) => {
  for (let end = 1; end < lines.length; end += 1) expect(read(...lines.slice(0, end))).toBeUndefined();
  expect(texts(...lines)).toEqual(words);
});

test('what is open has a name, and can be dropped', () => {
  const reader = new CommandReader();
  expect(reader.open).toBeUndefined();
  for (const [line, name] of [
    ['get a; put a "open', 'a double quote'],
    ["put a 'open", 'a single quote'],
    ['put a {"open":', 'a JSON value'],
  ] as const) {
    expect(reader.push(line)).toBeUndefined();
    expect(reader.open?.name).toBe(name);
    reader.reset();
    expect(reader.open).toBeUndefined();
  }
  expect(reader.push('get b')).toHaveLength(1);
});

test('after an error the next line begins anew', () => {
  const reader = new CommandReader();
  expect(() => reader.push('put a {"b":x} "')).toThrow(UsageError);
  expect(reader.push('get b')).toHaveLength(1);
});

test('quoted words and those that begin with an escape are literal', () => {
  const [words] = read('"@a" @a \\x40a "-" -') ?? [];
  expect(words?.map((word) => word.literal)).toEqual([true, false, true, true, false]);
});
