/**
 * What commands give, before it is shown.
 */
import type { GroupId, NodeId, Version } from '@kvorum/common';
import type { ServedBy } from '@kvorum/client';
import type { ClusterView, GroupView, NodeView } from './cluster-view.ts';
import { exitStatus } from './exit-status.ts';

export type Result =
  | {
      readonly type: 'value';
      readonly key: Uint8Array;
      readonly found: { readonly value: Uint8Array; readonly version: Version } | undefined;
      readonly raw: boolean;
    }
  | { readonly type: 'written'; readonly command: 'put' | 'cas'; readonly key: Uint8Array; readonly version: Version }
  | {
      readonly type: 'mismatch';
      readonly key: Uint8Array;
      readonly version: Version;
      readonly value: Uint8Array | undefined;
    }
  | {
      readonly type: 'deleted';
      readonly key: Uint8Array;
      readonly existed: boolean;
      readonly version: Version;
    }
  | { readonly type: 'added'; readonly key: Uint8Array; readonly value: bigint; readonly version: Version }
  | {
      readonly type: 'where';
      readonly key: Uint8Array;
      readonly hash: number;
      readonly group: GroupId;
      readonly members: readonly { readonly id: NodeId; readonly address: string }[];
      /** 0 for nobody. */
      readonly leader: NodeId;
    }
  | { readonly type: 'status'; readonly view: ClusterView }
  | { readonly type: 'forming'; readonly address: string; readonly present: number; readonly wanted: number }
  | { readonly type: 'nodes'; readonly nodes: readonly NodeView[] }
  | { readonly type: 'groups'; readonly groups: readonly GroupView[] }
  | { readonly type: 'node'; readonly node: NodeView }
  | { readonly type: 'group'; readonly group: GroupView };

export interface Timing {
  readonly durationMs: number;
  readonly served: ServedBy | undefined;
}

export function statusOfResult(result: Result): number {
  switch (result.type) {
    case 'value':
      return result.found === undefined ? exitStatus.mismatch : exitStatus.done;
    case 'mismatch':
      return exitStatus.mismatch;
    case 'deleted':
      return result.existed ? exitStatus.done : exitStatus.mismatch;
    default:
      return exitStatus.done;
  }
}
