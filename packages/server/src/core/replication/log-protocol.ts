/**
 * What a replicated log must say of itself to become a protocol of groups: its name, its codec, how it is created; and how
 * what it keeps on disk is written and found again.
 */
import type { NodeId, Reader, Writer as WriterType } from '@kvorum/common';
import { decodeAll, DecodeError, Writer } from '@kvorum/common';
import type { LogCodec, LogLimits, LogTypes, RecoveredLog, ReplicatedLog } from '@kvorum/consensus';
import type { GroupState } from '../state/group-state.ts';
import { CorruptRecord, UnknownFormat } from '../storage/storage-ports.ts';
import type { ReplicaSeat } from './replication-protocol.ts';

export interface LogProtocol<T extends LogTypes> {
  readonly name: string;
  /** Of the hard state on disk. */
  readonly format: number;
  readonly codec: LogCodec<T>;
  create(options: {
    readonly self: NodeId;
    readonly members: readonly NodeId[];
    readonly limits: LogLimits;
    /** Undefined for a new replica. */
    readonly recovered: RecoveredLog<T['hardState']> | undefined;
  }): ReplicatedLog<T>;
}

export function encodeOpaque(write: (writer: WriterType) => void): Uint8Array {
  const writer = new Writer();
  write(writer);
  return writer.finish();
}

/** The hard state says whose it is, so that a group never takes over what another protocol wrote. */
export function writeHardState<T extends LogTypes>(protocol: LogProtocol<T>, hardState: T['hardState']): Uint8Array {
  return encodeOpaque((writer) => {
    writer.text(protocol.name).u8(protocol.format);
    protocol.codec.writeHardState(writer, hardState);
  });
}

const NAME_BYTES_MAX = 64;

/** The log as it was on disk; what was applied from it was decided, even where the disk does not say so. */
export function recoverLog<T extends LogTypes>(
  protocol: LogProtocol<T>,
  seat: ReplicaSeat,
  state: GroupState,
): RecoveredLog<T['hardState']> | undefined {
  const what = `the log of group ${seat.group}`;
  const stored = seat.logStorage.readLog(seat.group);
  const { index } = state.applied;
  const isInstalled = state.installedProof !== undefined;
  const [from, to] = stored ? [stored.compactedIndex, stored.compactedIndex + stored.entries.length] : [0, 0];
  if (!isInstalled && (index < from || index > to)) {
    throw new CorruptRecord(
      `the state of group ${seat.group} has ${index} entries applied, its log holds ${from} to ${to}`,
    );
  }
  if (stored === undefined) return undefined;
  if (stored.hardState === undefined) throw new CorruptRecord(`${what} has entries, and no promise`);
  const hardState = readHardState(protocol, stored.hardState, what);
  const { compactedIndex, entries } = stored;
  return { hardState, compactedIndex, entries, appliedIndex: isInstalled ? 0 : index };
}

function readHardState<T extends LogTypes>(protocol: LogProtocol<T>, record: Uint8Array, what: string): T['hardState'] {
  try {
    return decodeAll(record, (reader: Reader): unknown => {
      const name = reader.text(NAME_BYTES_MAX);
      const format = reader.u8();
      if (name !== protocol.name || format !== protocol.format) {
        throw new UnknownFormat(what, `${name} ${format}`, `${protocol.name} ${protocol.format}`);
      }
      return protocol.codec.readHardState(reader);
    });
  } catch (error) {
    if (error instanceof DecodeError) throw new CorruptRecord(`${what} is damaged: ${error.message}`);
    throw error;
  }
}
