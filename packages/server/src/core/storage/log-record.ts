/**
 * The format of stored records: a checksum in front of every value, so that damage is noticed and never served. The same
 * on the real and on the simulated disk.
 */
import { crc32, decodeAll, DecodeError, Writer } from '@kvorum/common';
import type { Entry, HardState } from '@kvorum/consensus';
import { readBallot, readEntries, writeBallot, writeEntries } from '@kvorum/consensus';
import { CorruptRecord } from './storage.ts';

/** Puts the checksum in front. */
export function seal(body: Uint8Array): Uint8Array {
  return new Writer().u32(crc32(body)).raw(body).finish();
}

/** The body of a sealed record. `what` names the record in the error. */
export function unseal(record: Uint8Array, what: string): Uint8Array {
  const body = record.subarray(4);
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  if (record.length < 4 || view.getUint32(0) !== crc32(body)) throw new CorruptRecord(`${what} is damaged`);
  return body;
}

export function encodeHardState(state: HardState): Uint8Array {
  const writer = new Writer();
  writeBallot(writer, state.promisedBallot);
  writeBallot(writer, state.acceptedBallot);
  return seal(writer.uint(state.decidedIndex).uint(state.compactedIndex).finish());
}

export function decodeHardState(record: Uint8Array, what: string): HardState {
  return readSealed(record, what, (reader) => ({
    promisedBallot: readBallot(reader),
    acceptedBallot: readBallot(reader),
    decidedIndex: reader.uint(),
    compactedIndex: reader.uint(),
  }));
}

export function encodeEntries(entries: readonly Entry[]): Uint8Array {
  const writer = new Writer();
  writeEntries(writer, entries);
  return seal(writer.finish());
}

export function decodeEntries(record: Uint8Array, what: string): Entry[] {
  return readSealed(record, what, readEntries);
}

/** Decodes a sealed record; whatever is wrong with it is corruption. */
export function readSealed<T>(record: Uint8Array, what: string, read: Parameters<typeof decodeAll<T>>[1]): T {
  try {
    return decodeAll(unseal(record, what), read);
  } catch (error) {
    if (error instanceof DecodeError) throw new CorruptRecord(`${what} is damaged: ${error.message}`);
    throw error;
  }
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
