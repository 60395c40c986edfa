/**
 * Requests to single groups, below the client library.
 */
import type { Command, GroupRequest } from '@kvorum/common';
import { encodeUtf8, groupOfKey, Writer } from '@kvorum/common';
import type { Cluster } from './cluster.ts';
import { until } from './deadline.ts';
import type { RawClient } from './raw.ts';

export function putTo(group: number, key: string, value: string): GroupRequest {
  const command: Command = { type: 'put', key: encodeUtf8(key), value: encodeUtf8(value) };
  return { type: 'execute', group, session: 1, sequence: 1, floor: 1, command };
}

export function read(group: number, keyBytes: number): GroupRequest {
  return { type: 'read', group, query: { type: 'get', key: new Uint8Array(keyBytes) } };
}

/** In the first of twelve partitions, wherever the servers run: the hash is part of the protocol. */
export function keyOfGroupOne(): Uint8Array {
  const layout = {
    routing: 'tag' as const,
    groups: Array.from({ length: 13 }, (_, id) => ({ id, members: [], protocol: '' })),
  };
  for (let n = 0; ; n += 1) {
    const key = new Writer().text(`one-${n}`).finish();
    if (groupOfKey(layout, key) === 1) return key;
  }
}

/** The place of the server that leads the group. */
export async function leaderOf(cluster: Cluster, group: number): Promise<number> {
  return until(`leader of group ${group}`, 5000, async () => {
    const statuses = await cluster.statuses();
    const place = statuses.findIndex((status) => status.groups.some((entry) => entry.group === group && entry.leading));
    return place < 0 ? undefined : { place };
  }).then(({ place }) => place);
}

export async function openSession(client: RawClient, group: number): Promise<number> {
  const reply = await client.request({ type: 'group', forward: true, request: { type: 'open-session', group } });
  if (reply.type !== 'session') throw new Error(`no session: ${reply.type}`);
  return reply.session;
}
