/**
 * The load on a simulated cluster: logical clients that read, write, compare-and-swap and delete a few keys, increment counters
 * or add to sums, one operation at a time each, and the history of all they did.
 *
 * Written values are unique, so that a read tells which write it saw. Invariant: a client whose operation has an unknown
 * outcome goes on under a new id, because the operation may still take effect next to what follows.
 */
import type { CommandResult, Limits } from '@kvorum/common';
import { decodeUtf8, encodeUtf8, KvorumError } from '@kvorum/common';
import type { Operation, OperationResult } from '@kvorum/client/core';
import type { Call, Observed, SumCall, Swapped } from '../checkers/index.ts';
import { Complaints, operationComplaint } from '../checkers/index.ts';
import type { RandomStream } from '../world/random-stream.ts';
import type { ProcessId } from '../world/network.ts';
import type { SimulatedClient } from '../world/clients.ts';
import type { World } from '../world/world.ts';

export interface WorkloadOptions {
  readonly clients: number;
  /** Clients that share a connection and its sessions. */
  readonly clientsPerConnection: number;
  /** How many of them, the first ones, only read. */
  readonly readers: number;
  readonly keys: number;
  readonly counters: number;
  /** Counters that are added to in one operation. */
  readonly sums: number;
  /** Pause of a client between two operations, milliseconds. */
  readonly pauseMs: readonly [min: number, max: number];
  readonly timeoutMs: number;
  /** After so many operations it starts no more. */
  readonly operationsMax: number;
  /** Every second key and value is as long as it may be, and some are longer by a byte. */
  readonly longest?: Pick<Limits, 'keyBytesMax' | 'valueBytesMax'>;
}

export const defaultWorkload: WorkloadOptions = {
  clients: 6,
  clientsPerConnection: 1,
  readers: 0,
  keys: 6,
  counters: 2,
  sums: 1,
  pauseMs: [0, 40],
  timeoutMs: 5000,
  operationsMax: Infinity,
};

/** What an operation takes when nothing is in its way, milliseconds. */
const OPERATION_MS = 4;
/** Of the operations in turn: an increment is two, and additions to sums have histories of their own. */
const RECORDED_SHARE = 1.19;
/** So many that a burst does not make the check of one key costly. */
const BURST_KEYS = 12;

/** Of the operations, where keys and values are as long as they may be. */
const TOO_LARGE_RATE = 0.03;

/** A key's last observed state, from which a client forms its expectations. */
interface Seen {
  readonly value: string | undefined;
  readonly version: number;
}

type Outcome = OperationResult | KvorumError;

export class Workload {
  readonly calls: Call[] = [];
  /** What was done to the sums, which have histories of their own. */
  readonly sums: SumCall[] = [];
  /** Virtual times at which a write was acknowledged, milliseconds. */
  readonly acknowledgedMs: number[] = [];
  /** What operations did that no single one may, whatever happens. */
  readonly complaints = new Complaints();
  readonly #world: World;
  readonly #options: WorkloadOptions;
  readonly #random: RandomStream;
  readonly counterKeys: readonly string[];
  readonly sumKeys: readonly string[];
  readonly #connections = new Map<ProcessId, LoadConnection>();
  readonly #burst: LoadConnection;
  #nextClient = 0;
  #nextValue = 0;
  #order = 0;
  #running = true;
  #endedUnknown = 0;
  readonly #startedMs: number;
  readonly #bursts: { readonly atMs: number; readonly operations: number }[] = [];
  #stoppedMs = Infinity;
  #busy = 0;

