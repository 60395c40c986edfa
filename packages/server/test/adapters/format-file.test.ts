import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkDataFormat, DATA_FORMAT } from '../../src/adapters/storage/format-file.ts';
import { CorruptRecord, UnknownFormat } from '../../src/core/index.ts';

describe('the format of a data directory', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'kvorum-format-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const file = (): string => path.join(directory, 'FORMAT');

  it('is noted in a new one, for people too, and found again', () => {
    checkDataFormat(directory);
    expect(readFileSync(file(), 'utf8')).toBe(`${DATA_FORMAT}\n`);
    expect(readdirSync(directory)).toEqual(['FORMAT']);
    for (const database of ['log', 'state']) mkdirSync(path.join(directory, database));
    checkDataFormat(directory);
    expect(readFileSync(file(), 'utf8')).toBe(`${DATA_FORMAT}\n`);
  });

  it('is noted although an earlier start died while it wrote it down', () => {
    writeFileSync(`${file()}.new`, '');
    checkDataFormat(directory);
    expect(readFileSync(file(), 'utf8')).toBe(`${DATA_FORMAT}\n`);
  });

  it('that is newer is refused, with both formats named, and left as it is', () => {
    writeFileSync(file(), `${DATA_FORMAT + 1}\n`);
    expect(() => checkDataFormat(directory)).toThrow(UnknownFormat);
    expect(() => checkDataFormat(directory)).toThrow(
      `the data directory ${directory} has format ${DATA_FORMAT + 1}; this version of Kvorum reads format ${DATA_FORMAT}`,
    );
    expect(readFileSync(file(), 'utf8')).toBe(`${DATA_FORMAT + 1}\n`);
  });

  it('of a directory from before there was one is refused, and not noted', () => {
    mkdirSync(path.join(directory, 'log'));
    expect(() => checkDataFormat(directory)).toThrow(UnknownFormat);
    expect(() => checkDataFormat(directory)).toThrow(
      `has format 0; this version of Kvorum reads format ${DATA_FORMAT}`,
    );
    expect(existsSync(file())).toBe(false);
  });

  it.each([
    ['nothing', ''],
    ['a word', 'one\n'],
    ['a sign', '-1\n'],
    ['more than a number', '1\n2\n'],
    ['a number that no version has', '1'.repeat(30)],
    ['zero bytes', '\0\0\0\0'],
  ])('that is %s is damage', (_what, content) => {
    writeFileSync(file(), content);
    expect(() => checkDataFormat(directory)).toThrow(CorruptRecord);
    expect(() => checkDataFormat(directory)).toThrow(`${file()} is damaged`);
  });
});
