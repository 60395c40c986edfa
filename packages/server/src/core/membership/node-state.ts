/**
 * What a node is to its cluster: one of five, each with just what belongs to it, so that no two of them can be true at a time.
 */
import type { Address, CheckInState, Layout, NodeId, ReplyBody } from '@kvorum/common';
import type { HostedGroups } from '../hosted-groups.ts';
import type { CheckIn, Formation } from './formation.ts';

export type NodeState =
  /** It gathers the nodes of a cluster that is yet to be. `entering`: the layout is being written down. */
  | { readonly type: 'new'; readonly clusterId: string; readonly formation: Formation; readonly entering: boolean }
  /** It checks in itself, there. */
  | { readonly type: 'joining'; readonly bootstrap: Address; readonly entering: boolean }
  /** The cluster is complete without it; it waits for a place. */
  | { readonly type: 'spare'; readonly bootstrap: Address; readonly layout: Layout; readonly entering: boolean }
  /** The layout names it. */
  | { readonly type: 'member'; readonly groups: HostedGroups }
  /** It takes part in nothing any more. */
  | { readonly type: 'stopping' };

type CheckedIn = Extract<ReplyBody, { type: 'checked-in' }>;

/** What to answer a node that checks in. */
export function answerCheckIn(state: NodeState, checkIn: CheckIn): CheckedIn {
  const clusterId = clusterIdOf(state);
  const answer = (node: NodeId, what: CheckInState): CheckedIn => ({
    type: 'checked-in',
    clusterId,
    node,
    state: what,
  });
  if (state.type === 'stopping') return answer(0, { type: 'rejected', reason: 'this node is shutting down' });
  if (state.type === 'joining' || state.type === 'spare') {
    return answer(0, { type: 'elsewhere', address: state.bootstrap });
  }
  if (checkIn.clusterId !== undefined && checkIn.clusterId !== clusterId) {
    const reason =
      `this is cluster ${clusterId}, but the node's data directory belongs to cluster ${checkIn.clusterId}; ` +
      'start it with an empty --data-dir to join this cluster, or with -s of a node of its own';
    return answer(0, { type: 'rejected', reason });
  }
  if (state.type === 'member') {
    const { layout } = state.groups;
    const node = layout.nodes.find((entry) => entry.instance === checkIn.instance);
    return node === undefined ? answer(0, { type: 'spare', layout }) : answer(node.id, { type: 'member', layout });
  }
  const { formation } = state;
  const present = formation.roster.length;
  return answer(formation.find(checkIn.instance)?.id ?? 0, { type: 'forming', present, wanted: formation.wanted });
}

function clusterIdOf(state: NodeState): string {
  switch (state.type) {
    case 'new':
      return state.clusterId;
    case 'member':
      return state.groups.layout.clusterId;
    case 'joining':
    case 'spare':
    case 'stopping':
      return '';
  }
}
