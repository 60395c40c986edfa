/**
 * The client over the network: promises, cancellation and validation around the engine of core/.
 *
 * State: the engine, its ports, who is connected. Invariant: each call settles once, by the engine's own deadline.
 */
import type {
  Address,
  Command,
  GroupId,
  KvorumError as KvorumErrorType,
  Layout,
  NodeId,
  Served,
  Versioned,
} from '@kvorum/common';
import { formatAddress, groupOfKey, KvorumError } from '@kvorum/common';
import type { Bytes } from './arguments.ts';
import { checkTimeout, checkVersion, counterDelta, keyBytes, valueBytes } from './arguments.ts';
import type {
  AddResult,
  CallOptions,
  CasResult,
  Client,
  DeleteResult,
  Expectation,
  GetResult,
  PutResult,
  ServedBy,
} from './client.ts';
import type { ConnectionEvent, Operation, OperationResult } from '../core/index.ts';
import { ClientCore, defaultClientTimings } from '../core/index.ts';
import { EventStream } from './event-stream.ts';
import type { NodeStatus } from './node-status.ts';
import { parseNodeStatus } from './node-status.ts';
import { SystemClock } from '../adapters/system-clock.ts';
import { SystemRandom } from '../adapters/system-random.ts';
import { WsDialer } from '../adapters/ws-dialer.ts';

export interface NetworkClientOptions {
  readonly servers: readonly Address[];
  readonly timeoutMs: number;
  readonly localPort: number | undefined;
  readonly giveUpRefusedMs: number;
}

export class NetworkClient implements Client {
  readonly #options: NetworkClientOptions;
  readonly #clock = new SystemClock();
  readonly #dialer: WsDialer;
  readonly #core: ClientCore;
  readonly #events = new EventStream<ConnectionEvent>();
  readonly #connected = new Map<string, Address>();
  /** Called when a connection did not come about. */
  readonly #onTrouble = new Set<() => void>();
  #closing: Promise<void> | undefined;

