/**
 * The cluster as all of its nodes together describe it. Nodes that do not answer are said not to; what only others know
 * of them is marked as such.
 */
import type { Address, GroupId, KvorumError, Layout, NodeId } from '@kvorum/common';
import { formatAddress, METADATA_GROUP, nodeName } from '@kvorum/common';
import type { Client, GroupStatus, NodeStatus } from '@kvorum/client';

export interface NodeView {
  readonly id: NodeId;
  readonly address: string;
  /** Undefined when it does not answer; then `trouble` says why. */
  readonly status: NodeStatus | undefined;
  readonly trouble: string | undefined;
  readonly suspectedBy: readonly NodeId[];
  readonly leads: readonly GroupId[];
  readonly holds: readonly GroupId[];
}

export type GroupState = 'ok' | 'no leader' | 'no majority' | 'leader does not answer';

export interface GroupView {
  readonly id: GroupId;
  /** The first and last hash of its keys; undefined for the group that holds the layout. */
  readonly hashes: readonly [number, number] | undefined;
  readonly members: readonly NodeId[];
  readonly silent: readonly NodeId[];
  /** 0 for nobody. */
  readonly leader: NodeId;
  readonly state: GroupState;
  readonly ballot: number;
  readonly decidedIndex: number;
  readonly appliedIndex: number;
  /** What each member that answers says. */
  readonly reports: readonly { readonly node: NodeId; readonly status: GroupStatus }[];
}

export interface ClusterView {
  readonly clusterId: string;
  readonly epoch: number;
  readonly nodes: readonly NodeView[];
  readonly groups: readonly GroupView[];
}

export interface AskOptions {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs: number;
}

/** A node that has not said how it is by then counts as not answering. */
const STATUS_TIMEOUT_MS = 1000;

export async function viewCluster(client: Client, layout: Layout, options: AskOptions): Promise<ClusterView> {
  const answers = await Promise.all(
    layout.nodes.map((node) => askNode(client, layout, node.id, node.address, options)),
  );
  const groups = layout.groups.map((group) => viewGroup(layout, group.id, group.members, answers));
  const nodes = answers.map(({ id, address, status, trouble }): NodeView => ({
    id,
    address,
    status,
    trouble,
    suspectedBy: answers.filter((other) => other.status?.suspected.includes(id)).map((other) => other.id),
    leads: groups.filter((group) => group.leader === id).map((group) => group.id),
    holds: groups.filter((group) => group.members.includes(id)).map((group) => group.id),
  }));
  return { clusterId: layout.clusterId, epoch: layout.epoch, nodes, groups };
}

/** How many groups have a leader: those that the nodes' `leads` list. */
export function countLed(groups: readonly GroupView[]): number {
  return groups.filter((group) => group.leader !== 0).length;
}

/** What keeps groups from serving, a line for each kind; none where all is well. */
export function groupTroubles(groups: readonly GroupView[]): string[] {
  const troubles: readonly [GroupState, string, string][] = [
    ['no leader', 'has no leader', 'have no leader'],
    ['no majority', 'has a leader without a majority', 'have a leader without a majority'],
    ['leader does not answer', 'has a leader that does not answer here', 'have a leader that does not answer here'],
  ];
  return troubles.flatMap(([state, one, many]) => {
    const ids = groups.filter((group) => group.state === state).map((group) => group.id);
    if (ids.length === 0) return [];
    return ids.length === 1 ? `group ${ids[0]} ${one}` : `${ids.length} groups ${many}: ${ids.join(' ')}`;
  });
}

interface NodeAnswer {
  readonly id: NodeId;
  readonly address: string;
  readonly status: NodeStatus | undefined;
  readonly trouble: string | undefined;
}

async function askNode(
  client: Client,
  layout: Layout,
  id: NodeId,
  address: Address,
  options: AskOptions,
): Promise<NodeAnswer> {
  const common = { id, address: formatAddress(address) };
  try {
    const timeoutMs = Math.min(STATUS_TIMEOUT_MS, options.timeoutMs);
    const status = await client.inspect(address, { signal: options.signal, timeoutMs });
    if (status.node === id && status.clusterId === layout.clusterId) return { ...common, status, trouble: undefined };
    const who = status.clusterId === layout.clusterId ? nodeName(status.node) : `cluster ${status.clusterId}`;
    return { ...common, status: undefined, trouble: `${who} answers at its address` };
  } catch (error) {
    if (options.signal?.aborted) throw error;
    const prefix = `${common.address}: `;
    const { message } = error as KvorumError;
    return { ...common, status: undefined, trouble: message.replace(prefix, '') };
  }
}

function viewGroup(layout: Layout, id: GroupId, members: readonly NodeId[], answers: readonly NodeAnswer[]): GroupView {
  const reports = answers.flatMap(({ id: node, status: from }) =>
    (from?.groups ?? []).filter((status) => status.group === id).map((status) => ({ node, status })),
  );
  const answering = answers.filter((answer) => answer.status !== undefined).map((answer) => answer.id);
  const { leader, state } = findLeader(members, reports, answers);
  const own = reports.find((report) => report.node === leader)?.status;
  const most = (of: (status: GroupStatus) => number): number =>
    own === undefined ? Math.max(0, ...reports.map((report) => of(report.status))) : of(own);
  return {
    id,
    hashes: id === METADATA_GROUP ? undefined : hashRange(id, layout.groups.length - 1),
    members,
    silent: members.filter((member) => !answering.includes(member)),
    leader,
    state,
    ballot: most((status) => status.ballot),
    decidedIndex: most((status) => status.decidedIndex),
    appliedIndex: most((status) => status.appliedIndex),
    reports,
  };
}

/** Who says it leads, with the highest ballot; else who the others say leads, unless they do not hear from it. */
function findLeader(
  members: readonly NodeId[],
  reports: GroupView['reports'],
  answers: readonly NodeAnswer[],
): { leader: NodeId; state: GroupState } {
  const byBallot = [...reports].sort((a, b) => b.status.ballot - a.status.ballot);
  const claims = byBallot.find((report) => report.status.leading);
  const suspects = (by: NodeId): readonly NodeId[] => answers.find((one) => one.id === by)?.status?.suspected ?? [];
  if (claims !== undefined) {
    const heard = members.filter((member) => !suspects(claims.node).includes(member));
    return { leader: claims.node, state: heard.length * 2 > members.length ? 'ok' : 'no majority' };
  }
  const silentLeader = byBallot.find(
    ({ node, status }) =>
      status.leader !== 0 &&
      !suspects(node).includes(status.leader) &&
      !answers.some((answer) => answer.id === status.leader && answer.status !== undefined),
  );
  if (silentLeader !== undefined) return { leader: silentLeader.status.leader, state: 'leader does not answer' };
  return { leader: 0, state: 'no leader' };
}

/** The hashes that groupOfHash gives to the group. */
function hashRange(group: GroupId, partitions: number): [number, number] {
  const from = (partition: number): number => Math.ceil((partition * 2 ** 32) / partitions);
  return [from(group - 1), from(group) - 1];
}
