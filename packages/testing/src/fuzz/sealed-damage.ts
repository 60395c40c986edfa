/**
 * What can become of a sealed record on disk: damage, and a later version's format.
 */
import { crc32 } from '@kvorum/common';

const CHECKSUM_BYTES = 4;

/** The last bit is another one. */
export function withFlippedBit(record: Uint8Array): Uint8Array {
  const damaged = Uint8Array.from(record);
  damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 1;
  return damaged;
}

/** Whole, and of the format after its own. */
export function asNewerFormat(record: Uint8Array): Uint8Array {
  const newer = Uint8Array.from(record);
  newer[CHECKSUM_BYTES] = (newer[CHECKSUM_BYTES] ?? 0) + 1;
  new DataView(newer.buffer).setUint32(0, crc32(newer.subarray(CHECKSUM_BYTES)));
  return newer;
}