  constructor(options: NetworkClientOptions) {
    this.#options = options;
    this.#dialer = new WsDialer({
      localPort: options.localPort,
      onTrouble: () => {
        for (const check of this.#onTrouble) check();
      },
    });
    const ports = {
      clock: this.#clock,
      random: new SystemRandom(),
      dialer: this.#dialer,
      timings: defaultClientTimings,
    };
    this.#core = new ClientCore(ports, options.servers, (event) => this.#onEvent(event));
  }

  get servers(): readonly Address[] {
    return this.#options.servers;
  }

  get layout(): Layout | undefined {
    return this.#core.layout;
  }

  get connected(): readonly Address[] {
    return [...this.#connected.values()];
  }

  leaderOf(group: GroupId): NodeId {
    return this.#core.leaderOf(group);
  }

  async get(key: Bytes, options: CallOptions = {}): Promise<GetResult | undefined> {
    const operation: Operation = { type: 'get', key: keyBytes(key) };
    const reply = await this.#submit(operation, options);
    if (reply.type !== 'value') throw unexpected(reply);
    const served = this.#servedBy(operation, reply.served, options);
    return reply.found && foundResult(reply.found, served);
  }

  async put(key: Bytes, value: Bytes, options: CallOptions = {}): Promise<PutResult> {
    const { result, served } = await this.#execute(
      { type: 'put', key: keyBytes(key), value: valueBytes(value) },
      options,
    );
    if (result.type !== 'written') throw unexpected(result);
    return { version: result.version, served };
  }

  async cas(key: Bytes, expectation: Expectation, next: Bytes, options: CallOptions = {}): Promise<CasResult> {
    const { result, served } = await this.#execute(casCommand(key, expectation, next), options);
    if (result.type === 'written') return { applied: true, version: result.version, served };
    if (result.type !== 'mismatch') throw unexpected(result);
    const value = result.value && new Uint8Array(result.value);
    return {
      applied: false,
      version: result.version,
      value,
      get text() {
        return value && decodeText(value);
      },
      served,
    };
  }

  async add(key: Bytes, delta: number | bigint, options: CallOptions = {}): Promise<AddResult> {
    const command = { type: 'add', key: keyBytes(key), delta: counterDelta(delta) } as const;
    const { result, served } = await this.#execute(command, options);
    if (result.type !== 'added') throw unexpected(result);
    return { value: result.value, version: result.version, served };
  }

  async delete(key: Bytes, options: CallOptions = {}): Promise<DeleteResult> {
    const { result, served } = await this.#execute({ type: 'delete', key: keyBytes(key) }, options);
    if (result.type !== 'deleted') throw unexpected(result);
    return { existed: result.existed, version: result.version, served };
  }

  status(): AsyncIterableIterator<ConnectionEvent> {
    const now: ConnectionEvent[] = this.connected.map((address) => ({ type: 'connected', address }));
    if (this.layout !== undefined) now.push({ type: 'layout', layout: this.layout });
    return this.#events.subscribe(now);
  }

  ready(options: CallOptions = {}): Promise<Layout> {
    const timeoutMs = checkTimeout(options.timeoutMs ?? this.#options.timeoutMs);
    return settleOnce(options.signal, (settle) => {
      const stop = this.#core.whenReady(timeoutMs, (outcome) =>
        settle(outcome instanceof KvorumError ? this.#explainUnavailable(outcome) : outcome),
      );
      const cancelTimer = this.#clock.setTimer(Math.min(this.#options.giveUpRefusedMs, timeoutMs), () => {
        if (this.#everyServerRefuses()) settle(this.#explainUnavailable(new KvorumError('unavailable', '')));
      });
      const unwatch = this.#watchVersion(settle);
      const release = (): void => {
        stop();
        cancelTimer();
        unwatch();
      };
      return { cancel: () => new KvorumError('cancelled', 'connecting was cancelled'), release };
    });
  }

  inspect(address: Address, options: CallOptions = {}): Promise<NodeStatus> {
    const timeoutMs = checkTimeout(options.timeoutMs ?? this.#options.timeoutMs);
    const name = formatAddress(address);
    return settleOnce(options.signal, (settle) => {
      this.#core.ask(address, { type: 'status' }, timeoutMs, (reply) => {
        if (reply instanceof KvorumError) {
          const code = this.#dialer.trouble(address)?.otherVersion ? 'unsupported-version' : 'unavailable';
          settle(reply.code === 'closed' ? reply : new KvorumError(code, `${name}: ${this.#troubleAt(address)}`));
          return;
        }
        const status = reply.type === 'status' ? parseNodeStatus(reply.json) : undefined;
        settle(status ?? new KvorumError('unavailable', `${name}: it gave a status this client cannot read`));
      });
      return { cancel: () => new KvorumError('cancelled', 'the question was cancelled'), release: () => undefined };
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#core.close();
    this.#clock.release();
    await this.#dialer.closed();
    this.#events.close();
  }

  #submit(operation: Operation, options: CallOptions): Promise<OperationResult> {
    const timeoutMs = checkTimeout(options.timeoutMs ?? this.#options.timeoutMs);
    const { signal } = options;
    return settleOnce(signal, (settle) => {
      let failed: KvorumErrorType | undefined;
      const cancel = this.#core.submit(operation, timeoutMs, (outcome) => {
        failed = outcome instanceof KvorumError ? outcome : undefined;
        settle(
          failed?.code === 'unavailable' && this.layout === undefined ? this.#explainUnavailable(failed) : outcome,
        );
      });
      // Who gave a layout speaks this version.
      const unwatch =
        this.layout === undefined
          ? this.#watchVersion((error) => {
              settle(error);
              cancel();
            })
          : doNothing;
      return {
        // The engine knows whether it was sent.
        cancel: () => {
          cancel();
          return failed ?? new KvorumError('cancelled', 'the operation was cancelled');
        },
        release: unwatch,
      };
    });
  }

  async #execute(command: Command, options: CallOptions) {
    const reply = await this.#submit(command, options);
    if (reply.type !== 'result') throw unexpected(reply);
    return { result: reply.result, served: this.#servedBy(command, reply.served, options) };
  }

  #servedBy(operation: Operation, served: Served, options: CallOptions): ServedBy {
    const group = this.layout === undefined ? 0 : groupOfKey(this.layout, operation.key);
    const by = { node: served.node, ballot: served.ballot, index: served.index, group };
    options.onServed?.(by);
    return by;
  }

  #onEvent(event: ConnectionEvent): void {
    if (event.type === 'connected') this.#connected.set(formatAddress(event.address), event.address);
    if (event.type === 'disconnected') this.#connected.delete(formatAddress(event.address));
    this.#events.push(event);
  }

  // ---- who does not answer, and why ----

  #everyServerRefuses(): boolean {
    return (
      this.layout === undefined &&
      this.#connected.size === 0 &&
      this.servers.every((server) => this.#dialer.trouble(server)?.refused)
    );
  }

  /** Settles as soon as it is known that every server speaks another version, since that does not pass. Returns the end of it. */
  #watchVersion(settle: (error: KvorumErrorType) => void): () => void {
    const check = (): void => {
      const { servers } = this;
      if (this.layout !== undefined || !servers.every((server) => this.#dialer.trouble(server)?.otherVersion)) return;
      const each = servers.map((server) => `${formatAddress(server)}: ${this.#troubleAt(server)}`).join('; ');
      settle(new KvorumError('unsupported-version', `${each}; use a client of the servers' version`));
    };
    this.#onTrouble.add(check);
    return () => this.#onTrouble.delete(check);
  }

  #explainUnavailable(error: KvorumErrorType): KvorumErrorType {
    const { servers } = this;
    if (error.code !== 'unavailable' || this.#connected.size > 0) return error;
    const each = servers.map((server) => `${formatAddress(server)}: ${this.#troubleAt(server)}`).join('; ');
    const message =
      servers.length === 1 ? `no answer from ${each}` : `none of ${servers.length} servers answers: ${each}`;
    return new KvorumError('unavailable', message, { cause: error, outcome: error.outcome });
  }

  #troubleAt(address: Address): string {
    return this.#dialer.trouble(address)?.reason ?? 'it does not answer';
  }
}

