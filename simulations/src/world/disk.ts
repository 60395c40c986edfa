/**
 * The disk of a simulated node: survives crashes, and holds what was committed before them. A commit is handed over, and takes
 * time until it is synced and reported; the one that was under way at a crash is there as a whole or not at all, by chance,
 * and those behind it are not. Records have the production format, checksums included.
 *
 * Besides it can be slow, full, fail a commit, tear the record it is writing at a crash, and flip a bit of what it holds. For
 * tests of the checks it lies: it forgets commits that it reported, or reports commits of the log before they are synced.
 */
import type { GroupId } from '@kvorum/common';
import { bytesToMapKey, mapKeyToBytes, murmur3 } from '@kvorum/common';
import type {
  AppliedStateStorage,
  LogHead,
  LogWrite,
  NodeRecords,
  ReplicatedLogStorage,
  StateInstall,
  StateMutation,
  StateRecord,
  StateSnapshot,
  StoredLog,
} from '@kvorum/server/core';
import {
  decodeEntries,
  decodeLogHead,
  encodeEntries,
  encodeLogHead,
  isInstalledRecord,
  joinSegments,
  seal,
  storedApplied,
  unseal,
} from '@kvorum/server/core';
import type { RandomStream } from './random-stream.ts';

const GROUP_RECORD_FORMAT = 1;
/** A write into the memory of the system, which a power failure empties. */
const WRITE_US = 50;

interface GroupLog {
  /** Sealed. */
  head: Uint8Array | undefined;
  /** What it holds. */
  headNow: LogHead;
  /** Sealed records by key, for protocols without a log. */
  readonly records: Map<string, Uint8Array>;
  /** Sealed entries by the position of the first. */
  segments: Map<number, Uint8Array>;
  /** Where the last of them starts. */
  end: number;
}

/** Runs `done` later, unless the process is gone by then. */
export type Later = (delayUs: number, done: () => void) => void;

/** The process that uses the disk. */
export interface DiskUser {
  readonly later: Later;
  /** A commit failed: in production that ends the process. */
  readonly onFailure: (reason: string) => void;
  /** A commit was asked for, is on disk, or was reported. */
  readonly onPoint?: (what: string) => void;
}

interface Commit {
  readonly what: string;
  /** What it takes on a disk that is not slow. */
  readonly delayUs: number;
  /** Makes the changes; with a torn last record if so told. */
  readonly write: (torn: boolean) => void;
  /** Whether a torn write of it leaves damage. */
  readonly tears: boolean;
  readonly done: () => void;
}

/** The commits of one store, one after the other, in the order they were asked for. */
class CommitQueue {
  readonly #user: DiskUser;
  readonly #slowness: () => number;
  readonly #failure: () => string | undefined;
  readonly #figures: DiskFigures;
  readonly #waiting: Commit[] = [];

  /** `failure` tells why a commit that is about to be done fails instead. */
  constructor(user: DiskUser, slowness: () => number, failure: () => string | undefined, figures: DiskFigures) {
    this.#user = user;
    this.#slowness = slowness;
    this.#failure = failure;
    this.#figures = figures;
  }

  add(commit: Commit): void {
    this.#user.onPoint?.(`${commit.what}: asked`);
    this.#waiting.push(commit);
    if (this.#waiting.length === 1) this.#next();
  }

  /** The one under way at a crash. */
  takeFirst(): Commit | undefined {
    return this.#waiting.splice(0)[0];
  }

  /** The disk is fast again: what is under way need not take as long as it would have. */
  hurry(): void {
    const first = this.#waiting[0];
    if (first !== undefined) this.#finishAfter(0, first);
  }

  #next(): void {
    const first = this.#waiting[0];
    if (first === undefined) return;
    const delayUs = first.delayUs * this.#slowness();
    this.#figures.longestCommitUs = Math.max(this.#figures.longestCommitUs, delayUs);
    this.#finishAfter(delayUs, first);
  }

  #finishAfter(delayUs: number, first: Commit): void {
    this.#user.later(delayUs, () => {
      // It may have been hurried.
      if (this.#waiting[0] !== first) return;
      const failure = this.#failure();
      if (failure !== undefined) {
        this.#user.onFailure(failure);
        return;
      }
      first.write(false);
      this.#user.onPoint?.(`${first.what}: written`);
      // Still in the queue, so that a commit which this one leads to waits behind it.
      first.done();
      this.#user.onPoint?.(`${first.what}: reported`);
      this.#waiting.shift();
      this.#next();
    });
  }
}

/** What happened to commits. */
export interface DiskFigures {
  /** What a commit takes unless the disk recovers meanwhile, since somebody set it to 0. */
  longestCommitUs: number;
  failed: number;
  full: number;
  torn: number;
}

