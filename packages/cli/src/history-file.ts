/**
 * The commands of earlier sessions, one to a line, oldest first. Only its owner may read the file: keys and values are in
 * it. Several sessions may append to it at the same time. A file that cannot be used costs the history, nothing else.
 */
import { appendFileSync, chmodSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Environment } from './style.ts';

export const HISTORY_LINES_MAX = 1000;
/** The file is shortened when it has grown to this many times the limit. */
const SLACK = 2;
/** A longer line is not kept. */
const LINE_CHARS_MAX = 4096;
const OWNER_ONLY = 0o600;

/** KVORUM_HISTFILE, or a file in the home directory; undefined when there is to be none. */
export function historyPath(env: Environment): string | undefined {
  const named = env['KVORUM_HISTFILE'];
  if (named !== undefined) return named === '' ? undefined : named;
  return join(env['HOME'] ?? homedir(), '.kvorum_history');
}

export class HistoryFile {
  readonly #path: string | undefined;
  #lines: string[] = [];
  /** Why the history is not kept; told once. */
  trouble: string | undefined;

  constructor(path: string | undefined) {
    this.#path = path;
    this.#load();
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  add(line: string): void {
    if (line.trim() === '' || line.length > LINE_CHARS_MAX || line === this.#lines.at(-1)) return;
    this.#lines.push(line);
    if (this.#lines.length > HISTORY_LINES_MAX) this.#lines.shift();
    this.#attempt((path) => appendFileSync(path, `${line}\n`, { mode: OWNER_ONLY }));
  }

  #load(): void {
    this.#attempt((path) => {
      let content = '';
      try {
        content = readFileSync(path, 'utf8');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
        throw error;
      }
      chmodSync(path, OWNER_ONLY);
      const lines = content.split('\n').filter((line) => line !== '');
      this.#lines = lines.slice(-HISTORY_LINES_MAX);
      if (lines.length >= HISTORY_LINES_MAX * SLACK) this.#rewrite(path);
    });
  }

  #rewrite(path: string): void {
    const next = `${path}.${process.pid}`;
    writeFileSync(next, `${this.#lines.join('\n')}\n`, { mode: OWNER_ONLY });
    renameSync(next, path);
  }

  #attempt(act: (path: string) => void): void {
    if (this.#path === undefined || this.trouble !== undefined) return;
    try {
      act(this.#path);
    } catch (error) {
      this.trouble = `the history is not kept: ${(error as Error).message}`;
    }
  }
}
