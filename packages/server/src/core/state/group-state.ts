/**
 * The applied state of one group: how far it has come, its sessions, and the machine with the meaning of its commands; in the
 * state storage, seen through what was applied since the last flush.
 *
 * Invariants: reads see every applied command; a flush writes a prefix of the applied entries, with their number, in one
 * transaction; log time never goes back.
 */
import type { Answer, GroupId, GroupReply, Problem, Query, Settings } from '@kvorum/common';
import { Writer } from '@kvorum/common';
import { seal, readSealed, checkSeal } from '../storage/sealed-record.ts';
import type { AppliedStateStorage, StateRecord } from '../storage/storage-ports.ts';
import type { Batch, LoggedCommand } from './batch.ts';
import { decodeBatch } from './batch.ts';
import { Sessions } from './sessions.ts';
import type { StateMachine } from './state-machine.ts';
import { MACHINE_RECORD } from './state-machine.ts';

/** How far a state has come. */
export interface Applied {
  /** Log entries applied. */
  readonly index: number;
  /** Commands applied: the version that the last write got, or could have got. */
  readonly revision: number;
  /** Log time: the sum of what the entries say has passed, milliseconds. */
  readonly logMs: number;
  /** The same without the outages, in which no client could have told that it is there. */
  readonly leaseMs: number;
}

/** A reply without what only the replica knows of who served it. */
export type AppliedReply =
  | { readonly type: 'session'; readonly session: number }
  | Omit<Extract<GroupReply, { type: 'result' }>, 'served'>
  | ({ readonly type: 'refused' } & Problem);

/** First byte of a record's key; the machine's records have another one. */
const META = 0x6d;
const SESSION = 0x73;
const INSTALLED = 0x69;
const metaKey = Uint8Array.of(META);
const installedKey = Uint8Array.of(INSTALLED);

const META_FORMAT = 1;
const INSTALLED_FORMAT = 1;
const SESSION_FORMAT = 1;
/** Log positions and revisions up to here are read: far more than any log ever has. */
const POSITION_MAX = 2 ** 48;
/** Of the storage, how much is looked at in one go. */
const SCAN_BYTES = 1 << 20;

const nothingApplied: Applied = { index: 0, revision: 0, logMs: 0, leaseMs: 0 };

/**
 * Marks a state that came from another replica; stands in the storage until the log is known to agree with it. `proof` is what
 * the sender's log said of it.
 */
export function installedRecord(proof: Uint8Array): StateRecord {
  return { key: installedKey, value: seal(INSTALLED_FORMAT, (writer) => writer.raw(proof)) };
}

/** The installed record is the receiver's own business. */
export function isInstalledRecord(record: StateRecord): boolean {
  return record.key[0] === INSTALLED;
}

/** How far the stored state of a group has come. */
export function storedApplied(group: GroupId, storage: Pick<AppliedStateStorage, 'get'>): Applied {
  const record = storage.get(group, metaKey);
  return record === undefined ? nothingApplied : decodeApplied(record, group);
}

export class GroupState {
  readonly group: GroupId;
  readonly machine: StateMachine;
  readonly #storage: AppliedStateStorage;
  readonly #settings: Settings;
  #applied: Applied;
  #sessions: Sessions;
  /** Entries whose effects are on disk. */
  #durableIndex: number;
  /** A fetched state is about to take the place of this one: nothing more is written. */
  #beingReplaced = false;
  /** What the installed record says, while that stands. */
  #installedProof: Uint8Array | undefined;
  #removeInstalledRecord = false;

  constructor(group: GroupId, storage: AppliedStateStorage, machine: StateMachine, settings: Settings) {
    this.group = group;
    this.machine = machine;
    this.#storage = storage;
    this.#settings = settings;
    this.#applied = storedApplied(group, storage);
    this.#sessions = this.#loadSessions();
    this.#durableIndex = this.#applied.index;
    this.#installedProof = this.#loadInstalledProof();
  }

  get applied(): Applied {
    return this.#applied;
  }

  /** What the sender said of this state, if it came from another replica and the log has not noted it. */
  get installedProof(): Uint8Array | undefined {
    return this.#installedProof;
  }

