/**
 * The applied state of one group: what is in the state storage, seen through what was applied since the last flush.
 *
 * State: an overlay of changes in memory, and the one that is being flushed. Invariants: reads see every applied command;
 * a flush writes a prefix of the applied commands, with the number of its entries, in one transaction.
 */
import type { GroupId, Version, Versioned } from '@kvorum/common';
import { bytesToMapKey, mapKeyToBytes, Writer } from '@kvorum/common';
import type { Ballot } from '@kvorum/consensus';
import { readBallot, writeBallot } from '@kvorum/consensus';
import { readSealed, seal, unseal } from '../storage/log-record.ts';
import { Sessions } from './sessions.ts';
import type { StateRecord, StateStorage } from '../storage/storage.ts';

/** How far a state has come. */
export interface Applied {
  /** Log entries applied. */
  readonly index: number;
  /** Commands applied: the version that the last write got, or could have got. */
  readonly revision: number;
  /** The highest leader clock seen, milliseconds since the epoch. */
  readonly timeMs: number;
}

/** First byte of a record's key. */
const KEY = 0x6b;
const META = 0x6d;
const SESSION = 0x73;
const INSTALLED = 0x69;
const metaKey = Uint8Array.of(META);
const installedKey = Uint8Array.of(INSTALLED);

/** Marks a state that came from another replica; stands in the storage until the log is known to agree with it. */
export function installedRecord(ballot: Ballot): StateRecord {
  const writer = new Writer();
  writeBallot(writer, ballot);
  return { key: installedKey, value: seal(writer.finish()) };
}

/** Throws CorruptRecord when a stored record of a group is damaged: it must not be handed to another replica. */
export function checkStateRecord(group: GroupId, record: StateRecord): void {
  if (record.value !== undefined) unseal(record.value, `a record of the state of group ${group}`);
}

/** The mark is the receiver's own business. */
export function isInstalledRecord(record: StateRecord): boolean {
  return record.key[0] === INSTALLED;
}

/** How far the stored state of a group has come. */
export function storedApplied(group: GroupId, storage: Pick<StateStorage, 'get'>): Applied {
  const record = storage.get(group, metaKey);
  return record === undefined ? { index: 0, revision: 0, timeMs: 0 } : decodeApplied(record, group);
}

type Overlay = Map<string, Versioned | undefined>;

export class GroupState {
  readonly group: GroupId;
  readonly #storage: StateStorage;
  #applied: Applied;
  #sessions: Sessions;
  #overlay: Overlay = new Map();
  /** What the flush under way writes; reads still need it. */
  #flushing: Overlay = new Map();
  #overlayBytes = 0;
  /** Entries whose effects are on disk. */
  #durableIndex: number;
  /** A fetched state is about to take the place of this one: nothing more is written. */
  #beingReplaced = false;
  /** The ballot of the mark, while that stands. */
  #installedIn: Ballot | undefined;
  #removeMark = false;

  constructor(group: GroupId, storage: StateStorage) {
    this.group = group;
    this.#storage = storage;
    this.#applied = storedApplied(this.group, this.#storage);
    this.#sessions = this.#loadSessions();
    this.#durableIndex = this.#applied.index;
    this.#installedIn = this.#loadMark();
  }

  get applied(): Applied {
    return this.#applied;
  }

  /** In which ballot at the highest this state was decided, if it came from another replica and the log has not noted it. */
  get installedIn(): Ballot | undefined {
    return this.#installedIn;
  }

  /** The log on disk agrees with this state. */
  noteInstalled(): void {
    this.#installedIn = undefined;
    this.#removeMark = true;
  }

  get durableIndex(): number {
    return this.#durableIndex;
  }

  get sessions(): Sessions {
    return this.#sessions;
  }

  /** Whether something was applied that the last flush did not write, even if it changed no key. */
  get hasUnflushed(): boolean {
    return !this.#beingReplaced && this.#applied.index > this.#durableIndex;
  }

  /** Bytes applied since the last flush began. */
  get unflushedBytes(): number {
    return this.#overlayBytes;
  }

