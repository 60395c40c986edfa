/**
 * The storage ports on LMDB: two environments in the data directory, `log`, which has the node records too, and `state`.
 *
 * A commit is one write transaction. `overlappingSync` is off, so a transaction's promise resolves after LMDB has synced it:
 * what is reported as committed is on disk. A commit that fails is reported once and never tried again.
 */
import path from 'node:path';
import type { Clock, GroupId, Histogram, Metrics } from '@kvorum/common';
import { Writer } from '@kvorum/common';
import type { RootDatabase } from 'lmdb';
import { open } from 'lmdb';
import { checkDatabaseFile } from './lmdb-file.ts';
import type {
  AppliedStateStorage,
  LogWrite,
  NodeRecord,
  NodeRecords,
  ReplicatedLogStorage,
  StateInstall,
  StateMutation,
  StateRecord,
  StateSnapshot,
  StoredLog,
} from '../../core/index.ts';
import {
  decodeEntries,
  decodeLogHead,
  encodeEntries,
  encodeLogHead,
  joinSegments,
  readSealed,
  seal,
  unseal,
} from '../../core/index.ts';

type Database = RootDatabase<Buffer, Buffer>;

export interface Storages {
  readonly log: ReplicatedLogStorage;
  readonly state: AppliedStateStorage;
  readonly records: NodeRecords;
  close(): Promise<void>;
}

export interface StorageMeasures {
  readonly clock: Clock;
  readonly metrics: Metrics;
}

/** `onFailure` is called when a write fails: the process must stop. */
export function openStorages(
  directory: string,
  onFailure: (error: Error) => void,
  measures: StorageMeasures,
): Storages {
  const log = openDatabase(path.join(directory, 'log'));
  const state = openDatabase(path.join(directory, 'state'));
  return {
    log: new LmdbLogStorage(log, onFailure, measures),
    state: new LmdbStateStorage(state, onFailure),
    records: new LmdbNodeRecords(log, onFailure),
    close: async () => {
      await Promise.all([log.close(), state.close()]);
    },
  };
}

function openDatabase(directory: string): Database {
  checkDatabaseFile(path.join(directory, 'data.mdb'));
  return open<Buffer, Buffer>({
    path: directory,
    encoding: 'binary',
    keyEncoding: 'binary',
    overlappingSync: false,
    // The node commits once per turn by itself.
    eventTurnBatching: false,
    cache: false,
  });
}

/** Runs the writes as one transaction. */
function commit(database: Database, writes: () => void, done: () => void, onFailure: (error: Error) => void): void {
  database.batch(writes).then(done, (error: unknown) => {
    // lmdb-js hides the cause in a promise of its own, which nobody else looks at.
    const { commitError } = error as { commitError?: Error };
    onFailure(commitError ?? (error instanceof Error ? error : new Error(String(error))));
  });
}

// ---- node records and log ----

const NODE_RECORD = 0;
const HEAD = 1;
const SEGMENT = 2;
const GROUP_RECORD = 3;

class LmdbNodeRecords implements NodeRecords {
  readonly #database: Database;
  readonly #onFailure: (error: Error) => void;

  constructor(database: Database, onFailure: (error: Error) => void) {
    this.#database = database;
    this.#onFailure = onFailure;
  }

  read(name: string): Uint8Array | undefined {
    return this.#database.get(nodeRecordKey(name));
  }

  write(records: readonly NodeRecord[], done: () => void): void {
    const write = (): void => {
      for (const { name, value } of records) void this.#database.put(nodeRecordKey(name), asBuffer(value));
    };
    commit(this.#database, write, done, this.#onFailure);
  }
}

class LmdbLogStorage implements ReplicatedLogStorage {
  readonly #database: Database;
  readonly #onFailure: (error: Error) => void;
  readonly #clock: Clock;
  readonly #syncDuration: Histogram;
  readonly #commitBytes: Histogram;
  /** Where the stored segments of each group start, in order. */
  readonly #segments = new Map<GroupId, number[]>();
  /** The heads as they were last asked to be written. */
  readonly #heads = new Map<GroupId, ReturnType<typeof decodeLogHead>>();

  constructor(database: Database, onFailure: (error: Error) => void, { clock, metrics }: StorageMeasures) {
    this.#database = database;
    this.#onFailure = onFailure;
    this.#clock = clock;
    this.#syncDuration = metrics.histogram('log_sync_duration_seconds');
    this.#commitBytes = metrics.histogram('log_commit_bytes');
  }