  constructor(world: World, options: WorkloadOptions) {
    this.#world = world;
    this.#options = options;
    this.#startedMs = world.nowMs;
    this.#random = world.random.stream('workload');
    this.counterKeys = Array.from({ length: options.counters }, (_, i) => this.#keyOf('counter', i));
    this.sumKeys = Array.from({ length: options.sums }, (_, i) => this.#keyOf('sum', i));
    let connection: LoadConnection | undefined;
    for (let i = 0; i < options.clients; i += 1) {
      if (connection === undefined || i % options.clientsPerConnection === 0) connection = this.#connect();
      this.#loop(new LoadClient(connection, i < options.readers), this.#newId());
    }
    this.#burst = this.#connect();
  }

  /** The processes of its clients. */
  get processes(): readonly ProcessId[] {
    return [...this.#connections.keys()];
  }

  /** Many operations at once, on keys of their own; returns how many. */
  burst(operations: number): number {
    let started = 0;
    for (; started < operations && this.#mayStart; started += 1) {
      this.#busy += 1;
      const client = new LoadClient(this.#burst, false);
      const key = this.#keyOf('burst', started % BURST_KEYS);
      this.#burst.whenUp(() => this.#operate(client, this.#newId(), key, () => (this.#busy -= 1)));
    }
    this.#bursts.push({ atMs: this.#world.nowMs, operations: started });
    return started;
  }

  #connect(): LoadConnection {
    const connection = new LoadConnection(this.#world.client());
    this.#connections.set(connection.client.process, connection);
    return connection;
  }

  /** The process of some clients dies and is started again: nobody hears what became of their operations. */
  crash(process: ProcessId, downMs: number): void {
    const connection = this.#connections.get(process);
    if (connection === undefined || !connection.isUp) return;
    connection.isUp = false;
    this.#world.clients.crash(process);
    for (const giveUp of [...connection.underWay]) giveUp();
    this.#world.schedule.after(downMs * 1000, () => {
      connection.client = this.#world.clients.start(process);
      connection.isUp = true;
      for (const start of connection.waiting.splice(0)) start();
    });
  }

  /** No new operations; `idle` tells when the last one ended. */
  stop(): void {
    if (this.#running) this.#stoppedMs = this.#world.nowMs;
    this.#running = false;
  }

  /** About so many operations it begins in that part of its time, if each is answered as soon as it can be: bursts, and the rest. */
  possible(fromMs = 0, untilMs = Infinity): number {
    const { clients, pauseMs, operationsMax } = this.#options;
    const lastedMs = Math.min(untilMs, this.#stoppedMs) - Math.max(fromMs, this.#startedMs);
    const cycleMs = (pauseMs[0] + pauseMs[1]) / 2 + OPERATION_MS;
    const inBursts = this.#bursts.filter(({ atMs }) => atMs >= fromMs && atMs < untilMs);
    const regular = Math.max(0, (clients * lastedMs) / cycleMs) * RECORDED_SHARE;
    return Math.min(
      operationsMax,
      inBursts.reduce((sum, { operations }) => sum + operations, regular),
    );
  }

  /** Operations that ended before their time, because nobody could tell any more what became of them. */
  get endedUnknown(): number {
    return this.#endedUnknown;
  }

  get idle(): boolean {
    return this.#busy === 0;
  }

  get #mayStart(): boolean {
    return this.#running && this.#order < 2 * this.#options.operationsMax;
  }

  #newId(): number {
    this.#nextClient += 1;
    return this.#nextClient;
  }

  #loop(client: LoadClient, id: number): void {
    if (!this.#mayStart) return;
    this.#busy += 1;
    const next = (unknown: boolean): void => {
      this.#busy -= 1;
      const [min, max] = this.#options.pauseMs;
      const pauseUs = this.#random.int(min * 1000, max * 1000);
      this.#world.schedule.after(pauseUs, () => {
        client.connection.whenUp(() => this.#loop(client, unknown ? this.#newId() : id));
      });
    };
    const counters = this.counterKeys;
    if (counters.length > 0 && !client.onlyReads && this.#random.chance(0.3))
      this.#increment(client, id, this.#random.pick(counters), next);
    else if (this.sumKeys.length > 0 && this.#random.chance(0.15))
      this.#sum(client, this.#random.pick(this.sumKeys), next);
    else this.#operate(client, id, this.#keyOf('key', this.#random.int(0, this.#options.keys - 1)), next);
  }

  /** Reads a counter and swaps it for one more. */
  #increment(client: LoadClient, id: number, key: string, next: (unknown: boolean) => void): void {
    this.#perform(client, id, { type: 'get', key: encodeUtf8(key) }, (read) => {
      if (!(read instanceof KvorumError) && read.type === 'value') {
        const value = read.found && decodeUtf8(read.found.value);
        const incremented = String(Number(value ?? '0') + 1);
        const expected = value === undefined ? undefined : encodeUtf8(value);
        const cas: Operation = { type: 'cas', key: encodeUtf8(key), expected, next: encodeUtf8(incremented) };
        this.#perform(client, id, cas, (outcome) => next(isUnknown(outcome)));
      } else {
        next(isUnknown(read));
      }
    });
  }