  /** The log on disk agrees with this state. */
  noteInstalled(): void {
    this.#installedProof = undefined;
    this.#removeInstalledRecord = true;
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

  /** Applies the entry at `index`; the replies are in the order of its commands. */
  apply(index: number, payload: Uint8Array): AppliedReply[] {
    const batch = decodeBatch(payload);
    const { logMs, leaseMs } = this.#timeAfter(batch);
    let { revision } = this.#applied;
    this.#sessions.expire(leaseMs);
    const replies = batch.commands.map((command) => {
      revision += 1;
      return this.#applyCommand(command, revision, leaseMs);
    });
    this.#applied = { index: index + 1, revision, logMs, leaseMs };
    return replies;
  }

  #timeAfter({ elapsedMs, outageMs }: Batch): { readonly logMs: number; readonly leaseMs: number } {
    return { logMs: this.#applied.logMs + elapsedMs, leaseMs: this.#applied.leaseMs + elapsedMs - outageMs };
  }

  #applyCommand(logged: LoggedCommand, revision: number, leaseMs: number): AppliedReply {
    if (logged.type === 'open-session') {
      this.#sessions.open(revision, leaseMs);
      return { type: 'session', session: revision };
    }
    const { session, command } = logged;
    if (session === 0) return replyOf(this.machine.apply(command, revision));
    const admission = this.#sessions.admit(session, logged.sequence, logged.floor, revision, leaseMs);
    switch (admission.type) {
      case 'execute': {
        const execution = this.machine.apply(command, revision);
        if (execution.type !== 'not-executed') admission.remember(execution);
        return replyOf(execution);
      }
      case 'done':
        return { type: 'result', result: admission.result };
      case 'expired':
        return refused('session-expired', 'the session is unknown or has expired; open a new one');
      case 'stale':
        return refused('bad-request', 'the sequence is below the floor: its reply was already taken');
      case 'beyond-window':
        return refused('busy', 'too many commands of the session are unanswered');
    }
  }

  query(query: Query): Answer {
    return this.machine.query(query);
  }

  /** Takes what is to be written, or undefined when nothing was applied. Call `flushed` when it is on disk. */
  startFlush(): { readonly records: readonly StateRecord[]; readonly flushed: () => void } | undefined {
    const applied = this.#applied;
    if (!this.hasUnflushed) return undefined;
    const machine = this.machine.startFlush();
    const records: StateRecord[] = [{ key: metaKey, value: encodeApplied(applied) }, ...machine.records];
    if (this.#removeInstalledRecord) records.push({ key: installedKey, value: undefined });
    this.#removeInstalledRecord = false;
    for (const { id, record } of this.#sessions.takeChanges()) {
      records.push({ key: sessionKey(id), value: record && seal(SESSION_FORMAT, (writer) => writer.raw(record)) });
    }
    const flushed = (): void => {
      machine.flushed();
      this.#durableIndex = Math.max(this.#durableIndex, applied.index);
    };
    return { records, flushed };
  }

  /** A record that is to be handed to another replica: throws CorruptRecord when it is damaged. */
  checkSnapshotRecord(record: StateRecord): void {
    if (record.key[0] === MACHINE_RECORD) this.machine.checkSnapshotRecord(record);
    else if (record.value !== undefined) checkSeal(record.value, `a record of the state of group ${this.group}`);
  }

  /** Writes nothing more until `reload`. */
  beginReplacement(): void {
    this.#beingReplaced = true;
  }

  /** Takes over a state that was installed into the storage. */
  reload(): void {
    this.#beingReplaced = false;
    this.#removeInstalledRecord = false;
    this.machine.restore();
    this.#applied = storedApplied(this.group, this.#storage);
    this.#sessions = this.#loadSessions();
    this.#durableIndex = this.#applied.index;
    this.#installedProof = this.#loadInstalledProof();
  }

  #loadInstalledProof(): Uint8Array | undefined {
    const record = this.#storage.get(this.group, installedKey);
    const what = `the installed record of group ${this.group}`;
    return record && readSealed(record, what, INSTALLED_FORMAT, (reader) => reader.raw(reader.remaining));
  }

  #loadSessions(): Sessions {
    const what = `a session of group ${this.group}`;
    const records: Uint8Array[] = [];
    const snapshot = this.#storage.snapshot(this.group);
    for (let part = snapshot.next(SCAN_BYTES); part.length > 0; part = snapshot.next(SCAN_BYTES)) {
      for (const { key, value } of part) {
        if (key[0] !== SESSION || value === undefined) continue;
        records.push(readSealed(value, what, SESSION_FORMAT, (reader) => reader.raw(reader.remaining)));
      }
    }
    snapshot.close();
    return Sessions.load(records, this.#settings);
  }
}

function replyOf(execution: ReturnType<StateMachine['apply']>): AppliedReply {
  if (execution.type !== 'not-executed') return { type: 'result', result: execution };
  return refused(execution.code, execution.message);
}

function refused(code: Problem['code'], message: string): AppliedReply {
  return { type: 'refused', code, message };
}

function sessionKey(id: number): Uint8Array {
  return new Writer().u8(SESSION).f64(id).finish();
}

function encodeApplied({ index, revision, logMs, leaseMs }: Applied): Uint8Array {
  return seal(META_FORMAT, (writer) => {
    writer.uint(index, POSITION_MAX).uint(revision, POSITION_MAX).uint(logMs).uint(leaseMs);
  });
}

function decodeApplied(record: Uint8Array, group: GroupId): Applied {
  return readSealed(record, `the applied index of group ${group}`, META_FORMAT, (reader) => ({
    index: reader.uint(POSITION_MAX),
    revision: reader.uint(POSITION_MAX),
    logMs: reader.uint(),
    leaseMs: reader.uint(),
  }));
}
