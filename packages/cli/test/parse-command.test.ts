import { expect, test } from 'vitest';
import { CommandReader } from '../src/command-reader.ts';
import { commandTable } from '../src/command-table.ts';
import { didYouMean } from '../src/did-you-mean.ts';
import { IncompleteCommand, parseCommand } from '../src/parse-command.ts';

const parse = (line: string) => parseCommand(new CommandReader().push(line)?.[0] ?? []);
const error = (line: string): string => {
  try {
    parse(line);
  } catch (caught) {
    return (caught as Error).message;
  }
  return 'no error';
};

test('every example of the help is understood', () => {
  for (const spec of commandTable) expect(parse(spec.example).name).toBe(spec.name);
});

test('commands have second names, and case does not matter', () => {
  expect(parse('read a').name).toBe('get');
  expect(parse('WRITE a b').name).toBe('put');
  expect(parse('del a').name).toBe('delete');
  expect(parse('quit').name).toBe('exit');
});

test('cas has three forms', () => {
  expect(parse('cas k a b')).toMatchObject({ expected: { type: 'value', value: { text: 'a' } }, next: { text: 'b' } });
  expect(parse('cas k --absent b')).toMatchObject({ expected: { type: 'absent' }, next: { text: 'b' } });
  expect(parse('cas k --version 7 b')).toMatchObject({
    expected: { type: 'version', version: 7 },
    next: { text: 'b' },
  });
  expect(parse('cas --version=0 k b')).toMatchObject({ expected: { type: 'version', version: 0 }, key: { text: 'k' } });
});

test('a value may begin with a dash', () => {
  expect(parse('put a -5')).toMatchObject({ value: { text: '-5' } });
  expect(parse('put a -- --x')).toMatchObject({ value: { text: '--x', literal: true } });
  expect(parse('put a "--x"')).toMatchObject({ value: { text: '--x', literal: true } });
});

test('flags of every command', () => {
  expect(parse('get a --json --timeout 100')).toMatchObject({ json: true, timeoutMs: 100 });
  expect(parse('get --help')).toMatchObject({ name: 'help', about: { name: 'get' } });
});

test.each([
  ['gte a', 'unknown command "gte"; did you mean "get"?'],
  ['delte a', 'unknown command "delte"; did you mean "delete"?'],
  ['xyzzy', 'unknown command "xyzzy"; "help" lists the commands'],
  ['put a', 'put needs VALUE: put KEY VALUE'],
  ['put a b c', 'too many arguments for put: put KEY VALUE; put quotes around a value with spaces'],
  ['get a b', 'too many arguments for get: get KEY'],
  ['get a -s h:1', '-s belongs before the command: kvorum client -s HOST:PORT get KEY'],
  ['cas a --absent', 'cas needs NEXT: cas KEY --absent NEXT'],
  ['cas a b', 'cas needs NEXT: cas KEY EXPECTED NEXT'],
  ['cas a --absent --version 1 b', 'cas takes --absent or --version, not both'],
  ['cas a --version x b', '--version takes a whole number from 0, not "x"'],
  ['get a --jsno', 'get has no flag --jsno; did you mean "--json"? (a value that begins with dashes goes after "--")'],
  ['timing maybe', 'timing is "on" or "off", not "maybe"'],
  ['node x', '"x" is not a node, like n1'],
  ['help nothing-like-it', 'unknown command "nothing-like-it"; "help" lists the commands'],
])('%s', (line, message) => {
  expect(error(line)).toBe(message);
});

test('missing arguments can be asked for', () => {
  expect(() => parse('put a')).toThrow(IncompleteCommand);
  expect(() => parse('cas a --absent')).not.toThrow(IncompleteCommand);
});

test('did you mean', () => {
  const names = ['get', 'put', 'groups', 'group', 'delete'];
  expect(didYouMean('grops', names)).toBe('groups');
  expect(didYouMean('GET', names)).toBe('get');
  expect(didYouMean('pt', names)).toBe('put');
  expect(didYouMean('zzz', names)).toBeUndefined();
});
