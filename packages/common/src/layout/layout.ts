/**
 * The layout: which nodes there are, which of them hold which partition, what protocol each group runs, and how a key finds
 * its group. A value of the metadata group; every node and client caches it by its epoch.
 */
import type { Reader, Writer } from '../codec.ts';
import { DecodeError } from '../codec.ts';
import type { Address, GroupId, NodeId } from '../ids.ts';
import { isHost } from '../ids.ts';
import { NODES_MAX, PARTITIONS_MAX } from '../limits.ts';
import { murmur3 } from './key-hash.ts';

export interface GroupLayout {
  readonly id: GroupId;
  /** In order of preference as leader: the first has the highest priority in an election. */
  readonly members: readonly NodeId[];
  /** What the members run to agree, such as "sequence-paxos". */
  readonly protocol: string;
}

export interface NodeLayout {
  readonly id: NodeId;
  readonly address: Address;
  /** Names the node's data directory, for good: how a node that comes back is recognised. */
  readonly instance: string;
}

/**
 * What of a key decides its group. `tag`: what stands between its first "{" and the next "}", if there is anything, else
 * the whole key; so keys with the same tag are in one group. `key`: always the whole key. Fixed when the cluster is formed.
 */
export type Routing = 'key' | 'tag';

export interface Layout {
  readonly clusterId: string;
  /** Grows with every change; who has the higher one is right. */
  readonly epoch: number;
  readonly routing: Routing;
  readonly nodes: readonly NodeLayout[];
  /** The metadata group first, then one group for each partition, in order. */
  readonly groups: readonly GroupLayout[];
}

/** The format that this program writes, and the only one that it reads. */
const LAYOUT_FORMAT = 1;
/** Epochs up to here are read, and none above it is made. */
export const EPOCH_MAX = 2 ** 48;
const NAME_BYTES_MAX = 64;

const routings: readonly Routing[] = ['key', 'tag'];

const BRACE_OPEN = 0x7b;
const BRACE_CLOSE = 0x7d;

/** The part of a key that decides its group under `tag` routing: Redis Cluster's hash tags. */
export function routingTag(key: Uint8Array): Uint8Array {
  // Keys are short: a loop is faster than two calls of indexOf.
  let open = 0;
  while (open < key.length && key[open] !== BRACE_OPEN) open += 1;
  let close = open + 1;
  while (close < key.length && key[close] !== BRACE_CLOSE) close += 1;
  return close >= key.length || close === open + 1 ? key : key.subarray(open + 1, close);
}

/** The group that holds `key`: the hash scaled to the number of partitions, so that all of its bits count. */
export function groupOfKey(layout: Pick<Layout, 'routing' | 'groups'>, key: Uint8Array): GroupId {
  return groupOfHash(keyHash(layout, key), layout.groups.length - 1);
}

/** The hash of what decides the group of a key. */
export function keyHash({ routing }: Pick<Layout, 'routing'>, key: Uint8Array): number {
  return murmur3(routing === 'tag' ? routingTag(key) : key);
}

/** As {@link groupOfKey}, from a 32-bit hash and the number of partitions. */
export function groupOfHash(hash: number, partitions: number): GroupId {
  return 1 + Math.floor((hash / 2 ** 32) * partitions);
}

export function writeAddress(writer: Writer, address: Address): void {
  writer.text(address.host).uint(address.port);
}

export function readAddress(reader: Reader): Address {
  const address = { host: reader.text(255), port: reader.uint(65535) };
  if (!isHost(address.host) || address.port === 0) throw new DecodeError('what should be an address is none');
  return address;
}

export function writeLayout(writer: Writer, layout: Layout): void {
  writer.u8(LAYOUT_FORMAT).text(layout.clusterId).uint(layout.epoch, EPOCH_MAX).u8(routings.indexOf(layout.routing));
  writer.list(layout.nodes, (w, node) => {
    w.uint(node.id);
    writeAddress(w, node.address);
    w.text(node.instance);
  });
  writer.list(layout.groups, (w, group) => {
    w.uint(group.id)
      .text(group.protocol)
      .list(group.members, (inner, member) => inner.uint(member));
  });
}

/** Throws a DecodeError for what is no layout, or not one that a cluster can have. */
export function readLayout(reader: Reader): Layout {
  const format = reader.u8();
  if (format !== LAYOUT_FORMAT) {
    throw new DecodeError(`a layout of format ${format}; this version reads format ${LAYOUT_FORMAT}`);
  }
  const clusterId = reader.text(NAME_BYTES_MAX);
  const epoch = reader.uint(EPOCH_MAX);
  const routing = routings[reader.u8()];
  if (routing === undefined) throw new DecodeError('a layout with an unknown routing');
  const layout: Layout = {
    clusterId,
    epoch,
    routing,
    nodes: reader.list(NODES_MAX, (r) => ({ id: r.uint(), address: readAddress(r), instance: r.text(NAME_BYTES_MAX) })),
    groups: reader.list(PARTITIONS_MAX + 1, (r) => ({
      id: r.uint(PARTITIONS_MAX),
      protocol: r.text(NAME_BYTES_MAX),
      members: r.list(NODES_MAX, (inner) => inner.uint()),
    })),
  };
  const problem = layoutProblem(layout);
  if (problem !== undefined) throw new DecodeError(problem);
  return layout;
}

/** What is wrong with a layout, whoever made it; undefined for nothing. */
function layoutProblem({ nodes, groups }: Layout): string | undefined {
  const ids = new Set(nodes.map((node) => node.id));
  if (ids.size !== nodes.length || ids.has(0)) return 'a layout whose nodes do not have an id each';
  if (groups.length < 2) return 'a layout without a group for keys';
  for (const [place, { id, members }] of groups.entries()) {
    if (id !== place) return `a layout with group ${id} at place ${place}`;
    if (members.length === 0) return `a layout whose group ${id} has no member`;
    if (new Set(members).size !== members.length) return `a layout whose group ${id} has a member twice`;
    const stranger = members.find((member) => !ids.has(member));
    if (stranger !== undefined) return `a layout whose group ${id} has the member ${stranger}, which is no node of it`;
  }
  return undefined;
}