  readLog(group: GroupId): StoredLog | undefined {
    const what = `the log of group ${group}`;
    const record = this.#database.get(headKey(group));
    if (record === undefined) return undefined;
    const { compactedIndex, hardState } = decodeLogHead(record, what);
    const segments = [...this.#database.getRange(segmentsOf(group))].map(({ key, value }) => ({
      from: segmentStart(key),
      entries: decodeEntries(value, what),
    }));
    return { hardState, compactedIndex, entries: joinSegments(compactedIndex, segments, what) };
  }

  readRecords(group: GroupId): readonly StateRecord[] {
    const range = { start: groupRecordKey(group, empty), end: groupRecordKey(group + 1, empty) };
    return [...this.#database.getRange(range)].map(({ key, value }) => ({
      // Copies: LMDB's buffers are valid until the next read only.
      key: Uint8Array.from(key.subarray(GROUP_RECORD_HEAD_BYTES)),
      value: Uint8Array.from(unseal(value, `a record of group ${group}`, GROUP_RECORD_FORMAT)),
    }));
  }

  commit(writes: readonly LogWrite[], done: () => void): void {
    const startedMs = this.#clock.monotonicMs();
    const write = (): void => {
      let bytes = 0;
      for (const each of writes) bytes += this.#write(each);
      this.#commitBytes.observe(bytes);
    };
    const written = (): void => {
      this.#syncDuration.observe((this.#clock.monotonicMs() - startedMs) / 1000);
      done();
    };
    commit(this.#database, write, written, this.#onFailure);
  }

  /** Returns how many bytes of records it put. */
  #write({ group, hardState, compactedIndex, append, records = [] }: LogWrite): number {
    const starts = this.#segmentStarts(group);
    let bytes = 0;
    if (append !== undefined) {
      while ((starts.at(-1) ?? -1) >= append.from) this.#removeSegment(group, starts.pop() as number);
      bytes += this.#put(segmentKey(group, append.from), encodeEntries(append.entries));
      starts.push(append.from);
    }
    for (const { key, value } of records) bytes += this.#writeRecord(groupRecordKey(group, key), value);
    const before = this.#head(group);
    const unchanged = hardState === undefined && compactedIndex === undefined;
    if (unchanged && (before !== undefined || append === undefined)) return bytes;
    const head = {
      hardState: hardState ?? before?.hardState,
      compactedIndex: compactedIndex ?? before?.compactedIndex ?? 0,
    };
    this.#heads.set(group, head);
    bytes += this.#put(headKey(group), encodeLogHead(head));
    // A segment ends where the next one starts.
    while ((starts[1] ?? Infinity) <= head.compactedIndex) this.#removeSegment(group, starts.shift() as number);
    return bytes;
  }

  #writeRecord(key: Buffer, value: Uint8Array | undefined): number {
    if (value === undefined) {
      void this.#database.remove(key);
      return 0;
    }
    const record = seal(GROUP_RECORD_FORMAT, (writer) => writer.raw(value));
    return this.#put(key, record);
  }

  #put(key: Buffer, value: Uint8Array): number {
    void this.#database.put(key, asBuffer(value));
    return key.length + value.length;
  }

  #head(group: GroupId): ReturnType<typeof decodeLogHead> | undefined {
    const known = this.#heads.get(group);
    if (known !== undefined) return known;
    const record = this.#database.get(headKey(group));
    return record && decodeLogHead(record, `the log of group ${group}`);
  }

  #segmentStarts(group: GroupId): number[] {
    let starts = this.#segments.get(group);
    if (starts === undefined) {
      starts = [...this.#database.getKeys(segmentsOf(group))].map(segmentStart);
      this.#segments.set(group, starts);
    }
    return starts;
  }

  #removeSegment(group: GroupId, from: number): void {
    void this.#database.remove(segmentKey(group, from));
  }
}

const GROUP_RECORD_FORMAT = 1;
const GROUP_RECORD_HEAD_BYTES = 5;

function nodeRecordKey(name: string): Buffer {
  return Buffer.concat([Buffer.of(NODE_RECORD), Buffer.from(name)]);
}

function headKey(group: GroupId): Buffer {
  return asBuffer(new Writer().u8(HEAD).u32(group).finish());
}

function groupRecordKey(group: GroupId, key: Uint8Array): Buffer {
  return asBuffer(new Writer().u8(GROUP_RECORD).u32(group).raw(key).finish());
}

/** Ordered by position: 56 bits, big-endian. */
function segmentKey(group: GroupId, from: number): Buffer {
  const key = Buffer.alloc(12);
  key[0] = SEGMENT;
  key.writeUInt32BE(group, 1);
  key.writeUIntBE(Math.floor(from / 256), 5, 6);
  key[11] = from % 256;
  return key;
}

function segmentStart(key: Buffer): number {
  return key.readUIntBE(key.length - 7, 6) * 256 + (key[key.length - 1] as number);
}

