/**
 * The smallest register protocol: one member, one copy of each key, no log, no leader, no replication. It shows that a group can
 * run something else than a log, without a change to the node's loop, the router or the simulator; for tests only, since one
 * disk is all that its keys have.
 *
 * State: each key's value and version, and what each session was answered. Invariants: an answer leaves after what it says is
 * on disk; a command that is repeated gets the answer it had.
 */
import type { Answer, CommandResult, GroupReply, GroupRequest, Versioned } from '@kvorum/common';
import {
  answerQuery,
  applyCommand,
  bytesToMapKey,
  decodeAll,
  failureText,
  mapKeyToBytes,
  operationTypes,
  readCommandResult,
  Writer,
  writeCommandResult,
} from '@kvorum/common';
import type {
  Outcome,
  Replica,
  ReplicaEffects,
  ReplicaInput,
  ReplicaSeat,
  ReplicationProtocol,
  StateRecord,
} from '@kvorum/server/core';
import { refusal } from '@kvorum/server/core';

const KEY = 0x6b;
const ANSWER = 0x61;
const VERSION = 0x76;

const SESSIONS_PER_INCARNATION = 2 ** 24;

/** `order: 'register'`: no order between keys is promised, though one copy happens to have one. */
export const singleCopyRegister: ReplicationProtocol = {
  name: 'single-copy-register',
  traits: { operations: operationTypes, order: 'register', leader: 'none', sessions: true, levels: ['linearizable'] },
  open: (seat) => {
    if (seat.members.length !== 1)
      throw new RangeError(`group ${seat.group} has ${seat.members.length} members, not one`);
    return new SingleCopyReplica(seat);
  },
};

export class SingleCopyReplica implements Replica {
  readonly serves = true;
  readonly healthy = true;
  readonly leader: number;
  readonly term: { readonly number: number; readonly node: number };
  readonly applied = undefined;
  readonly log = undefined;
  readonly #seat: ReplicaSeat;
  readonly #values = new Map<string, Versioned>();
  readonly #answers = new Map<string, CommandResult>();
  #version = 0;
  #lastSession: number;
  #changes: StateRecord[] = [];
  /** Answers that wait for a write, by its number. */
  readonly #waiting = new Map<number, Outcome[]>();
  #lastWrite = 0;

  constructor(seat: ReplicaSeat) {
    this.#seat = seat;
    this.leader = seat.self;
    this.term = { number: seat.incarnation, node: seat.self };
    this.#lastSession = seat.incarnation * SESSIONS_PER_INCARNATION;
    for (const { key, value } of seat.logStorage.readRecords(seat.group))
      if (value !== undefined) this.#load(key, value);
  }

  writeMessage(): void {
    throw new Error('one member has nobody to send to');
  }

  heartbeat(): undefined {
    return undefined;
  }

  describe(): Record<string, number> {
    return { leader: this.leader, ballot: this.term.number, keys: this.#values.size };
  }

  step(inputs: readonly ReplicaInput[]): ReplicaEffects {
    const outcomes: Outcome[] = [];
    const written: Outcome[] = [];
    for (const input of inputs) {
      if (input.type === 'persisted') outcomes.push(...this.#persisted(input.receipt as number));
      if (input.type !== 'request') continue;
      const outcome = { ticket: input.ticket, reply: this.#serve(input.request) };
      // A read waits for what it read, too: a crash must not take back what somebody was told.
      written.push(outcome);
    }
    const nothing = { send: [], sendAfterPersist: [], events: [], again: false };
    if (this.#changes.length === 0 && this.#waiting.size === 0) {
      return { ...nothing, persist: undefined, outcomes: [...outcomes, ...written] };
    }
    if (written.length === 0 && this.#changes.length === 0) return { ...nothing, persist: undefined, outcomes };
    this.#lastWrite += 1;
    this.#waiting.set(this.#lastWrite, written);
    const records = this.#changes;
    this.#changes = [];
    const write = {
      group: this.#seat.group,
      hardState: undefined,
      compactedIndex: undefined,
      append: undefined,
      records,
    };
    return { ...nothing, persist: { write, receipt: this.#lastWrite }, outcomes };
  }

  /** And so is every earlier write. */
  #persisted(receipt: number): Outcome[] {
    const outcomes: Outcome[] = [];
    for (const [write, waiting] of this.#waiting) {
      if (write > receipt) break;
      outcomes.push(...waiting);
      this.#waiting.delete(write);
    }
    return outcomes;
  }

  #serve(request: GroupRequest): GroupReply {
    const served = { node: this.#seat.self, ballot: this.term.number, index: this.#version };
    switch (request.type) {
      case 'open-session':
        this.#lastSession += 1;
        return { type: 'session', session: this.#lastSession, served };
      case 'read': {
        const answer: Answer = answerQuery(this.#records, request.query);
        return { ...answer, served };
      }
      case 'execute': {
        const name = `${request.session}/${request.sequence}`;
        const result = this.#answers.get(name) ?? this.#execute(name, request);
        if (result.type === 'failed') return refusal(result.code, failureText(result.code));
        return { type: 'result', result, served };
      }
    }
  }

  #execute(name: string, { command }: Extract<GroupRequest, { type: 'execute' }>): CommandResult {
    this.#version += 1;
    const result = applyCommand(this.#records, command, this.#version);
    this.#answers.set(name, result);
    const answer = new Writer();
    writeCommandResult(answer, result);
    this.#changes.push({ key: recordKey(ANSWER, name), value: answer.finish() });
    this.#changes.push({ key: Uint8Array.of(VERSION), value: new Writer().uint(this.#version).finish() });
    return result;
  }

  readonly #records = {
    get: (key: Uint8Array): Versioned | undefined => this.#values.get(bytesToMapKey(key)),
    set: (key: Uint8Array, version: number, value: Uint8Array): void => {
      this.#values.set(bytesToMapKey(key), { version, value: new Uint8Array(value) });
      this.#changes.push({
        key: recordKey(KEY, bytesToMapKey(key)),
        value: new Writer().uint(version).raw(value).finish(),
      });
    },
    remove: (key: Uint8Array): void => {
      this.#values.delete(bytesToMapKey(key));
      this.#changes.push({ key: recordKey(KEY, bytesToMapKey(key)), value: undefined });
    },
  };

  #load(key: Uint8Array, record: Uint8Array): void {
    const name = bytesToMapKey(key.subarray(1));
    if (key[0] === VERSION) this.#version = decodeAll(record, (reader) => reader.uint());
    if (key[0] === ANSWER) this.#answers.set(name, decodeAll(record, readCommandResult));
    if (key[0] !== KEY) return;
    this.#values.set(
      name,
      decodeAll(record, (reader) => ({ version: reader.uint(), value: reader.raw(reader.remaining) })),
    );
  }
}

function recordKey(kind: number, name: string): Uint8Array {
  const rest = mapKeyToBytes(name);
  const key = new Uint8Array(rest.length + 1);
  key[0] = kind;
  key.set(rest, 1);
  return key;
}
