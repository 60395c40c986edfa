/** The ports of a node, small and under the test's control: time moves and commits finish when the test says so. */
import type { Address, Clock, Connection, ConnectionHandlers, Dialer, Logger, NodeId } from '@kvorum/common';
import type { GroupId, PeerHandlers, PeerTransport, Random } from '@kvorum/common';
import type { Entry, HardState, Recovered } from '@kvorum/consensus';
import type {
  LogMutation,
  LogStorage,
  StateInstall,
  StateMutation,
  StateRecord,
  StateSnapshot,
  StateStorage,
} from '../../src/core/index.ts';

export const WALL_MS = 1_700_000_000_000;

interface Timer {
  readonly atMs: number;
  readonly callback: () => void;
}

export class ManualClock implements Clock {
  #nowMs = 0;
  #timers: Timer[] = [];
  #deferred: (() => void)[] = [];

  monotonicMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return WALL_MS + this.#nowMs;
  }

  setTimer(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  defer(callback: () => void): void {
    this.#deferred.push(callback);
  }

  get timers(): number {
    return this.#timers.length;
  }

  /** Ends turns of the event loop until nothing is deferred any more. */
  settle(): void {
    for (let callback = this.#deferred.shift(); callback; callback = this.#deferred.shift()) callback();
  }

  /** Time passes and every timer fires at its time. */
  advance(ms: number): void {
    this.settle();
    const endMs = this.#nowMs + ms;
    for (;;) {
      const next = this.#timers.reduce<Timer | undefined>((a, b) => (a && a.atMs <= b.atMs ? a : b), undefined);
      if (next === undefined || next.atMs > endMs) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.callback();
      this.settle();
    }
    this.#nowMs = endMs;
  }

  /** The process stands still: the timers that were due fire late, then what had `arrived` is read, then the turn ends. */
  standStill(ms: number, arrived: () => void = () => undefined): void {
    this.#nowMs += ms;
    const due = this.#timers.filter((timer) => timer.atMs <= this.#nowMs).sort((a, b) => a.atMs - b.atMs);
    this.#timers = this.#timers.filter((timer) => !due.includes(timer));
    for (const { callback } of due) callback();
    arrived();
    this.settle();
  }
}

/** Writes that take effect, in order, when the test calls `finish`. */
class Commits {
  readonly waiting: (() => void)[] = [];
  /** Takes effect at once. */
  immediate = false;

  add(finish: () => void): void {
    if (this.immediate) finish();
    else this.waiting.push(finish);
  }

  finish(): void {
    const next = this.waiting.shift();
    if (next === undefined) throw new Error('no commit is under way');
    next();
  }
}

interface MemoryLog {
  hardState: HardState | undefined;
  from: number;
  entries: Entry[];
}

export class MemoryLogStorage implements LogStorage {
  readonly commits = new Commits();
  /** Every batch that was handed over, finished or not. */
  readonly batches: (readonly LogMutation[])[] = [];
  readonly records = new Map<string, Uint8Array>();
  readonly #logs = new Map<GroupId, MemoryLog>();

  readRecord(name: string): Uint8Array | undefined {
    return this.records.get(name);
  }

  readGroup(group: GroupId): Recovered | undefined {
    const log = this.#logs.get(group);
    if (log?.hardState === undefined) return undefined;
    return { ...log.hardState, entries: log.entries.slice(log.hardState.compactedIndex - log.from) };
  }

  commit(mutations: readonly LogMutation[], done: () => void): void {
    this.batches.push(mutations);
    this.commits.add(() => {
      for (const mutation of mutations) this.#apply(mutation);
      done();
    });
  }

  #apply(mutation: LogMutation): void {
    if (mutation.type === 'record') {
      this.records.set(mutation.name, mutation.value);
      return;
    }
    const log = this.#logs.get(mutation.group) ?? { hardState: undefined, from: 0, entries: [] };
    this.#logs.set(mutation.group, log);
    log.hardState = mutation.hardState ?? log.hardState;
    if (mutation.append === undefined) return;
    log.entries = [...log.entries.slice(0, mutation.append.from - log.from), ...mutation.append.entries];
  }
}

