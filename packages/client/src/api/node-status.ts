/**
 * What a node answers when it is asked about itself. It comes as JSON and grows over time, so it is read tolerantly:
 * what is missing or of another type is left out, what is new is kept in `raw`.
 */
import type { GroupId, NodeId } from '@kvorum/common';

export interface GroupStatus {
  readonly group: GroupId;
  readonly members: readonly NodeId[];
  /** Who leads it as far as this node knows; 0 for nobody. */
  readonly leader: NodeId;
  /** Whether this node itself leads it. */
  readonly leading: boolean;
  readonly ballot: number;
  readonly decidedIndex: number;
  readonly appliedIndex: number;
}

export interface NodeStatus {
  readonly node: NodeId;
  readonly clusterId: string;
  readonly address: string;
  readonly state: string;
  readonly epoch: number;
  /** While the cluster is formed, by the node that forms it: how many nodes have checked in, of how many. */
  readonly present: number | undefined;
  readonly wanted: number | undefined;
  readonly suspected: readonly NodeId[];
  readonly groups: readonly GroupStatus[];
  readonly raw: Readonly<Record<string, unknown>>;
}

/** Undefined when this is not a status at all. */
export function parseNodeStatus(json: string): NodeStatus | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (!isRecord(parsed) || typeof parsed['node'] !== 'number') return undefined;
  return {
    node: parsed['node'],
    clusterId: text(parsed['clusterId']),
    address: text(parsed['address']),
    state: text(parsed['state']),
    epoch: number(parsed['epoch']),
    present: optionalNumber(parsed['present']),
    wanted: optionalNumber(parsed['wanted']),
    suspected: records(parsed['nodes'])
      .filter((node) => node['suspected'] === true)
      .map((node) => number(node['id'])),
    groups: records(parsed['groups']).map((group) => ({
      group: number(group['group']),
      members: Array.isArray(group['members']) ? group['members'].map(number) : [],
      leader: number(group['leader']),
      leading: group['leading'] === true,
      ballot: number(group['ballot']),
      decidedIndex: number(group['decidedIndex']),
      appliedIndex: number(group['appliedIndex']),
    })),
    raw: parsed,
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function records(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function number(value: unknown): number {
  return optionalNumber(value) ?? 0;
}

function optionalNumber(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}