  /** Adds 1, or looks at what there is. */
  #sum(client: LoadClient, keyText: string, next: (unknown: boolean) => void): void {
    const key = encodeUtf8(keyText);
    const reads = client.onlyReads || this.#random.chance(0.3);
    const operation: Operation = reads ? { type: 'get', key } : { type: 'add', key, delta: 1n };
    this.#order += 1;
    const invoked = this.#order;
    this.#submit(client, operation, (outcome) => {
      this.#order += 1;
      const call = { key: keyText, kind: reads ? 'read' : 'add', invoked, returned: this.#order } as const;
      const value = sumOf(outcome);
      if (value !== undefined) this.sums.push({ ...call, value });
      else if (isUnknown(outcome)) this.sums.push({ ...call, value: 'unknown', returned: Infinity });
      if (value !== undefined && !reads) this.acknowledgedMs.push(this.#world.nowMs);
      next(isUnknown(outcome));
    });
  }

  #operate(client: LoadClient, id: number, key: string, next: (unknown: boolean) => void): void {
    const operation = this.#choose(client, key);
    this.#perform(client, id, operation, (outcome) => next(isUnknown(outcome)));
  }

  #keyOf(kind: string, place: number): string {
    const { longest } = this.#options;
    const key = `${kind}-${place}`;
    return longest === undefined || place % 2 === 0 ? key : key.padEnd(longest.keyBytesMax, '.');
  }

  /** Not written yet. */
  #freshValue(): Uint8Array {
    const { longest } = this.#options;
    this.#nextValue += 1;
    const value = `v${this.#nextValue}`;
    const isLong = longest !== undefined && this.#nextValue % 2 === 1;
    return encodeUtf8(isLong ? value.padEnd(longest.valueBytesMax, '.') : value);
  }

  #tooLarge(keyText: string, { keyBytesMax, valueBytesMax }: NonNullable<WorkloadOptions['longest']>): Operation {
    const longKey = encodeUtf8(keyText.padEnd(keyBytesMax + 1, '.'));
    const key = encodeUtf8(keyText);
    const value = encodeUtf8('too large'.padEnd(valueBytesMax + 1, '.'));
    return this.#random.pick<Operation>([
      { type: 'get', key: longKey },
      { type: 'delete', key: longKey },
      { type: 'put', key, value },
      { type: 'cas', key, expected: undefined, next: value },
      { type: 'cas', key, expected: value, next: key },
    ]);
  }

  #choose(client: LoadClient, keyText: string): Operation {
    const key = encodeUtf8(keyText);
    const { longest } = this.#options;
    if (longest !== undefined && this.#random.chance(TOO_LARGE_RATE)) return this.#tooLarge(keyText, longest);
    const seen = client.seen.get(keyText);
    const dice = client.onlyReads ? 0 : this.#random.int(0, 99);
    if (dice < 40) return { type: 'get', key };
    const fresh = this.#freshValue();
    if (dice < 65) return { type: 'put', key, value: fresh };
    if (dice < 80) {
      const expected = seen?.value === undefined ? undefined : encodeUtf8(seen.value);
      return { type: 'cas', key, expected, next: fresh };
    }
    if (dice < 92) return { type: 'cas-version', key, expectedVersion: seen?.version ?? 0, next: fresh };
    return { type: 'delete', key };
  }

  /** `done` is called once; how the operation ended is judged. */
  #submit({ connection }: LoadClient, operation: Operation, done: (outcome: Outcome) => void): void {
    const { timeoutMs } = this.#options;
    const { core, clock, process } = connection.client;
    const startedMs = clock.monotonicMs();
    const stoodStillMs = this.#world.clients.stoodStillMs(process);
    const sent = this.#world.clients.sent(process);
    const crash = (): void => {
      connection.underWay.delete(crash);
      done(crashed);
    };
    connection.underWay.add(crash);
    connection.sharers = Math.max(connection.sharers, connection.underWay.size);
    core.submit(operation, timeoutMs, (outcome) => {
      connection.underWay.delete(crash);
      const complaint = operationComplaint({
        name: `${operation.type} of ${decodeUtf8(operation.key)}`,
        timeoutMs,
        tookMs: clock.monotonicMs() - startedMs,
        stoodStillMs: this.#world.clients.stoodStillMs(process) - stoodStillMs,
        sent: this.#world.clients.sent(process) - sent,
        sharers: connection.sharers,
        tooLarge: this.#isTooLarge(operation),
        isRead: operation.type === 'get',
        error: outcome instanceof KvorumError ? outcome : undefined,
      });
      if (complaint !== undefined) this.complaints.add(() => complaint);
      if (outcome instanceof KvorumError && outcome.code === 'outcome-unknown') this.#endedUnknown += 1;
      done(outcome);
    });
  }

  #isTooLarge(operation: Operation): boolean {
    const { longest } = this.#options;
    if (longest === undefined) return false;
    const values =
      operation.type === 'put'
        ? [operation.value]
        : operation.type === 'cas'
          ? [operation.expected, operation.next]
          : [];
    const isTooLong = (value: Uint8Array | undefined): boolean => (value?.length ?? 0) > longest.valueBytesMax;
    return operation.key.length > longest.keyBytesMax || values.some(isTooLong);
  }

  /** Runs one operation and records its call. */
  #perform(client: LoadClient, id: number, operation: Operation, done: (outcome: Outcome) => void): void {
    const invokedAt = this.#world.schedule.nowUs;
    this.#order += 1;
    const invokedOrder = this.#order;
    this.#submit(client, operation, (outcome) => {
      this.#order += 1;
      const unknown = isUnknown(outcome);
      const fields = {
        client: id,
        key: decodeUtf8(operation.key),
        invokedAt,
        returnedAt: unknown ? Infinity : this.#world.schedule.nowUs,
        order: [invokedOrder, this.#order] as [number, number],
      };
      const call = toCall(fields, operation, outcome);
      this.calls.push(call);
      client.note(call);
      if (call.kind !== 'get' && typeof call.result === 'object') this.acknowledgedMs.push(this.#world.nowMs);
      done(outcome);
    });
  }
}