const nameOf = (key: Uint8Array): string => Buffer.from(key).toString('hex');

export class MemoryStateStorage implements StateStorage {
  readonly commits = new Commits();
  readonly #states = new Map<GroupId, Map<string, Uint8Array>>();
  openViews = 0;
  aborted = 0;

  get(group: GroupId, key: Uint8Array): Uint8Array | undefined {
    return this.#states.get(group)?.get(nameOf(key));
  }

  snapshot(group: GroupId): StateSnapshot {
    const records = this.dump(group);
    let place = 0;
    this.openViews += 1;
    return {
      next: (maxBytes) => {
        const part: StateRecord[] = [];
        for (let bytes = 0; bytes < maxBytes && place < records.length; place += 1) {
          const record = records[place] as StateRecord;
          part.push(record);
          bytes += record.key.length + (record.value?.length ?? 0);
        }
        return part;
      },
      close: () => {
        this.openViews -= 1;
      },
    };
  }

  install(group: GroupId): StateInstall {
    const staged = new Map<string, Uint8Array>();
    return {
      add: (records, done) =>
        this.commits.add(() => {
          write(staged, records);
          done();
        }),
      finish: (done) =>
        this.commits.add(() => {
          this.#states.set(group, staged);
          done();
        }),
      abort: () => {
        this.aborted += 1;
      },
    };
  }

  commit(mutations: readonly StateMutation[], done: () => void): void {
    this.commits.add(() => {
      for (const { group, records } of mutations) this.write(group, records);
      done();
    });
  }

  /** At once, as if it had been there from the start. */
  write(group: GroupId, records: readonly StateRecord[]): void {
    const state = this.#states.get(group) ?? new Map<string, Uint8Array>();
    this.#states.set(group, state);
    write(state, records);
  }

  /** In key order. */
  dump(group: GroupId): StateRecord[] {
    const state = [...(this.#states.get(group) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
    return state.map(([name, value]) => ({ key: Uint8Array.from(Buffer.from(name, 'hex')), value }));
  }
}

function write(state: Map<string, Uint8Array>, records: readonly StateRecord[]): void {
  for (const { key, value } of records) {
    if (value === undefined) state.delete(nameOf(key));
    else state.set(nameOf(key), value);
  }
}

export class FakeTransport implements PeerTransport {
  readonly sent: { readonly to: NodeId; readonly frame: Uint8Array }[] = [];
  handlers: PeerHandlers | undefined;

  setPeers(_self: NodeId, _clusterId: string, _peers: unknown, handlers: PeerHandlers): void {
    this.handlers = handlers;
  }

  send(to: NodeId, frame: Uint8Array): void {
    this.sent.push({ to, frame });
  }
}

export class FakeConnection implements Connection {
  readonly remote = 'a test';
  readonly sent: Uint8Array[] = [];
  backlog = 0;
  closedWith: string | undefined;

  send(frame: Uint8Array): void {
    this.sent.push(frame);
  }

  backlogBytes(): number {
    return this.backlog;
  }

  close(reason: string): void {
    this.closedWith ??= reason;
  }
}

/** Keeps every call; the test plays the other end. */
export class FakeDialer implements Dialer {
  readonly calls: { address: Address; handlers: ConnectionHandlers; connection: FakeConnection }[] = [];

  dial(address: Address, handlers: ConnectionHandlers): Connection {
    const connection = new FakeConnection();
    this.calls.push({ address, handlers, connection });
    return connection;
  }

  get last(): { address: Address; handlers: ConnectionHandlers; connection: FakeConnection } {
    const call = this.calls.at(-1);
    if (call === undefined) throw new Error('nobody was called');
    return call;
  }
}

export class ListLogger implements Logger {
  readonly lines: string[] = [];

  debug(): void {}

  info(message: string): void {
    this.lines.push(`info ${message}`);
  }

  warn(message: string): void {
    this.lines.push(`warn ${message}`);
  }

  error(message: string): void {
    this.lines.push(`error ${message}`);
  }
}

export function countingRandom(first = 1): Random {
  let last = first;
  return { nextUint32: () => Math.imul((last += 1), 0x9e3779b1) >>> 0 };
}
