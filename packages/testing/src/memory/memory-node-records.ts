/**
 * NodeRecords in memory.
 */
import type { NodeRecord, NodeRecords } from '@kvorum/server/core';
import { Commits } from './commits.ts';

export class MemoryNodeRecords implements NodeRecords {
  readonly commits = new Commits();
  /** What is on this disk, by name. */
  readonly records = new Map<string, Uint8Array>();

  read(name: string): Uint8Array | undefined {
    return this.records.get(name);
  }

  write(records: readonly NodeRecord[], done: () => void): void {
    this.commits.add(() => {
      for (const { name, value } of records) this.records.set(name, value);
      done();
    });
  }
}