/** Why an operation ends that its client does not live to see the end of. */
const crashed = new KvorumError('outcome-unknown', 'the client crashed', { outcome: 'unknown' });

/** A client process, which some clients share. */
class LoadConnection {
  client: SimulatedClient;
  isUp = true;
  /** Operations under way at a time, at most. */
  sharers = 0;
  /** Ends each operation under way with an unknown outcome. */
  readonly underWay = new Set<() => void>();
  /** What starts once it is up again. */
  readonly waiting: (() => void)[] = [];

  constructor(client: SimulatedClient) {
    this.client = client;
  }

  whenUp(start: () => void): void {
    if (this.isUp) start();
    else this.waiting.push(start);
  }
}

/** A client and what it remembers. */
class LoadClient {
  readonly connection: LoadConnection;
  readonly onlyReads: boolean;
  readonly seen = new Map<string, Seen>();

  constructor(connection: LoadConnection, onlyReads: boolean) {
    this.connection = connection;
    this.onlyReads = onlyReads;
  }

  note(call: Call): void {
    if (typeof call.result !== 'object') return;
    if (call.kind === 'get') this.#see(call.key, call.result);
    if (call.kind === 'put') this.seen.set(call.key, { value: call.value, version: call.result.version });
    if (call.kind === 'delete') this.seen.delete(call.key);
    if (call.kind === 'cas' || call.kind === 'casVersion') {
      if (call.result.applied) this.seen.set(call.key, { value: call.next, version: call.result.version });
      else this.#see(call.key, call.result);
    }
  }

  #see(key: string, observed: Observed): void {
    this.seen.set(key, { value: observed.value, version: observed.version ?? 0 });
  }
}

function isUnknown(outcome: Outcome): boolean {
  return outcome instanceof KvorumError && outcome.outcome === 'unknown';
}

/** The counter that a get found or an addition made; undefined when there was no such answer. */
export function sumOf(outcome: Outcome): number | undefined {
  if (outcome instanceof KvorumError) return undefined;
  if (outcome.type === 'value') return outcome.found === undefined ? 0 : Number(decodeUtf8(outcome.found.value));
  return outcome.result.type === 'added' ? Number(outcome.result.value) : undefined;
}

type CallFields = Pick<Call, 'client' | 'key' | 'invokedAt' | 'returnedAt' | 'order'>;

function toCall(fields: CallFields, operation: Operation, outcome: Outcome): Call {
  const failure = isUnknown(outcome) ? 'unknown' : 'failed';
  const result = outcome instanceof KvorumError ? undefined : outcome;
  const applied = result?.type === 'result' ? result.result : undefined;
  const written = applied?.type === 'failed' || applied?.type === 'added' ? undefined : applied;
  switch (operation.type) {
    case 'get':
      return { ...fields, kind: 'get', result: result?.type === 'value' ? observed(result.found) : failure };
    case 'put':
      return { ...fields, kind: 'put', value: decodeUtf8(operation.value), result: written ?? failure };
    case 'cas': {
      const expected = operation.expected && decodeUtf8(operation.expected);
      return {
        ...fields,
        kind: 'cas',
        expected,
        next: decodeUtf8(operation.next),
        result: swapped(written) ?? failure,
      };
    }
    case 'cas-version': {
      const next = decodeUtf8(operation.next);
      const { expectedVersion } = operation;
      return { ...fields, kind: 'casVersion', expectedVersion, next, result: swapped(written) ?? failure };
    }
    case 'add':
      throw new Error('the histories of sums are not those of other keys');
    case 'delete':
      // One that found nothing changed nothing and has no version: as good as a read of an absent key.
      if (written?.type === 'deleted' && !written.existed)
        return { ...fields, kind: 'get', result: observed(undefined) };
      return { ...fields, kind: 'delete', result: written?.type === 'deleted' ? written : failure };
  }
}

function observed(found: { readonly version: number; readonly value: Uint8Array } | undefined): Observed {
  return { value: found && decodeUtf8(found.value), version: found?.version };
}

function swapped(result: CommandResult | undefined): Swapped | undefined {
  if (result?.type === 'written') return { applied: true, version: result.version };
  if (result?.type !== 'mismatch') return undefined;
  const value = result.value && decodeUtf8(result.value);
  return { applied: false, value, version: value === undefined ? undefined : result.version };
}