/** `text` is the object's own, so that JSON and copies have it, and decoded only when asked for. */
function foundResult(found: Versioned, served: ServedBy): GetResult {
  // A copy: what the engine hands out is a view into a whole frame.
  const value = new Uint8Array(found.value);
  return {
    value,
    get text() {
      return decodeText(value);
    },
    version: found.version,
    served,
  };
}

function decodeText(value: Uint8Array): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(value);
}

function casCommand(key: Bytes, expectation: Expectation, next: Bytes): Command {
  const given: unknown = expectation;
  const named = typeof given === 'object' && given !== null ? given : {};
  const byVersion = 'expectedVersion' in named;
  if ('expected' in named === byVersion) {
    throw new KvorumError('bad-request', 'cas takes either { expected } or { expectedVersion }');
  }
  const common = { key: keyBytes(key), next: valueBytes(next, 'the next value') };
  if (byVersion) return { type: 'cas-version', ...common, expectedVersion: checkVersion(named.expectedVersion) };
  const { expected } = named as { expected: Bytes | undefined | null };
  const absent = expected === undefined || expected === null;
  return { type: 'cas', ...common, expected: absent ? undefined : valueBytes(expected, 'the expected value') };
}

function unexpected(reply: { readonly type: string }): Error {
  return new KvorumError('bad-request', `the server gave a reply of another kind: ${reply.type}`);
}

const doNothing = (): void => undefined;

interface Started {
  /** Stops it, and says what came of it. */
  cancel(): KvorumErrorType;
  release(): void;
}

/** A promise for something that calls back once, and for a signal that may end it before. */
function settleOnce<T>(
  signal: AbortSignal | undefined,
  start: (settle: (outcome: T | KvorumErrorType) => void) => Started,
): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(new KvorumError('cancelled', 'cancelled before it began', { cause: signal.reason }));
      return;
    }
    let settled = false;
    let started = undefined as Started | undefined;
    const settle = (outcome: T | KvorumErrorType): void => {
      if (settled) return;
      settled = true;
      signal?.removeEventListener('abort', onAbort);
      // Where the answer is there before `start` returns, there is nothing to release yet.
      started?.release();
      if (outcome instanceof KvorumError) reject(outcome);
      else resolve(outcome);
    };
    const onAbort = (): void => {
      settled = true;
      const { outcome, message } = (started as Started).cancel();
      started?.release();
      reject(new KvorumError('cancelled', message, { cause: signal?.reason, outcome }));
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    started = start(settle);
    if (settled) started.release();
  });
}
