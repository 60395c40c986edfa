/**
 * The storage port: two stores in a node's data directory. `LogStorage` holds what consensus must not forget, `StateStorage`
 * what the decided commands led to. Both are written in atomic batches, one under way at a time; a failed write is never
 * retried: the adapter reports it and the process stops.
 */
import type { GroupId } from '@kvorum/common';
import type { Entry, HardState, Recovered } from '@kvorum/consensus';

export type LogMutation =
  | {
      readonly type: 'group';
      readonly group: GroupId;
      readonly hardState: HardState | undefined;
      /** Cuts the stored log at `from`, then appends. */
      readonly append: { readonly from: number; readonly entries: readonly Entry[] } | undefined;
    }
  /** A small record of the node itself, such as its identity. */
  | { readonly type: 'record'; readonly name: string; readonly value: Uint8Array };

export interface LogStorage {
  readRecord(name: string): Uint8Array | undefined;
  /** Undefined for a group that was never written. Throws {@link CorruptRecord} rather than return damaged data. */
  readGroup(group: GroupId): Recovered | undefined;
  /** `done` is called once everything is on disk. */
  commit(mutations: readonly LogMutation[], done: () => void): void;
}

export interface StateRecord {
  readonly key: Uint8Array;
  /** Undefined: removed. */
  readonly value: Uint8Array | undefined;
}

export interface StateMutation {
  readonly group: GroupId;
  readonly records: readonly StateRecord[];
}

/** A consistent view of one group's records, unaffected by later commits. */
export interface StateSnapshot {
  /** The next records in key order, about `maxBytes` of them, one at least; empty at the end. */
  next(maxBytes: number): readonly StateRecord[];
  close(): void;
}

/** A group's state that is being replaced; the old one is in force until `finish` is done. */
export interface StateInstall {
  add(records: readonly StateRecord[], done: () => void): void;
  finish(done: () => void): void;
  abort(): void;
}

/** Records of each group in byte order of their keys. */
export interface StateStorage {
  get(group: GroupId, key: Uint8Array): Uint8Array | undefined;
  snapshot(group: GroupId): StateSnapshot;
  install(group: GroupId): StateInstall;
  /** `done` is called once everything is on disk. Reads see the batch then, not before. */
  commit(mutations: readonly StateMutation[], done: () => void): void;
}

/** A stored record is damaged: the node must not start on it. */
export class CorruptRecord extends Error {
  override readonly name = 'CorruptRecord';
}
