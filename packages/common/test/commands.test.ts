/** What each command does to the records of its group, and what is refused before anyone looks at them. */
import { describe, expect, it } from 'vitest';
import type { Command, CommandResult, Records, Versioned } from '../src/index.ts';
import {
  applyCommand,
  bytesToMapKey,
  commandBytes,
  decodeUtf8,
  defaultLimits,
  encodeUtf8,
  operationProblem,
  operationTypes,
  parseCounter,
} from '../src/index.ts';

const key = encodeUtf8('k');
const MAX = 2n ** 63n - 1n;
const MIN = -(2n ** 63n);

class MapRecords implements Records {
  readonly values = new Map<string, Versioned>();
  get(at: Uint8Array): Versioned | undefined {
    return this.values.get(bytesToMapKey(at));
  }
  set(at: Uint8Array, version: number, value: Uint8Array): void {
    this.values.set(bytesToMapKey(at), { version, value });
  }
  remove(at: Uint8Array): void {
    this.values.delete(bytesToMapKey(at));
  }
}

function records(value?: string): MapRecords {
  const made = new MapRecords();
  if (value !== undefined) made.set(key, 1, encodeUtf8(value));
  return made;
}

function add(to: MapRecords, delta: bigint, version = 2): CommandResult {
  return applyCommand(to, { type: 'add', key, delta }, version);
}

const textOf = (from: MapRecords): string | undefined => {
  const found = from.get(key);
  return found && decodeUtf8(found.value);
};

describe('add', () => {
  it.each([
    [undefined, 5n, 5n],
    ['0', -1n, -1n],
    ['-7', 7n, 0n],
    ['41', 1n, 42n],
    [(MAX - 1n).toString(), 1n, MAX],
    [(MIN + 1n).toString(), -1n, MIN],
    [MIN.toString(), MAX, -1n],
  ])('to %s of %s gives %s', (before, delta, after) => {
    const to = records(before);
    expect(add(to, delta)).toEqual({ type: 'added', version: 2, value: after });
    expect(textOf(to)).toBe(after.toString());
    expect(to.get(key)?.version).toBe(2);
  });

  it.each([
    '',
    ' ',
    '1 ',
    '+1',
    '01',
    '-0',
    '1.0',
    '1e3',
    '0x1',
    'Stockholm',
    '１',
    '9223372036854775808',
    '-9223372036854775809',
  ])('to %j is refused, and changes nothing', (before) => {
    const to = records(before);
    expect(add(to, 1n)).toEqual({ type: 'failed', code: 'not-a-number' });
    expect(to.get(key)).toEqual({ version: 1, value: encodeUtf8(before) });
  });

  it.each([
    [MAX, 1n],
    [MIN, -1n],
    [1n, MAX],
  ])('to %s of %s does not wrap around', (before, delta) => {
    const to = records(before.toString());
    expect(add(to, delta)).toEqual({ type: 'failed', code: 'out-of-range' });
    expect(textOf(to)).toBe(before.toString());
  });

  it('does not take what is not UTF-8 for a number', () => {
    expect(parseCounter(Uint8Array.of(0xff, 0x31))).toBeUndefined();
  });
});

describe('an operation', () => {
  const limits = { keyBytesMax: 4, valueBytesMax: 3 };
  const value = (bytes: number): Uint8Array => new Uint8Array(bytes);
  const commands: Command[] = [
    { type: 'put', key, value: value(4) },
    { type: 'cas', key, expected: value(4), next: value(1) },
    { type: 'cas', key, expected: undefined, next: value(4) },
    { type: 'cas-version', key, expectedVersion: 0, next: value(4) },
  ];

  it.each(commands)('whose values are over their limit is refused ($type)', (command) => {
    expect(operationProblem(command, limits)).toMatchObject({
      code: 'too-large',
      message: expect.stringContaining('4 bytes, the limit is 3') as string,
    });
  });

  it.each(commands)('within its limits is not ($type)', (command) => {
    expect(operationProblem(command, defaultLimits)).toBeUndefined();
    expect(commandBytes(command)).toBeGreaterThan(40);
  });

  it.each([...operationTypes])('without a key, or with too long a one, is refused (%s)', (type) => {
    const operation = { type, value: value(0), next: value(0), expected: undefined, expectedVersion: 0, delta: 0n };
    expect(operationProblem({ ...operation, key: value(0) }, limits)).toMatchObject({ code: 'bad-request' });
    expect(operationProblem({ ...operation, key: value(5) }, limits)).toMatchObject({ code: 'too-large' });
    expect(operationProblem({ ...operation, key: value(4) }, limits)).toBeUndefined();
  });
});
