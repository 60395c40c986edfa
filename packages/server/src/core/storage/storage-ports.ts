/**
 * The three storage ports of a node: `ReplicatedLogStorage` holds what the groups' protocols must not forget,
 * `AppliedStateStorage` what decided commands led to, `NodeRecords` what the node knows of itself. Each is written in atomic
 * batches, one after the other in the order they were asked for; a failed write is never retried: the adapter reports it and
 * the process stops. Every adapter passes the acceptance suites of @kvorum/testing.
 */
import type { GroupId } from '@kvorum/common';
import type { Entry } from '@kvorum/consensus';

/** What one turn of a replica writes, as a whole or not at all. Opaque to all but its protocol. */
export interface LogWrite {
  readonly group: GroupId;
  /** The protocol's own state. Undefined: unchanged. */
  readonly hardState: Uint8Array | undefined;
  /** The log begins here: entries below are forgotten. Undefined: unchanged. */
  readonly compactedIndex: number | undefined;
  /** Cuts the stored log at `from`, then appends. */
  readonly append: { readonly from: number; readonly entries: readonly Entry[] } | undefined;
  /** For protocols without a log: records by their keys. */
  readonly records?: readonly StateRecord[];
}

/** What is on disk of a group's protocol. */
export interface StoredLog {
  readonly hardState: Uint8Array | undefined;
  readonly compactedIndex: number;
  /** From `compactedIndex` on. */
  readonly entries: readonly Entry[];
}

export interface ReplicatedLogStorage {
  /** Undefined for a group that was never written. Throws {@link CorruptRecord} rather than return damaged data. */
  readLog(group: GroupId): StoredLog | undefined;
  /** The records of a group whose protocol keeps some, in key order. Throws {@link CorruptRecord}, too. */
  readRecords(group: GroupId): readonly StateRecord[];
  /** Makes the writes in this order; `done` is called once everything is on disk. */
  commit(writes: readonly LogWrite[], done: () => void): void;
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
export interface AppliedStateStorage {
  get(group: GroupId, key: Uint8Array): Uint8Array | undefined;
  snapshot(group: GroupId): StateSnapshot;
  install(group: GroupId): StateInstall;
  /** `done` is called once everything is on disk. Reads see the batch then, not before. */
  commit(mutations: readonly StateMutation[], done: () => void): void;
}

/** Small records of the node itself, such as its identity. */
export interface NodeRecord {
  readonly name: string;
  readonly value: Uint8Array;
}

export interface NodeRecords {
  read(name: string): Uint8Array | undefined;
  /** `done` is called once all of them are on disk. */
  write(records: readonly NodeRecord[], done: () => void): void;
}

/** A stored record is damaged: the node must not start on it. */
export class CorruptRecord extends Error {
  override readonly name = 'CorruptRecord';
}

/** A stored record is whole, and of a format that this version does not read: the node must not start on it. */
export class UnknownFormat extends Error {
  override readonly name = 'UnknownFormat';

  constructor(what: string, found: string | number, known: string | number) {
    super(`${what} has format ${found}; this version of Kvorum reads format ${known}`);
  }
}
