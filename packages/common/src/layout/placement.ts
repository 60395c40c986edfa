/**
 * From nodes to layout: a consistent-hash ring assigns each partition its members. Same nodes, same layout, whatever the
 * order they are named in; one node more moves about 1/N of the replicas (Karger et al. 1997, section 4).
 */
import ConsistentHash from 'consistent-hash';
import { encodeUtf8 } from '../codec.ts';
import type { GroupId, NodeId } from '../ids.ts';
import { METADATA_GROUP } from '../ids.ts';
import { murmur3 } from './key-hash.ts';
import type { GroupLayout, Layout, NodeLayout } from './layout.ts';

const RING_RANGE = 1_000_003;
const POINTS_PER_NODE = 320;

export interface PlacementOptions {
  /** Groups that hold keys, 1 or more. */
  readonly partitions: number;
  /** Members of each group, at most the number of nodes. */
  readonly replication: number;
  /** What the groups that hold keys run. The metadata group always runs {@link METADATA_PROTOCOL}. */
  readonly protocol?: string;
}

/** What the metadata group runs, and the others unless told otherwise. */
export const METADATA_PROTOCOL = 'sequence-paxos';

/** The first layout of a cluster, epoch 1. Throws a RangeError when there are fewer nodes than replicas. */
export function computeLayout(clusterId: string, nodes: readonly NodeLayout[], options: PlacementOptions): Layout {
  if (options.replication > nodes.length) {
    throw new RangeError(`replication degree ${options.replication} needs as many nodes, there are ${nodes.length}`);
  }
  const sorted = [...nodes].sort((a, b) => a.id - b.id);
  const ring = buildRing(sorted.map((node) => node.id));
  const leaderships = new Map<NodeId, number>(sorted.map((node) => [node.id, 0]));
  const groups: GroupLayout[] = [];
  for (let group: GroupId = METADATA_GROUP; group <= options.partitions; group += 1) {
    const name = murmur3(encodeUtf8(`group/${group}`))
      .toString(16)
      .padStart(8, '0');
    const successors = ring.get(name, options.replication).map(Number);
    const protocol = group === METADATA_GROUP ? METADATA_PROTOCOL : (options.protocol ?? METADATA_PROTOCOL);
    groups.push({ id: group, members: spreadLeaders(successors, leaderships), protocol });
  }
  return { clusterId, epoch: 1, routing: 'tag', nodes: sorted, groups };
}

/**
 * The ring with points of our own: the package's default points come from Math.random, and its 'uniform' ones depend on
 * the insertion order. Colliding points would shadow each other, so a taken point moves on to the next free one.
 */
function buildRing(nodes: readonly NodeId[]): ConsistentHash {
  const ring = new ConsistentHash({ range: RING_RANGE });
  const taken = new Set<number>();
  for (const node of nodes) {
    const points: number[] = [];
    for (let i = 0; i < POINTS_PER_NODE; i += 1) {
      let point = murmur3(encodeUtf8(`node/${node}#${i}`)) % RING_RANGE;
      while (taken.has(point)) point = (point + 1) % RING_RANGE;
      taken.add(point);
      points.push(point);
    }
    ring.add(String(node), POINTS_PER_NODE, points);
  }
  return ring;
}

/** Orders members so that the one preferred least often so far comes first, and counts the preference. */
function spreadLeaders(members: readonly NodeId[], leaderships: Map<NodeId, number>): NodeId[] {
  const load = (node: NodeId): number => leaderships.get(node) ?? 0;
  const ordered = [...members].sort((a, b) => load(a) - load(b));
  const preferred = ordered[0];
  if (preferred !== undefined) leaderships.set(preferred, load(preferred) + 1);
  return ordered;
}
