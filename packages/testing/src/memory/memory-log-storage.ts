/**
 * A ReplicatedLogStorage in memory. Its records are sealed as on disk, so that damage can be tried on it.
 */
import type { GroupId } from '@kvorum/common';
import { bytesToMapKey, mapKeyToBytes } from '@kvorum/common';
import type { LogSegment, LogWrite, ReplicatedLogStorage, StateRecord, StoredLog } from '@kvorum/server/core';
import {
  decodeEntries,
  decodeLogHead,
  encodeEntries,
  encodeLogHead,
  joinSegments,
  seal,
  unseal,
} from '@kvorum/server/core';
import { Commits } from './commits.ts';

const RECORD_FORMAT = 1;

/** Of one group; all of it sealed. */
interface MemoryLog {
  head: Uint8Array | undefined;
  /** By the position of the first entry. */
  segments: Map<number, Uint8Array>;
  records: Map<string, Uint8Array>;
}

export class MemoryLogStorage implements ReplicatedLogStorage {
  readonly commits = new Commits();
  /** Every batch that was handed over, finished or not. */
  readonly batches: (readonly LogWrite[])[] = [];
  readonly #logs = new Map<GroupId, MemoryLog>();

  readLog(group: GroupId): StoredLog | undefined {
    const log = this.#logs.get(group);
    if (log?.head === undefined) return undefined;
    const what = `the log of group ${group}`;
    const head = decodeLogHead(log.head, what);
    const segments = [...log.segments]
      .sort(([a], [b]) => a - b)
      .map(([from, record]): LogSegment => ({ from, entries: decodeEntries(record, what) }));
    return { ...head, entries: joinSegments(head.compactedIndex, segments, what) };
  }

  readRecords(group: GroupId): readonly StateRecord[] {
    const records = [...(this.#logs.get(group)?.records ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
    return records.map(([name, record]) => {
      const value = unseal(record, `a record of group ${group}`, RECORD_FORMAT);
      return { key: mapKeyToBytes(name), value };
    });
  }

  commit(writes: readonly LogWrite[], done: () => void): void {
    this.batches.push(writes);
    this.commits.add(() => {
      for (const each of writes) this.#write(each);
      done();
    });
  }

  /** Changes every record as it stands on this disk. */
  rewrite(change: (record: Uint8Array) => Uint8Array): void {
    for (const log of this.#logs.values()) {
      log.head = log.head && change(log.head);
      log.segments = new Map([...log.segments].map(([from, record]) => [from, change(record)]));
      log.records = new Map([...log.records].map(([name, record]) => [name, change(record)]));
    }
  }

  #write({ group, hardState, compactedIndex, append, records = [] }: LogWrite): void {
    const log: MemoryLog = this.#logs.get(group) ?? { head: undefined, segments: new Map(), records: new Map() };
    this.#logs.set(group, log);
    for (const { key, value } of records) {
      if (value === undefined) log.records.delete(bytesToMapKey(key));
      else
        log.records.set(
          bytesToMapKey(key),
          seal(RECORD_FORMAT, (writer) => writer.raw(value)),
        );
    }
    if (append !== undefined) {
      for (const from of log.segments.keys()) if (from >= append.from) log.segments.delete(from);
      log.segments.set(append.from, encodeEntries(append.entries));
    }
    if (hardState === undefined && compactedIndex === undefined && append === undefined) return;
    const before = log.head && decodeLogHead(log.head, `the log of group ${group}`);
    log.head = encodeLogHead({
      hardState: hardState ?? before?.hardState,
      compactedIndex: compactedIndex ?? before?.compactedIndex ?? 0,
    });
  }
}
