/**
 * The layout: which nodes there are, and which of them hold which partition. A value of the metadata group; every node
 * and client caches it by its epoch.
 */
import type { Reader, Writer } from '../codec.ts';
import type { Address, GroupId, NodeId } from '../ids.ts';
import { limits } from '../limits.ts';
import { murmur3 } from './key-hash.ts';

export interface GroupLayout {
  readonly id: GroupId;
  /** In order of preference as leader: the first has the highest priority in an election. */
  readonly members: readonly NodeId[];
}

export interface NodeLayout {
  readonly id: NodeId;
  readonly address: Address;
  /** Names the node's data directory, for good: how a node that comes back is recognised. */
  readonly instance: string;
}

export interface Layout {
  readonly clusterId: string;
  /** Grows with every change; who has the higher one is right. */
  readonly epoch: number;
  readonly nodes: readonly NodeLayout[];
  /** The metadata group first, then one group for each partition, in order. */
  readonly groups: readonly GroupLayout[];
}

/** The group that holds `key`: the hash scaled to the number of partitions, so that all of its bits count. */
export function groupOfKey(layout: Layout, key: Uint8Array): GroupId {
  return groupOfHash(murmur3(key), layout.groups.length - 1);
}

/** As {@link groupOfKey}, from a 32-bit hash and the number of partitions. */
export function groupOfHash(hash: number, partitions: number): GroupId {
  return 1 + Math.floor((hash / 2 ** 32) * partitions);
}

export function writeAddress(writer: Writer, address: Address): void {
  writer.text(address.host).uint(address.port);
}

export function readAddress(reader: Reader): Address {
  return { host: reader.text(255), port: reader.uint(65535) };
}

export function writeLayout(writer: Writer, layout: Layout): void {
  writer.text(layout.clusterId).uint(layout.epoch);
  writer.list(layout.nodes, (w, node) => {
    w.uint(node.id);
    writeAddress(w, node.address);
    w.text(node.instance);
  });
  writer.list(layout.groups, (w, group) => {
    w.uint(group.id).list(group.members, (inner, member) => inner.uint(member));
  });
}

export function readLayout(reader: Reader): Layout {
  return {
    clusterId: reader.text(64),
    epoch: reader.uint(),
    nodes: reader.list(limits.nodesMax, (r) => ({ id: r.uint(), address: readAddress(r), instance: r.text(64) })),
    groups: reader.list(limits.partitionsMax + 1, (r) => ({
      id: r.uint(limits.partitionsMax),
      members: r.list(limits.nodesMax, (inner) => inner.uint()),
    })),
  };
}