function segmentsOf(group: GroupId): { readonly start: Buffer; readonly end: Buffer } {
  return { start: segmentKey(group, 0), end: segmentKey(group, Number.MAX_SAFE_INTEGER) };
}

// ---- state ----

/**
 * Records of a group stand under its generation, so that an installed state takes the place of the old one by changing one
 * record; the old generation is removed with the same commit.
 */
const GENERATION = 0;
const DATA = 1;
const GENERATION_FORMAT = 1;

class LmdbStateStorage implements AppliedStateStorage {
  readonly #database: Database;
  readonly #onFailure: (error: Error) => void;
  readonly #generations = new Map<GroupId, number>();

  constructor(database: Database, onFailure: (error: Error) => void) {
    this.#database = database;
    this.#onFailure = onFailure;
  }

  get(group: GroupId, key: Uint8Array): Uint8Array | undefined {
    return this.#database.get(dataKey(group, this.#generation(group), key));
  }

  snapshot(group: GroupId): StateSnapshot {
    return new LmdbSnapshot(this.#database, group, this.#generation(group));
  }

  commit(mutations: readonly StateMutation[], done: () => void): void {
    const write = (): void => {
      for (const { group, records } of mutations) this.#putAll(group, this.#generation(group), records);
    };
    commit(this.#database, write, done, this.#onFailure);
  }

  install(group: GroupId): StateInstall {
    const former = this.#generation(group);
    const generation = former + 1;
    // What an install left behind that was never finished.
    const clear = (of: number): void => {
      const range = { start: dataKey(group, of, empty), end: dataKey(group, of + 1, empty) };
      for (const key of this.#database.getKeys(range)) void this.#database.remove(key);
    };
    let fresh = true;
    return {
      add: (records, done) => {
        const write = (): void => {
          if (fresh) clear(generation);
          fresh = false;
          this.#putAll(group, generation, records);
        };
        commit(this.#database, write, done, this.#onFailure);
      },
      finish: (done) => {
        const write = (): void => {
          if (fresh) clear(generation);
          const record = seal(GENERATION_FORMAT, (writer) => writer.uint(generation));
          void this.#database.put(generationKey(group), asBuffer(record));
          clear(former);
        };
        const finished = (): void => {
          this.#generations.set(group, generation);
          done();
        };
        commit(this.#database, write, finished, this.#onFailure);
      },
      abort: () => undefined,
    };
  }

  #putAll(group: GroupId, generation: number, records: readonly StateRecord[]): void {
    for (const { key, value } of records) {
      if (value === undefined) void this.#database.remove(dataKey(group, generation, key));
      else void this.#database.put(dataKey(group, generation, key), asBuffer(value));
    }
  }

  #generation(group: GroupId): number {
    let generation = this.#generations.get(group);
    if (generation === undefined) {
      const record = this.#database.get(generationKey(group));
      generation = record === undefined ? 0 : readGeneration(record, group);
      this.#generations.set(group, generation);
    }
    return generation;
  }
}

class LmdbSnapshot implements StateSnapshot {
  readonly #transaction: ReturnType<Database['useReadTransaction']>;
  readonly #records: Iterator<{ key: Buffer; value: Buffer }>;
  readonly #prefixBytes: number;

  constructor(database: Database, group: GroupId, generation: number) {
    this.#transaction = database.useReadTransaction();
    const start = dataKey(group, generation, empty);
    this.#prefixBytes = start.length;
    const range = { start, end: dataKey(group, generation + 1, empty), transaction: this.#transaction };
    this.#records = database.getRange(range)[Symbol.iterator]();
  }

  next(maxBytes: number): readonly StateRecord[] {
    const part: StateRecord[] = [];
    let bytes = 0;
    while (bytes < maxBytes) {
      const next = this.#records.next();
      if (next.done === true) break;
      const record = next.value;
      // Copies: LMDB's buffers are valid until the next read only.
      const key = Uint8Array.from(record.key.subarray(this.#prefixBytes));
      const value = Uint8Array.from(record.value);
      part.push({ key, value });
      bytes += key.length + value.length;
    }
    return part;
  }

  close(): void {
    this.#records.return?.();
    this.#transaction.done();
  }
}

const empty = new Uint8Array();

function generationKey(group: GroupId): Buffer {
  return asBuffer(new Writer().u8(GENERATION).u32(group).finish());
}

function dataKey(group: GroupId, generation: number, key: Uint8Array): Buffer {
  return asBuffer(new Writer().u8(DATA).u32(group).u32(generation).raw(key).finish());
}

function readGeneration(record: Buffer, group: GroupId): number {
  return readSealed(record, `the state of group ${group}`, GENERATION_FORMAT, (reader) => reader.uint());
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
