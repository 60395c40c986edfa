/**
 * What a program sees of Kvorum: the client's interface and how to get one.
 */
import type { Address, GroupId, Layout, NodeId, Served, Version } from '@kvorum/common';
import type { Bytes } from './arguments.ts';
import { checkLocalPort, checkTimeout, DEFAULT_TIMEOUT_MS, serverAddresses } from './arguments.ts';
import type { ConnectionEvent } from '../core/index.ts';
import { NetworkClient } from './network-client.ts';
import type { NodeStatus } from './node-status.ts';

export interface ConnectOptions {
  /** Nodes to start from, "HOST:PORT"; any node of the cluster will do. Default: 127.0.0.1:45678. */
  readonly servers?: string | readonly string[];
  /** How long `connect` and each operation may take unless the call says otherwise. Default: 5000. */
  readonly timeoutMs?: number;
  /** The port of this machine that connections leave from. Default: any. */
  readonly localPort?: number | undefined;
  /** When every server definitely refuses connections, stop waiting after this long. Default: `timeoutMs`. */
  readonly giveUpRefusedMs?: number;
  readonly signal?: AbortSignal;
}

export interface CallOptions {
  /**
   * Cancels the operation: it rejects with the code 'cancelled', and the signal's reason as `cause` (an AbortError unless
   * you gave another). A write that was already sent then has the outcome 'unknown'.
   */
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
  /** Told who answered, also where the result is only "absent". */
  readonly onServed?: ((served: ServedBy) => void) | undefined;
}

/** Who served an operation, and where in the order of its group. */
export interface ServedBy extends Served {
  readonly group: GroupId;
}

export interface GetResult {
  readonly value: Uint8Array;
  /** The value as UTF-8, decoded when asked for; what is not UTF-8 becomes U+FFFD, so use `value` for binary data. */
  readonly text: string;
  readonly version: Version;
  readonly served: ServedBy;
}

export interface PutResult {
  readonly version: Version;
  readonly served: ServedBy;
}

/** What a key must have for a `cas` to write. `expected` undefined or null, and `expectedVersion` 0: it is absent. */
export type Expectation = { readonly expected: Bytes | undefined | null } | { readonly expectedVersion: Version };

export type CasResult =
  | { readonly applied: true; readonly version: Version; readonly served: ServedBy }
  /** Nothing was written; this is what the key has. Version 0 and no value: absent. */
  | {
      readonly applied: false;
      readonly version: Version;
      readonly value: Uint8Array | undefined;
      /** The value as UTF-8, as in {@link GetResult}. */
      readonly text: string | undefined;
      readonly served: ServedBy;
    };

export interface AddResult {
  /** The counter after the addition. */
  readonly value: bigint;
  readonly version: Version;
  readonly served: ServedBy;
}

export interface DeleteResult {
  /** False when there was nothing to delete. */
  readonly existed: boolean;
  readonly version: Version;
  readonly served: ServedBy;
}

/**
 * A client of one cluster. Every operation is linearizable; a write is executed at most once, however often the client
 * sends it. Rejections are KvorumErrors.
 */
export interface Client extends AsyncDisposable {
  get(key: Bytes, options?: CallOptions): Promise<GetResult | undefined>;
  put(key: Bytes, value: Bytes, options?: CallOptions): Promise<PutResult>;
  /** Writes `next` if the key has what is expected. */
  cas(key: Bytes, expectation: Expectation, next: Bytes, options?: CallOptions): Promise<CasResult>;
  delete(key: Bytes, options?: CallOptions): Promise<DeleteResult>;
  /**
   * Adds to a counter: a value that is a signed 64-bit decimal number as text. An absent key counts as 0. Rejects with
   * 'not-a-number' when the value is no number and with 'out-of-range' when the sum would not fit; nothing is changed then.
   */
  add(key: Bytes, delta: number | bigint, options?: CallOptions): Promise<AddResult>;
  /**
   * Connection events: first what is the case now, then what changes. Ends with `close`. A reader that does not keep up
   * loses the oldest events.
   */
  status(): AsyncIterableIterator<ConnectionEvent>;
  /** Fails the operations under way and closes every connection. */
  close(): Promise<void>;

  /** The servers it was given. */
  readonly servers: readonly Address[];
  readonly layout: Layout | undefined;
  /** The nodes it is connected to. */
  readonly connected: readonly Address[];
  /** The node last known to lead the group; 0 for not known. */
  leaderOf(group: GroupId): NodeId;
  /** Resolves once the layout is known. `connect` has waited for that. */
  ready(options?: CallOptions): Promise<Layout>;
  /** What one node says about itself, for people and tools. */
  inspect(address: Address, options?: CallOptions): Promise<NodeStatus>;
}

/** Connects to a cluster. Rejects with KvorumError 'unavailable' when no server answers in time. */
export async function connect(options: ConnectOptions = {}): Promise<Client> {
  const client = createClient(options);
  try {
    await client.ready({ signal: options.signal });
    return client;
  } catch (error) {
    await client.close();
    throw error;
  }
}

/** As {@link connect}, without waiting: the first operation connects. */
export function createClient(options: ConnectOptions = {}): Client {
  const timeoutMs = checkTimeout(options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
  return new NetworkClient({
    servers: serverAddresses(options.servers),
    timeoutMs,
    localPort: checkLocalPort(options.localPort),
    giveUpRefusedMs: checkTimeout(options.giveUpRefusedMs ?? timeoutMs),
  });
}
