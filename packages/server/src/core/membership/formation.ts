/**
 * How a cluster comes to be: nodes check in at the bootstrap node until the cluster is complete; it then computes the
 * layout, once, and every node that asks is told.
 *
 * State: the roster of nodes that checked in, on disk before any of them is answered. Invariants: a node id belongs to one
 * data directory for good; the layout is computed once, from the roster, and is on disk before anyone is told.
 */
import type { Address, CheckInState, Layout, NodeId, PlacementOptions, ReplyBody, RequestBody } from '@kvorum/common';
import { computeLayout, formatAddress } from '@kvorum/common';
import type { RosterEntry } from './identity.ts';

export type CheckIn = Extract<RequestBody, { type: 'check-in' }>;

/** What this node can tell about the cluster. */
export type Membership =
  /** It forms the cluster. */
  | { readonly type: 'bootstrap'; readonly clusterId: string; readonly formation: Formation }
  /** It checks in itself, there. */
  | { readonly type: 'joining'; readonly bootstrap: Address }
  | { readonly type: 'member'; readonly layout: Layout };

export interface FormationOptions extends PlacementOptions {
  /** Nodes that the cluster is complete with. */
  readonly clusterSize: number;
}

/** The roster of a cluster that is being formed. */
export class Formation {
  readonly #options: FormationOptions;
  #roster: readonly RosterEntry[];

  constructor(options: FormationOptions, roster: readonly RosterEntry[]) {
    this.#options = options;
    this.#roster = roster;
  }

  get roster(): readonly RosterEntry[] {
    return this.#roster;
  }

  get wanted(): number {
    return this.#options.clusterSize;
  }

  get complete(): boolean {
    return this.#roster.length >= this.#options.clusterSize;
  }

  find(instance: string): RosterEntry | undefined {
    return this.#roster.find((entry) => entry.instance === instance);
  }

  /** Adds a node, or notes where it listens now. Returns whether the roster changed. */
  add(instance: string, address: Address): boolean {
    const known = this.find(instance);
    if (known !== undefined && formatAddress(known.address) === formatAddress(address)) return false;
    if (known === undefined && this.complete) return false;
    const id = known?.id ?? this.#roster.length + 1;
    this.#roster = [...this.#roster.filter((entry) => entry !== known), { id, instance, address }];
    return true;
  }

  computeLayout(clusterId: string): Layout {
    return computeLayout(clusterId, this.#roster, this.#options);
  }
}

/** What to answer a node that checks in. */
export function answerCheckIn(membership: Membership, checkIn: CheckIn): Extract<ReplyBody, { type: 'checked-in' }> {
  const clusterId = clusterIdOf(membership);
  const answer = (node: NodeId, state: CheckInState): Extract<ReplyBody, { type: 'checked-in' }> => ({
    type: 'checked-in',
    clusterId,
    node,
    state,
  });
  if (membership.type === 'joining') return answer(0, { type: 'elsewhere', address: membership.bootstrap });
  if (checkIn.clusterId !== undefined && checkIn.clusterId !== clusterId) {
    const reason =
      `this is cluster ${clusterId}, but the node's data directory belongs to cluster ${checkIn.clusterId}; ` +
      'start it with an empty --data-dir to join this cluster, or with -s of a node of its own';
    return answer(0, { type: 'rejected', reason });
  }
  if (membership.type === 'member') {
    const { layout } = membership;
    const node = layout.nodes.find((entry) => entry.instance === checkIn.instance);
    return node === undefined ? answer(0, { type: 'spare', layout }) : answer(node.id, { type: 'member', layout });
  }
  const { formation } = membership;
  const present = formation.roster.length;
  return answer(formation.find(checkIn.instance)?.id ?? 0, { type: 'forming', present, wanted: formation.wanted });
}

function clusterIdOf(membership: Membership): string {
  switch (membership.type) {
    case 'bootstrap':
      return membership.clusterId;
    case 'joining':
      return '';
    case 'member':
      return membership.layout.clusterId;
  }
}

/** The layout with the node at another address; undefined when nothing would change. */
export function moveNode(layout: Layout, node: NodeId, address: Address): Layout | undefined {
  const known = layout.nodes.find((entry) => entry.id === node);
  if (known === undefined || formatAddress(known.address) === formatAddress(address)) return undefined;
  const nodes = layout.nodes.map((entry) => (entry.id === node ? { ...entry, address } : entry));
  return { ...layout, epoch: layout.epoch + 1, nodes };
}

/** The groups that a node is a member of, the metadata group first. */
export function groupsOf(layout: Layout, node: NodeId): Layout['groups'] {
  return layout.groups.filter((group) => group.members.includes(node));
}