  get(key: Uint8Array): Versioned | undefined {
    const name = bytesToMapKey(key);
    for (const overlay of [this.#overlay, this.#flushing]) {
      const found = overlay.get(name);
      if (found !== undefined || overlay.has(name)) return found;
    }
    const record = this.#storage.get(this.group, recordKey(KEY, key));
    return record === undefined ? undefined : decodeVersioned(record);
  }

  set(key: Uint8Array, version: Version, value: Uint8Array): void {
    this.#overlay.set(bytesToMapKey(key), { version, value });
    this.#overlayBytes += key.length + value.length + 64;
  }

  remove(key: Uint8Array): void {
    this.#overlay.set(bytesToMapKey(key), undefined);
    this.#overlayBytes += key.length + 64;
  }

  /** Notes that everything up to here is applied. */
  advance(applied: Applied): void {
    this.#applied = applied;
  }

  /** Takes what is to be written, or undefined when nothing was applied. Call `flushed` when it is on disk. */
  startFlush(): { readonly records: readonly StateRecord[]; readonly flushed: () => void } | undefined {
    const applied = this.#applied;
    if (!this.hasUnflushed) return undefined;
    const records: StateRecord[] = [{ key: metaKey, value: encodeApplied(applied) }];
    for (const [name, found] of this.#overlay) {
      records.push({ key: recordKey(KEY, mapKeyToBytes(name)), value: found && encodeVersioned(found) });
    }
    if (this.#removeMark) records.push({ key: installedKey, value: undefined });
    this.#removeMark = false;
    for (const { id, record } of this.#sessions.takeChanges()) {
      records.push({ key: sessionKey(id), value: record && seal(record) });
    }
    this.#flushing = this.#overlay;
    this.#overlay = new Map();
    this.#overlayBytes = 0;
    const flushed = (): void => {
      this.#flushing = new Map();
      this.#durableIndex = Math.max(this.#durableIndex, applied.index);
    };
    return { records, flushed };
  }

  /** Writes nothing more until `reload`. */
  beginReplacement(): void {
    this.#beingReplaced = true;
  }

  /** Takes over a state that was installed into the storage. */
  reload(): void {
    this.#beingReplaced = false;
    this.#removeMark = false;
    this.#overlay = new Map();
    this.#flushing = new Map();
    this.#overlayBytes = 0;
    this.#applied = storedApplied(this.group, this.#storage);
    this.#sessions = this.#loadSessions();
    this.#durableIndex = this.#applied.index;
    this.#installedIn = this.#loadMark();
  }

  #loadMark(): Ballot | undefined {
    const record = this.#storage.get(this.group, installedKey);
    return record && readSealed(record, `the mark of group ${this.group}`, readBallot);
  }

  #loadSessions(): Sessions {
    const records: Uint8Array[] = [];
    const snapshot = this.#storage.snapshot(this.group);
    for (let part = snapshot.next(1 << 20); part.length > 0; part = snapshot.next(1 << 20)) {
      for (const { key, value } of part) if (key[0] === SESSION && value !== undefined) records.push(value);
    }
    snapshot.close();
    return Sessions.load(
      records.map((record) => readSealed(record, `a session of group ${this.group}`, (r) => r.raw(r.remaining))),
    );
  }
}

function recordKey(kind: number, rest: Uint8Array): Uint8Array {
  const key = new Uint8Array(rest.length + 1);
  key[0] = kind;
  key.set(rest, 1);
  return key;
}

function sessionKey(id: number): Uint8Array {
  return new Writer().u8(SESSION).f64(id).finish();
}

function encodeVersioned(found: Versioned): Uint8Array {
  return seal(new Writer().uint(found.version).raw(found.value).finish());
}

function decodeVersioned(record: Uint8Array): Versioned {
  return readSealed(record, 'a value', (reader) => ({ version: reader.uint(), value: reader.raw(reader.remaining) }));
}

function encodeApplied(applied: Applied): Uint8Array {
  return seal(new Writer().uint(applied.index).uint(applied.revision).uint(applied.timeMs).finish());
}

function decodeApplied(record: Uint8Array, group: GroupId): Applied {
  return readSealed(record, `the applied index of group ${group}`, (reader) => ({
    index: reader.uint(),
    revision: reader.uint(),
    timeMs: reader.uint(),
  }));
}
