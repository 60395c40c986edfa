/**
 * The envelope of every stored record: a checksum and the number of its format in front, so that damage is noticed and never
 * served, and what another version wrote is never taken for something else. The same on every disk, real and simulated.
 */
import type { Reader } from '@kvorum/common';
import { crc32, decodeAll, DecodeError, Writer } from '@kvorum/common';
import { CorruptRecord, UnknownFormat } from './storage-ports.ts';

const CHECKSUM_BYTES = 4;

/** A record of this format; `write` appends its body. */
export function seal(format: number, write: (writer: Writer) => void): Uint8Array {
  const writer = new Writer().u32(0).u8(format);
  write(writer);
  const record = writer.finish();
  new DataView(record.buffer).setUint32(0, crc32(record.subarray(CHECKSUM_BYTES)));
  return record;
}

/** The body of a record of this format. `what` names the record in the errors: {@link CorruptRecord}, {@link UnknownFormat}. */
export function unseal(record: Uint8Array, what: string, format: number): Uint8Array {
  checkSeal(record, what);
  const found = record[CHECKSUM_BYTES] as number;
  if (found !== format) throw new UnknownFormat(what, found, format);
  return record.subarray(CHECKSUM_BYTES + 1);
}

/** Throws {@link CorruptRecord} when the record is damaged, whatever its format. */
export function checkSeal(record: Uint8Array, what: string): void {
  const body = record.subarray(CHECKSUM_BYTES);
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  if (record.length <= CHECKSUM_BYTES || view.getUint32(0) !== crc32(body)) {
    throw new CorruptRecord(`${what} is damaged`);
  }
}

/** Decodes a sealed record; whatever is wrong with it is corruption. */
export function readSealed<T>(record: Uint8Array, what: string, format: number, read: (reader: Reader) => T): T {
  try {
    return decodeAll(unseal(record, what, format), read);
  } catch (error) {
    if (error instanceof DecodeError) throw new CorruptRecord(`${what} is damaged: ${error.message}`);
    throw error;
  }
}
