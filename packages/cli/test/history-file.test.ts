import { chmodSync, existsSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { HISTORY_LINES_MAX, HistoryFile, historyPath } from '../src/history-file.ts';
import { ReverseSearch } from '../src/reverse-search.ts';

const newPath = (): string => join(mkdtempSync(join(tmpdir(), 'kvorum-history-')), 'history');

test('where it is', () => {
  expect(historyPath({ KVORUM_HISTFILE: '/x/y' })).toBe('/x/y');
  expect(historyPath({ KVORUM_HISTFILE: '' })).toBeUndefined();
  expect(historyPath({ HOME: '/home/me' })).toBe('/home/me/.kvorum_history');
});

test('kept across sessions, for its owner only', () => {
  const path = newPath();
  const first = new HistoryFile(path);
  first.add('put a 1');
  first.add('put a 1');
  first.add('  ');
  first.add('get a');
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(new HistoryFile(path).lines).toEqual(['put a 1', 'get a']);
});

test('permissions that are too wide are narrowed', () => {
  const path = newPath();
  writeFileSync(path, 'get a\n');
  chmodSync(path, 0o644);
  new HistoryFile(path);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('bounded, in memory and on disk', () => {
  const path = newPath();
  const lines = Array.from({ length: 2 * HISTORY_LINES_MAX }, (_, i) => `get ${i}`);
  writeFileSync(path, `${lines.join('\n')}\n`);
  const history = new HistoryFile(path);
  expect(history.lines).toEqual(lines.slice(-HISTORY_LINES_MAX));
  expect(readFileSync(path, 'utf8').trim().split('\n')).toHaveLength(HISTORY_LINES_MAX);
  history.add('get more');
  expect(history.lines).toHaveLength(HISTORY_LINES_MAX);
});

test('a file that cannot be written costs nothing else', () => {
  const history = new HistoryFile('/proc/nowhere/history');
  history.add('get a');
  expect(history.lines).toEqual(['get a']);
  expect(history.trouble).toContain('the history is not kept');
});

test('no path, no file', () => {
  const history = new HistoryFile(undefined);
  history.add('get a');
  expect(history.lines).toEqual(['get a']);
  expect(existsSync('undefined')).toBe(false);
});

test('searching backwards', () => {
  const search = new ReverseSearch(['put city 1', 'get a', 'get city', 'get b']);
  expect(search.onData(Buffer.from('city'))).toEqual({ type: 'more' });
  expect(search.found).toBe('get city');
  search.onData(Buffer.from('\x12'));
  expect(search.found).toBe('put city 1');
  search.onData(Buffer.from('\x12'));
  expect(search.display).toContain('failed');
  expect(search.onData(Buffer.from('\rget b\r'))).toMatchObject({ type: 'run', line: 'put city 1' });
});

test('leaving a search', () => {
  const at = () => {
    const search = new ReverseSearch(['get a', 'get ab']);
    search.onData(Buffer.from('abc\x7f'));
    return search;
  };
  expect(at().onData(Buffer.from('\x03'))).toMatchObject({ type: 'cancelled' });
  expect(at().onData(Buffer.from('\x1b[C'))).toMatchObject({
    type: 'edit',
    line: 'get ab',
    rest: Buffer.from('\x1b[C'),
  });
});
