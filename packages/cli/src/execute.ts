/**
 * Runs one parsed command against the cluster.
 */
import type { KvorumError, Layout } from '@kvorum/common';
import { formatAddress, groupOfKey, keyHash, nodeName } from '@kvorum/common';
import type { CallOptions, Client, Expectation, ServedBy } from '@kvorum/client';
import { keyBytes } from '@kvorum/client';
import { viewCluster } from './cluster-view.ts';
import type { ParsedCommand } from './parse-command.ts';
import type { Result } from './result.ts';
import type { ValueSource } from './value-source.ts';
import { UsageError } from './words.ts';

/** The commands that need a cluster; the others are about the session. */
export type ClusterCommand = Exclude<ParsedCommand, { readonly name: 'timing' | 'history' | 'help' | 'exit' }>;

export interface ExecuteOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly values: ValueSource;
  readonly onServed: (served: ServedBy) => void;
}

export async function execute(client: Client, command: ClusterCommand, options: ExecuteOptions): Promise<Result> {
  const call: CallOptions = { timeoutMs: options.timeoutMs, signal: options.signal, onServed: options.onServed };
  switch (command.name) {
    case 'get': {
      await layoutOf(client, call);
      const key = command.key.bytes;
      return { type: 'value', key, found: await client.get(key, call), raw: command.raw };
    }
    case 'put': {
      const value = await options.values.read(command.value);
      await layoutOf(client, call);
      const key = command.key.bytes;
      const { version } = await client.put(key, value, call);
      return { type: 'written', command: 'put', key, version };
    }
    case 'cas':
      return compareAndSet(client, command, options, call);
    case 'delete': {
      await layoutOf(client, call);
      const key = command.key.bytes;
      const { existed, version } = await client.delete(key, call);
      return { type: 'deleted', key, existed, version };
    }
    case 'add': {
      await layoutOf(client, call);
      const key = command.key.bytes;
      const { value, version } = await client.add(key, command.delta, call);
      return { type: 'added', key, value, version };
    }
    case 'where':
      return where(client, command.key.bytes, options, call);
    case 'status':
      return status(client, options, call);
    case 'nodes':
      return { type: 'nodes', nodes: (await view(client, options, call)).nodes };
    case 'groups':
      return { type: 'groups', groups: (await view(client, options, call)).groups };
    case 'node': {
      const { nodes } = await view(client, options, call);
      const node = nodes.find((candidate) => candidate.id === command.id);
      if (node !== undefined) return { type: 'node', node };
      throw new UsageError(`there is no node ${nodeName(command.id)}; "nodes" lists them`);
    }
    case 'group': {
      const { groups } = await view(client, options, call);
      const group = groups.find((candidate) => candidate.id === command.id);
      if (group !== undefined) return { type: 'group', group };
      throw new UsageError(`there is no group ${command.id}; "groups" lists them`);
    }
  }
}

async function compareAndSet(
  client: Client,
  command: Extract<ClusterCommand, { readonly name: 'cas' }>,
  options: ExecuteOptions,
  call: CallOptions,
): Promise<Result> {
  const { expected } = command;
  const key = command.key.bytes;
  const expectation: Expectation =
    expected.type === 'version'
      ? { expectedVersion: expected.version }
      : { expected: expected.type === 'absent' ? undefined : await options.values.read(expected.value) };
  const next = await options.values.read(command.next);
  await layoutOf(client, call);
  const result = await client.cas(key, expectation, next, call);
  const { version } = result;
  if (result.applied) return { type: 'written', command: 'cas', key, version };
  return { type: 'mismatch', key, version, value: result.value };
}

/** The first command of a session waits here for a server, and fails with a reason that names it. */
async function layoutOf(client: Client, call: CallOptions): Promise<Layout> {
  return client.layout ?? (await client.ready(call));
}

async function view(client: Client, options: ExecuteOptions, call: CallOptions) {
  const layout = await layoutOf(client, call);
  return viewCluster(client, layout, options);
}

async function where(client: Client, key: Uint8Array, options: ExecuteOptions, call: CallOptions): Promise<Result> {
  const bytes = keyBytes(key);
  const layout = await layoutOf(client, call);
  const id = groupOfKey(layout, bytes);
  const { nodes, groups } = await viewCluster(client, layout, options);
  const group = groups.find((candidate) => candidate.id === id);
  const members = (group?.members ?? []).map((member) => ({
    id: member,
    address: nodes.find((node) => node.id === member)?.address ?? '',
  }));
  return { type: 'where', key, hash: keyHash(layout, bytes), group: id, members, leader: group?.leader ?? 0 };
}

/** Of a cluster that is still being formed there is no layout, but its nodes answer. */
async function status(client: Client, options: ExecuteOptions, call: CallOptions): Promise<Result> {
  if (client.layout !== undefined) return { type: 'status', view: await view(client, options, call) };
  const formed = new AbortController();
  const signal = call.signal ? AbortSignal.any([call.signal, formed.signal]) : formed.signal;
  const untilFormed = { ...call, signal };
  const ready = client.ready(untilFormed);
  const forming = firstForming(client, untilFormed).then((found) => found ?? ready.then(() => undefined));
  try {
    const first = await Promise.race([ready.then(() => undefined), forming]);
    return first ?? { type: 'status', view: await view(client, options, call) };
  } finally {
    formed.abort();
    await Promise.allSettled([ready, forming]);
  }
}

async function firstForming(client: Client, call: CallOptions): Promise<Result | undefined> {
  for (const server of client.servers) {
    try {
      const { state, present = 1, wanted = 0 } = await client.inspect(server, call);
      if (state === 'forming') return { type: 'forming', address: formatAddress(server), present, wanted };
    } catch (error) {
      if ((error as KvorumError).code === 'cancelled') throw error;
    }
  }
  return undefined;
}
