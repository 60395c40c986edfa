/**
 * The seam between a group's order and the meaning of its commands: what stage 5 of the data path applies to. A replica owns the order, the
 * sessions and how far it has come; the machine owns what a command does to its records and what a query reads of them.
 *
 * Deterministic: the same commands in the same order give the same records and the same results on every replica. Key-value is
 * the first implementation.
 */
import type { Answer, Command, CommandResult, GroupId, Problem, Query, Version } from '@kvorum/common';
import type { AppliedStateStorage, StateRecord } from '../storage/storage-ports.ts';

export type Execution =
  /** Remembered by the session, so that a retry gets the same. */
  | CommandResult
  /** It was not executed, and leaves no trace: the session may try the same sequence again. */
  | ({ readonly type: 'not-executed' } & Problem);

export interface StateMachine {
  /** Executes a command; `version` is its place in the order of the group's commands. */
  apply(command: Command, version: Version): Execution;
  /** Reads what all commands so far led to. */
  query(query: Query): Answer;
  /** About how many bytes were changed since the last flush began. */
  readonly unflushedBytes: number;
  /** Takes what changed since the last flush. Call `flushed` when it is on disk; reads see it all the while. */
  startFlush(): { readonly records: readonly StateRecord[]; readonly flushed: () => void };
  /** A record of this machine on its way out with a snapshot: throws CorruptRecord unless it can be read. */
  checkSnapshotRecord(record: StateRecord): void;
  /** Forgets what is in memory: the storage holds another state now. */
  restore(): void;
}

/** Whose records stand in a group's storage: the first byte of their keys. The machine's are in order behind it. */
export const MACHINE_RECORD = 0x6b;

/** Makes the machine of a group. Its records have keys that begin with {@link MACHINE_RECORD}. */
export type StateMachineFactory = (group: GroupId, storage: AppliedStateStorage) => StateMachine;
