/**
 * What probes and metrics read of a node. The one place that knows how its status is made up.
 */
import type { NodeId } from '@kvorum/common';
import type { GroupLeader } from './adapters/http/probes.ts';
import type { Node } from './core/index.ts';

export interface NodeView {
  readonly node: NodeId;
  readonly clusterId: string;
  readonly state: 'forming' | 'spare' | 'member';
  readonly groups: readonly GroupLeader[];
}

export function viewOf(node: Node): NodeView {
  return node.status() as unknown as NodeView;
}
