import { expect, test } from 'vitest';
import { complete } from '../src/completion.ts';
import { layout } from './fake-client.ts';

const sources = { client: { layout }, keysSeen: ['city', 'New York', 'cities'] };
const offers = (line: string): string[] => complete(line, sources)[0];

test.each([
  ['g', ['get ', 'groups ', 'group ']],
  ['get ci', ['cities ', 'city ']],
  ['get "N', ['"New York" ']],
  ['put city ', []],
  ['cas --', ['--absent ', '--version ', '--json ', '--timeout ', '--help ']],
  ['cas --version 3 ci', ['cities ', 'city ']],
  ['get --json ci', ['cities ', 'city ']],
  ['node ', ['n1 ', 'n2 ', 'n3 ']],
  ['group ', ['0 ', '1 ', '2 ']],
  ['timing o', ['on ', 'off ']],
  ['help ca', ['cas ']],
  ["put it's x; get ci", ['cities ', 'city ']],
  ['frob x', []],
])('%s', (line, expected) => {
  expect(offers(line)).toEqual(expected);
});

test('only the word being typed is replaced', () => {
  expect(complete('get ci', sources)[1]).toBe('ci');
});
