/**
 * From what a node hosts to what a layout says that it should: a pure plan. HostedGroups carries it out.
 */
import type { GroupId, GroupLayout, Layout, NodeId, NodeLayout } from '@kvorum/common';
import { groupsOf } from './formation.ts';

/** A replica that a node has open. */
export type HostedGroup = Pick<GroupLayout, 'id' | 'members'>;

export interface Reconciliation {
  /** Replicas to close: the node is no member any more, or the group has other members now. */
  readonly close: readonly GroupId[];
  /** Replicas to open, once what the closed ones had asked to be written is on disk. */
  readonly open: readonly GroupLayout[];
  /** All nodes to be in touch with. */
  readonly peers: readonly NodeLayout[];
}

export function reconcile(hosted: Iterable<HostedGroup>, layout: Layout, self: NodeId): Reconciliation {
  const wanted = new Map(groupsOf(layout, self).map((group) => [group.id, group]));
  const close: GroupId[] = [];
  for (const group of hosted) {
    const next = wanted.get(group.id);
    if (next !== undefined && isSame(group, next)) wanted.delete(group.id);
    else close.push(group.id);
  }
  return { close, open: [...wanted.values()], peers: layout.nodes.filter((node) => node.id !== self) };
}

/** The order of the members counts: it says who is preferred as leader. */
function isSame(a: HostedGroup, b: HostedGroup): boolean {
  return a.members.join() === b.members.join();
}
