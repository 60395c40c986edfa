/**
 * A client on a map instead of a cluster.
 */
import type { Address, Layout } from '@kvorum/common';
import { encodeUtf8, failureText, formatAddress, groupOfKey, KvorumError, parseCounter } from '@kvorum/common';
import type {
  CallOptions,
  CasResult,
  Client,
  ConnectionEvent,
  Expectation,
  GetResult,
  NodeStatus,
} from '@kvorum/client';
import { EventStream, keyBytes, parseNodeStatus, valueBytes } from '@kvorum/client';

export const layout: Layout = {
  clusterId: 'feedc0de',
  epoch: 1,
  routing: 'tag',
  nodes: [1, 2, 3].map((id) => ({ id, address: { host: '127.0.0.1', port: 7000 + id }, instance: `i${id}` })),
  groups: [0, 1, 2].map((id) => ({ id, members: [1, 2, 3], protocol: 'sequence-paxos' })),
};

interface Entry {
  readonly value: Uint8Array;
  readonly version: number;
}

type Bytes = string | Uint8Array;

export class FakeClient implements Client {
  readonly servers: readonly Address[] = [{ host: '127.0.0.1', port: 7001 }];
  layout: Layout | undefined = layout;
  connected: Address[] = [{ host: '127.0.0.1', port: 7001 }];
  readonly events = new EventStream<ConnectionEvent>();
  /** What each node says; absent ones do not answer. */
  readonly statuses = new Map<string, NodeStatus>();
  /** The next operations fail with these. */
  readonly failures: KvorumError[] = [];
  /** Operations wait until they are cancelled. */
  stuck = false;
  readonly calls: string[] = [];
  readonly #entries = new Map<string, Entry>();
  #version = 0;

  async get(key: Bytes, options: CallOptions = {}): Promise<GetResult | undefined> {
    const name = await this.#begin('get', key, options);
    const entry = this.#entries.get(name);
    return entry && { ...entry, text: Buffer.from(entry.value).toString(), served: this.#served(key, options) };
  }

  async put(key: Bytes, value: Bytes, options: CallOptions = {}) {
    const name = await this.#begin('put', key, options);
    return { version: this.#write(name, value), served: this.#served(key, options) };
  }

  async cas(key: Bytes, expectation: Expectation, next: Bytes, options: CallOptions = {}): Promise<CasResult> {
    const name = await this.#begin('cas', key, options);
    const served = this.#served(key, options);
    const entry = this.#entries.get(name);
    const matches =
      'expectedVersion' in expectation
        ? expectation.expectedVersion === (entry?.version ?? 0)
        : hex(expectation.expected ?? undefined) === hex(entry?.value);
    if (matches) return { applied: true, version: this.#write(name, next), served };
    const text = entry && Buffer.from(entry.value).toString();
    return { applied: false, version: entry?.version ?? 0, value: entry?.value, text, served };
  }

  async delete(key: Bytes, options: CallOptions = {}) {
    const name = await this.#begin('delete', key, options);
    const existed = this.#entries.delete(name);
    return { existed, version: ++this.#version, served: this.#served(key, options) };
  }

  async add(key: Bytes, delta: number | bigint, options: CallOptions = {}) {
    const name = await this.#begin('add', key, options);
    const entry = this.#entries.get(name);
    const before = entry === undefined ? 0n : parseCounter(entry.value);
    if (before === undefined) throw new KvorumError('not-a-number', failureText('not-a-number'));
    const value = before + BigInt(delta);
    return { value, version: this.#write(name, value.toString()), served: this.#served(key, options) };
  }

  status(): AsyncIterableIterator<ConnectionEvent> {
    return this.events.subscribe([]);
  }

  ready(): Promise<Layout> {
    const failure = this.failures.shift();
    if (failure !== undefined) return Promise.reject(failure);
    return Promise.resolve(this.layout ?? layout);
  }

  inspect(address: Address): Promise<NodeStatus> {
    const status = this.statuses.get(formatAddress(address));
    if (status !== undefined) return Promise.resolve(status);
    return Promise.reject(new KvorumError('unavailable', `${formatAddress(address)}: connection refused`));
  }

  leaderOf(): number {
    return 1;
  }

  close(): Promise<void> {
    this.events.close();
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Every node answers, and node 1 leads everything. */
  allUp(): this {
    for (const { id } of layout.nodes) this.answer(id, { leading: id === 1 });
    return this;
  }

  answer(id: number, facts: { leading: boolean; leader?: number; ballot?: number; suspects?: number[] }): void {
    const { leading, leader = 1, ballot = 4, suspects = [] } = facts;
    const groups = layout.groups.map((group) => ({
      group: group.id,
      members: group.members,
      leader,
      leading,
      ballot,
      decidedIndex: 10 + group.id,
      appliedIndex: 10 + group.id,
    }));
    const nodes = layout.nodes.map((node) => ({ id: node.id, suspected: suspects.includes(node.id) }));
    const status = { node: id, clusterId: layout.clusterId, state: 'member', epoch: 1, nodes, groups };
    this.statuses.set(`127.0.0.1:${7000 + id}`, parseNodeStatus(JSON.stringify(status)) as NodeStatus);
  }

  async #begin(operation: string, key: Bytes, { signal }: CallOptions): Promise<string> {
    const name = hex(keyBytes(key)) ?? '';
    this.calls.push(`${operation} ${Buffer.from(name, 'hex').toString()}`);
    await Promise.resolve();
    const failure = this.failures.shift();
    if (failure !== undefined) throw failure;
    if (this.stuck) {
      await new Promise((resolve) => signal?.addEventListener('abort', resolve, { once: true }));
      throw new KvorumError('cancelled', 'the operation was cancelled', {
        outcome: operation === 'get' ? 'not-applied' : 'unknown',
      });
    }
    return name;
  }

  #write(name: string, value: Bytes): number {
    this.#version += 1;
    this.#entries.set(name, { value: valueBytes(value), version: this.#version });
    return this.#version;
  }

  #served(key: Bytes, options: CallOptions) {
    const served = { node: 1, ballot: 4, index: 10, group: groupOfKey(layout, keyBytes(key)) };
    options.onServed?.(served);
    return served;
  }
}

function hex(value: Bytes | undefined): string | undefined {
  if (value === undefined) return undefined;
  return Buffer.from(typeof value === 'string' ? encodeUtf8(value) : value).toString('hex');
}