/** How long a commit takes on a disk that is not slow, microseconds. */
export const COMMIT_US: readonly [min: number, max: number] = [200, 2000];

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
  readonly figures: DiskFigures = { longestCommitUs: 0, failed: 0, full: 0, torn: 0 };
  #slowness = 1;
  /** Reports commits as done that it never makes: a lying disk, for tests of the checks. */
  forgetsCommits = false;
  /** Reports commits of the log when they are written, before they are synced: a lying disk, too. */
  reportsUnsynced = false;
  /** Has no room: every commit fails. */
  full = false;
  /** The next commit fails. */
  failsOnce = false;
  /** The power goes in the middle of the next commit, which is not atomic this time. */
  tearsOnce = false;
  /** Whether the commit under way at a crash is there; undefined for chance. */
  keepsUnderWay: boolean | undefined;
  #damaged = false;
  #queues: CommitQueue[] = [];

  constructor(random: RandomStream, options: DiskOptions) {
    this.#random = random;
    this.#options = options;
  }

  /** Log entries that a group's stored state has applied. */
  appliedIndex(group: GroupId): number {
    return storedApplied(group, { get: (_, key) => this.#states.get(group)?.get(bytesToMapKey(key)) }).index;
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

  /** Slows every commit down by this factor. */
  get slowness(): number {
    return this.#slowness;
  }

  set slowness(factor: number) {
    const isFaster = factor < this.#slowness;
    this.#slowness = factor;
    if (isFaster) for (const queue of this.#queues) queue.hurry();
  }

  /** Whether nothing was ever written to it. */
  get isEmpty(): boolean {
    return this.#records.size === 0 && this.#logs.size === 0 && this.#states.size === 0;
  }

  /** Whether what it holds is not what was written. */
  get damaged(): boolean {
    return this.#damaged;
  }

  /** The power is gone: of the commits under way, some are there as a whole, the others not at all. */
  crash(): void {
    for (const queue of this.#queues) {
      const commit = queue.takeFirst();
      if (commit === undefined || this.forgetsCommits || this.full) continue;
      const isKept = this.#random.chance(0.5);
      if (this.tearsOnce && commit.tears) {
        this.tearsOnce = false;
        this.#damaged = true;
        this.figures.torn += 1;
        commit.write(true);
      } else if (this.keepsUnderWay ?? isKept) {
        commit.write(false);
      }
    }
    this.#queues = [];
  }

  /** Flips one bit of what it holds; false when it holds nothing. */
  flipBit(random: RandomStream): boolean {
    const places: [Map<unknown, Uint8Array>, unknown][] = [...this.#records.keys()].map((name) => [
      this.#records,
      name,
    ]);
    for (const log of this.#logs.values()) {
      for (const from of log.segments.keys()) places.push([log.segments, from]);
      for (const name of log.records.keys()) places.push([log.records, name]);
    }
    for (const state of this.#states.values()) for (const name of state.keys()) places.push([state, name]);
    if (places.length === 0) return false;
    const [map, key] = random.pick(places);
    const damaged = new Uint8Array(map.get(key) as Uint8Array);
    const bit = random.int(0, damaged.length * 8 - 1);
    damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
    map.set(key, damaged);
    this.#damaged = true;
    return true;
  }

  /** Changes every record of the logs as it stands on the disk, so that a test can look at formats. */
  rewriteLogs(change: (record: Uint8Array) => Uint8Array): void {
    for (const log of this.#logs.values()) {
      log.head = log.head && change(log.head);
      for (const [from, record] of log.segments) log.segments.set(from, change(record));
      for (const [name, record] of log.records) log.records.set(name, change(record));
    }
  }

  nodeRecords(user: DiskUser): NodeRecords {
    const queue = this.#openQueue(user);
    return {
      read: (name) => this.#records.get(name),
      write: (records, done) => {
        const write = (torn: boolean): void => {
          if (this.forgetsCommits) return;
          for (const [place, { name, value }] of records.entries()) {
            this.#records.set(name, torn && place === records.length - 1 ? this.#tear(value) : value);
          }
        };
        queue.add({ what: 'node records', delayUs: this.#commitUs(), write, tears: true, done });
      },
    };
  }

  logStorage(user: DiskUser): ReplicatedLogStorage {
    const queue = this.#openQueue(user);
    return {
      readLog: (group) => this.#readLog(group),
      readRecords: (group) => this.#readRecords(group),
      commit: (writes, done) => {
        // Encoded now: what the caller does to its entries afterwards is not what it asked to be written.
        const prepared = writes.map((each) => this.#prepare(each));
        const write = (torn: boolean): void => {
          if (this.forgetsCommits) return;
          for (const [place, make] of prepared.entries()) make(torn && place === prepared.length - 1);
        };
        const early = this.reportsUnsynced;
        const synced = early ? (): void => undefined : done;
        queue.add({ what: 'log commit', delayUs: this.#commitUs(), write, tears: true, done: synced });
        if (early) user.later(WRITE_US, done);
      },
    };
  }

  stateStorage(user: DiskUser): AppliedStateStorage {
    const queue = this.#openQueue(user);
    return {
      get: (group, key) => this.#states.get(group)?.get(bytesToMapKey(key)),
      snapshot: (group) => new Snapshot(this.#states.get(group) ?? new Map<string, Uint8Array>()),
      install: (group) => this.#install(group, queue),
      commit: (mutations, done) => {
        const write = (torn: boolean): void => {
          if (this.forgetsCommits) return;
          for (const [place, mutation] of mutations.entries()) {
            this.#applyState(mutation, torn && place === mutations.length - 1);
          }
        };
        queue.add({ what: 'state commit', delayUs: this.#commitUs(), write, tears: true, done });
      },
    };
  }

  #openQueue(user: DiskUser): CommitQueue {
    const failure = (): string | undefined => {
      if (this.tearsOnce) return 'power off in the middle of a record';
      if (this.full) {
        this.figures.full += 1;
        return 'no space left on device';
      }
      if (!this.failsOnce) return undefined;
      this.failsOnce = false;
      this.figures.failed += 1;
      return 'input/output error';
    };
    const queue = new CommitQueue(user, () => this.#slowness, failure, this.figures);
    this.#queues.push(queue);
    return queue;
  }

  #commitUs(): number {
    return this.#random.int(...this.#options.commitUs);
  }

  #readLog(group: GroupId): StoredLog | undefined {
    const log = this.#logs.get(group);
    if (log?.head === undefined) return undefined;
    const what = `the log of group ${group}`;
    const { compactedIndex, hardState } = decodeLogHead(log.head, what);
    const segments = [...log.segments]
      .sort(([a], [b]) => a - b)
      .map(([from, record]) => ({ from, entries: decodeEntries(record, what) }));
    return { hardState, compactedIndex, entries: joinSegments(compactedIndex, segments, what) };
  }

  #readRecords(group: GroupId): readonly StateRecord[] {
    const records = [...(this.#logs.get(group)?.records ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
    return records.map(([name, record]) => {
      const value = unseal(record, `a record of group ${group}`, GROUP_RECORD_FORMAT);
      return { key: mapKeyToBytes(name), value };
    });
  }

  #logOf(group: GroupId): GroupLog {
    let log = this.#logs.get(group);
    if (log === undefined) {
      log = {
        head: undefined,
        headNow: { compactedIndex: 0, hardState: undefined },
        records: new Map(),
        segments: new Map(),
        end: -1,
      };
      this.#logs.set(group, log);
    }
    return log;
  }

  #prepare({ group, hardState, compactedIndex, append, records = [] }: LogWrite): (torn: boolean) => void {
    const segment = append && { from: append.from, record: encodeEntries(append.entries) };
    const sealed = records.map(({ key, value }) => {
      return { name: bytesToMapKey(key), record: value && seal(GROUP_RECORD_FORMAT, (writer) => writer.raw(value)) };
    });
    return (torn) => {
      const log = this.#logOf(group);
      for (const [place, { name, record }] of sealed.entries()) {
        if (record === undefined) log.records.delete(name);
        else log.records.set(name, torn && place === sealed.length - 1 ? this.#tear(record) : record);
      }
      if (
        hardState !== undefined ||
        compactedIndex !== undefined ||
        (segment !== undefined && log.head === undefined)
      ) {
        log.headNow = {
          hardState: hardState ?? log.headNow.hardState,
          compactedIndex: compactedIndex ?? log.headNow.compactedIndex,
        };
        const head = encodeLogHead(log.headNow);
        log.head = torn && segment === undefined ? this.#tear(head) : head;
      }
      if (segment !== undefined) {
        // Seldom anything to cut: the newest segment is the last one of the map, and of the log.
        if (log.end > segment.from)
          for (const from of [...log.segments.keys()]) if (from > segment.from) log.segments.delete(from);
        log.segments.set(segment.from, torn ? this.#tear(segment.record) : segment.record);
        log.end = segment.from;
      }
      if (compactedIndex !== undefined) dropCompacted(log.segments, compactedIndex);
    };
  }

  #applyState(mutation: StateMutation, torn: boolean): void {
    const state = this.#states.get(mutation.group) ?? new Map<string, Uint8Array>();
    this.#states.set(mutation.group, state);
    for (const [place, { key, value }] of mutation.records.entries()) {
      if (value === undefined) state.delete(bytesToMapKey(key));
      else state.set(bytesToMapKey(key), torn && place === mutation.records.length - 1 ? this.#tear(value) : value);
    }
  }

  #install(group: GroupId, queue: CommitQueue): StateInstall {
    const staged = new Map<string, Uint8Array>();
    const add = (records: readonly StateRecord[]): void => {
      for (const { key, value } of records) if (value !== undefined) staged.set(bytesToMapKey(key), value);
    };
    return {
      add: (records, done) => {
        const write = (): void => add(records);
        queue.add({ what: 'snapshot part', delayUs: this.#commitUs(), write, tears: false, done });
      },
      finish: (done) => {
        const write = (): void => void this.#states.set(group, staged);
        queue.add({ what: 'snapshot end', delayUs: this.#commitUs(), write, tears: false, done });
      },
      // What was asked for before stands, the end included.
      abort: () => undefined,
    };
  }

  /** What is left of a record when the power went while it was written. */
  #tear(record: Uint8Array): Uint8Array {
    return record.slice(0, this.#random.int(0, record.length - 1));
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
