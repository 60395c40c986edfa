/**
 * The stored record of a key: flags that tell what it has, its version, a deadline in log time and the lease it hangs on, and
 * its value. Deadline and lease are part of the format so that it need not change when there are commands that set them.
 */
import type { Reader, Version, Writer } from '@kvorum/common';
import { DecodeError } from '@kvorum/common';
import { readSealed, seal } from '../../storage/sealed-record.ts';

export interface KeyRecord {
  readonly version: Version;
  readonly value: Uint8Array;
  /** The log time at which the key is gone. */
  readonly deadlineMs?: number;
  /** The lease that the key is gone with. */
  readonly lease?: number;
}

const FORMAT = 1;
const HAS_DEADLINE = 1;
const HAS_LEASE = 2;
const FLAGS = HAS_DEADLINE | HAS_LEASE;

export function encodeKeyRecord({ version, value, deadlineMs, lease }: KeyRecord): Uint8Array {
  return seal(FORMAT, (writer: Writer) => {
    writer.u8((deadlineMs === undefined ? 0 : HAS_DEADLINE) | (lease === undefined ? 0 : HAS_LEASE)).uint(version);
    if (deadlineMs !== undefined) writer.uint(deadlineMs);
    if (lease !== undefined) writer.uint(lease);
    writer.raw(value);
  });
}

/** Throws CorruptRecord or UnknownFormat. */
export function decodeKeyRecord(record: Uint8Array): KeyRecord {
  return readSealed(record, 'a value', FORMAT, readKeyRecord);
}

function readKeyRecord(reader: Reader): KeyRecord {
  const flags = reader.u8();
  if ((flags & ~FLAGS) !== 0) throw new DecodeError(`unknown flags ${flags}`);
  const version = reader.uint();
  const deadline = flags & HAS_DEADLINE ? { deadlineMs: reader.uint() } : undefined;
  const lease = flags & HAS_LEASE ? { lease: reader.uint() } : undefined;
  return { version, ...deadline, ...lease, value: reader.raw(reader.remaining) };
}
