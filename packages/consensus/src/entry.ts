/**
 * Log entries. Consensus orders them and never looks inside.
 */
import type { Reader, Writer } from '@kvorum/common';
import { copyBytes, FRAME_BYTES_MAX, readKind } from '@kvorum/common';

export interface Entry {
  /**
   * `command`: for the state machine. `stop-sign`: ends the configuration; nothing can follow it in the log, and its
   * payload names the next configuration (Sequence Paxos, reconfiguration).
   */
  readonly kind: 'command' | 'stop-sign';
  readonly payload: Uint8Array;
}

const kinds = ['command', 'stop-sign'] as const;

/** What an entry counts against a limit in bytes: its payload and a flat charge for its bookkeeping. */
export function entryBytes(entry: Entry): number {
  return entry.payload.length + 16;
}

export function writeEntries(writer: Writer, entries: readonly Entry[]): void {
  writer.list(entries, (w, entry) => w.u8(kinds.indexOf(entry.kind)).bytes(entry.payload));
}

/** The payloads are copies: entries stay in the log long after their frame. */
export function readEntries(reader: Reader): Entry[] {
  return reader.list(FRAME_BYTES_MAX, (r) => ({
    kind: readKind(r, kinds),
    payload: copyBytes(r.bytes(FRAME_BYTES_MAX)),
  }));
}
