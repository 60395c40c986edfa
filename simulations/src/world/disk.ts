/**
 * The disk of a simulated node: survives crashes, and holds what was committed before them. A commit takes time; what was
 * under way at a crash is lost. Records have the production format, checksums included.
 */
import type { GroupId } from '@kvorum/common';
import { bytesToMapKey, mapKeyToBytes, murmur3 } from '@kvorum/common';
import type { Recovered } from '@kvorum/consensus';
import type {
  LogMutation,
  LogStorage,
  StateInstall,
  StateMutation,
  StateRecord,
  StateSnapshot,
  StateStorage,
} from '@kvorum/server/core';
import {
  isInstalledRecord,
  decodeEntries,
  decodeHardState,
  encodeEntries,
  encodeHardState,
  joinSegments,
} from '@kvorum/server/core';
import type { RandomStream } from './random-stream.ts';

interface GroupLog {
  hardState: Uint8Array | undefined;
  /** Sealed entries by the position of the first. */
  segments: Map<number, Uint8Array>;
  /** Where the last of them starts. */
  end: number;
}

/** Runs `done` later, unless the process is gone by then. */
export type Later = (delayUs: number, done: () => void) => void;

/** Has the commits of one store done one after the other, in the order they were asked for. */
function inOrder(later: Later): Later {
  const waiting: { readonly delayUs: number; readonly done: () => void }[] = [];
  const next = (): void => {
    const first = waiting[0];
    if (first === undefined) return;
    later(first.delayUs, () => {
      // Still in the queue, so that a commit which this one leads to waits behind it.
      first.done();
      waiting.shift();
      next();
    });
  };
  return (delayUs, done) => {
    waiting.push({ delayUs, done });
    if (waiting.length === 1) next();
  };
}

export interface DiskOptions {
  /** How long a commit takes, microseconds. */
  readonly commitUs: readonly [min: number, max: number];
}

export class Disk {
  readonly #random: RandomStream;
  readonly #options: DiskOptions;
  readonly #records = new Map<string, Uint8Array>();
  readonly #logs = new Map<GroupId, GroupLog>();
  readonly #states = new Map<GroupId, Map<string, Uint8Array>>();
  /** Slows every commit down by this factor. */
  slowness = 1;
  /** Reports commits as done that it never makes: a lying disk, for tests of the checks. */
  forgetsCommits = false;

  constructor(random: RandomStream, options: DiskOptions) {
    this.#random = random;
    this.#options = options;
  }

  /** Of a group's applied state; equal states have equal hashes. */
  stateHash(group: GroupId): string {
    let hash = 0;
    for (const [name, value] of [...(this.#states.get(group) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1))) {
      // A mark of the replica's own, not part of the replicated state.
      if (isInstalledRecord({ key: mapKeyToBytes(name), value })) continue;
      hash = murmur3(value, murmur3(mapKeyToBytes(name), hash));
    }
    return hash.toString(16);
  }

  logStorage(later: Later): LogStorage {
    const inTurn = inOrder(later);
    return {
      readRecord: (name) => this.#records.get(name),
      readGroup: (group) => this.#readGroup(group),
      commit: (mutations, done) => {
        // Encoded now: what the caller does to its entries afterwards is not what it asked to be written.
        const writes = mutations.map((mutation) => this.#prepare(mutation));
        inTurn(this.#commitUs(), () => {
          if (!this.forgetsCommits) for (const write of writes) write();
          done();
        });
      },
    };
  }

  stateStorage(later: Later): StateStorage {
    const inTurn = inOrder(later);
    return {
      get: (group, key) => this.#states.get(group)?.get(bytesToMapKey(key)),
      snapshot: (group) => new Snapshot(this.#states.get(group) ?? new Map<string, Uint8Array>()),
      install: (group) => this.#install(group, inTurn),
      commit: (mutations, done) => {
        inTurn(this.#commitUs(), () => {
          if (!this.forgetsCommits) for (const mutation of mutations) this.#applyState(mutation);
          done();
        });
      },
    };
  }

  #commitUs(): number {
    return this.#random.int(...this.#options.commitUs) * this.slowness;
  }

  #readGroup(group: GroupId): Recovered | undefined {
    const log = this.#logs.get(group);
    if (log?.hardState === undefined) return undefined;
    const what = `the log of group ${group}`;
    const hardState = decodeHardState(log.hardState, what);
    const segments = [...log.segments]
      .sort(([a], [b]) => a - b)
      .map(([from, record]) => ({ from, entries: decodeEntries(record, what) }));
    return { ...hardState, entries: joinSegments(hardState.compactedIndex, segments, what) };
  }

  #prepare(mutation: LogMutation): () => void {
    if (mutation.type === 'record') return () => this.#records.set(mutation.name, mutation.value);
    const hardState = mutation.hardState && encodeHardState(mutation.hardState);
    const { append } = mutation;
    const segment = append && { from: append.from, record: encodeEntries(append.entries) };
    const compactedIndex = mutation.hardState?.compactedIndex ?? 0;
    return () => {
      const log = this.#logs.get(mutation.group) ?? {
        hardState: undefined,
        segments: new Map<number, Uint8Array>(),
        end: -1,
      };
      this.#logs.set(mutation.group, log);
      log.hardState = hardState ?? log.hardState;
      if (segment !== undefined) {
        // Seldom anything to cut: the newest segment is the last one of the map, and of the log.
        if (log.end > segment.from)
          for (const from of [...log.segments.keys()]) if (from > segment.from) log.segments.delete(from);
        log.segments.set(segment.from, segment.record);
        log.end = segment.from;
      }
      if (hardState !== undefined) dropCompacted(log.segments, compactedIndex);
    };
  }

  #applyState(mutation: StateMutation): void {
    const state = this.#states.get(mutation.group) ?? new Map<string, Uint8Array>();
    this.#states.set(mutation.group, state);
    for (const { key, value } of mutation.records) {
      if (value === undefined) state.delete(bytesToMapKey(key));
      else state.set(bytesToMapKey(key), value);
    }
  }

  #install(group: GroupId, later: Later): StateInstall {
    const staged = new Map<string, Uint8Array>();
    return {
      add: (records, done) => {
        later(this.#commitUs(), () => {
          for (const { key, value } of records) if (value !== undefined) staged.set(bytesToMapKey(key), value);
          done();
        });
      },
      finish: (done) => {
        later(this.#commitUs(), () => {
          this.#states.set(group, staged);
          done();
        });
      },
      abort: () => staged.clear(),
    };
  }
}

/** Forgets segments that end below the index: the ones whose successor starts at or below it. */
function dropCompacted(segments: Map<number, Uint8Array>, compactedIndex: number): void {
  const starts = [...segments.keys()].sort((a, b) => a - b);
  for (const [place, from] of starts.entries()) {
    const next = starts[place + 1];
    if (next === undefined || next > compactedIndex) return;
    segments.delete(from);
  }
}

class Snapshot implements StateSnapshot {
  readonly #records: [string, Uint8Array][];
  #place = 0;

  constructor(state: ReadonlyMap<string, Uint8Array>) {
    this.#records = [...state].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  next(maxBytes: number): readonly StateRecord[] {
    const part: StateRecord[] = [];
    let bytes = 0;
    while (this.#place < this.#records.length && bytes < maxBytes) {
      const [name, value] = this.#records[this.#place] as [string, Uint8Array];
      part.push({ key: mapKeyToBytes(name), value });
      bytes += name.length + value.length;
      this.#place += 1;
    }
    return part;
  }

  close(): void {
    this.#records.length = 0;
  }
}
