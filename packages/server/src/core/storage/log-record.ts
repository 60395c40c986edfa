/**
 * The stored records of a replicated log: its head, which has the protocol's own state and where the log begins, and one
 * record for each append. The same on the real and on the simulated disk.
 */
import { copyBytes } from '@kvorum/common';
import type { Entry } from '@kvorum/consensus';
import { readEntries, writeEntries } from '@kvorum/consensus';
import { readSealed, seal } from './sealed-record.ts';
import { CorruptRecord } from './storage-ports.ts';

const HEAD_FORMAT = 1;
const ENTRIES_FORMAT = 1;

export interface LogHead {
  readonly compactedIndex: number;
  readonly hardState: Uint8Array | undefined;
}

export function encodeLogHead({ compactedIndex, hardState }: LogHead): Uint8Array {
  return seal(HEAD_FORMAT, (writer) => {
    writer.uint(compactedIndex).bool(hardState !== undefined);
    if (hardState !== undefined) writer.raw(hardState);
  });
}

export function decodeLogHead(record: Uint8Array, what: string): LogHead {
  return readSealed(record, what, HEAD_FORMAT, (reader) => {
    const compactedIndex = reader.uint();
    // A copy: what a database hands out may change with its next read.
    return { compactedIndex, hardState: reader.bool() ? copyBytes(reader.raw(reader.remaining)) : undefined };
  });
}

export function encodeEntries(entries: readonly Entry[]): Uint8Array {
  return seal(ENTRIES_FORMAT, (writer) => writeEntries(writer, entries));
}

export function decodeEntries(record: Uint8Array, what: string): Entry[] {
  return readSealed(record, what, ENTRIES_FORMAT, readEntries);
}

/** One stored append: the log is cut at `from`, then goes on with these entries. */
export interface LogSegment {
  readonly from: number;
  readonly entries: readonly Entry[];
}

/** Joins stored appends, ordered by position, to the log from `compactedIndex` on. */
export function joinSegments(compactedIndex: number, segments: readonly LogSegment[], what: string): Entry[] {
  const entries: Entry[] = [];
  for (const segment of segments) {
    const end = compactedIndex + entries.length;
    if (segment.from > end) throw new CorruptRecord(`${what} lacks entries ${end} to ${segment.from}`);
    const skip = Math.max(0, compactedIndex - segment.from);
    entries.length = Math.max(0, segment.from - compactedIndex);
    // Not push(...): a segment may hold more entries than a call takes arguments.
    for (const entry of segment.entries.slice(skip)) entries.push(entry);
  }
  return entries;
}
