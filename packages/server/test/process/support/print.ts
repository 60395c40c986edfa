/** Measured values for the reader of a test run. */
import { expect } from 'vitest';
import type { ServerProcess } from './server-process.ts';

const MIB = 1024 * 1024;
const RSS_BYTES_MAX = 600 * MIB;

export function print(line: string): void {
  process.stdout.write(`  measured: ${line}\n`);
}

/** What the server takes of memory, which has a bound. */
export function printRss(server: ServerProcess, what: string): void {
  print(`${what}: rss ${Math.round(server.rssBytes / MIB)} MiB, at most ${Math.round(server.rssBytesMax / MIB)} MiB`);
  expect(server.rssBytesMax).toBeLessThan(RSS_BYTES_MAX);
}
