/**
 * How a cluster comes to be: nodes check in at the bootstrap node until the cluster is complete; it then computes the
 * layout, once, and every node that asks is told.
 *
 * State: the roster of nodes that checked in, on disk before any of them is answered. Invariants: a node id belongs to one
 * data directory for good; the layout is computed once, from the roster, and is on disk before anyone is told.
 */
import type { Address, Layout, NodeId, PlacementOptions, RequestBody } from '@kvorum/common';
import { computeLayout, EPOCH_MAX, formatAddress } from '@kvorum/common';
import type { RosterEntry } from './identity.ts';

export type CheckIn = Extract<RequestBody, { type: 'check-in' }>;

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

/** The layout with the node at another address; undefined when nothing would change. */
export function moveNode(layout: Layout, node: NodeId, address: Address): Layout | undefined {
  const known = layout.nodes.find((entry) => entry.id === node);
  if (known === undefined || formatAddress(known.address) === formatAddress(address)) return undefined;
  if (layout.epoch >= EPOCH_MAX) return undefined;
  const nodes = layout.nodes.map((entry) => (entry.id === node ? { ...entry, address } : entry));
  return { ...layout, epoch: layout.epoch + 1, nodes };
}

/** The groups that a node is a member of, the metadata group first. */
export function groupsOf(layout: Layout, node: NodeId): Layout['groups'] {
  return layout.groups.filter((group) => group.members.includes(node));
}
