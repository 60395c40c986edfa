/**
 * The layout as the metadata group holds it: one key of its state, changed by compare-and-swap, so that of two changes made at
 * the same time one is made again from the other's outcome.
 */
import type { GroupRequest, Layout } from '@kvorum/common';
import { decodeAll, DecodeError, encodeUtf8, equalBytes, METADATA_GROUP, readLayout } from '@kvorum/common';
import type { AppliedState } from '../replication/replication-protocol.ts';
import { CorruptRecord } from '../storage/storage-ports.ts';
import { encodeLayout } from './identity.ts';

const LAYOUT_KEY = encodeUtf8('layout');

/** As it was applied here so far; undefined where nobody has put it there yet. */
export function storedLayout(state: AppliedState | undefined): Layout | undefined {
  const answer = state?.query({ type: 'get', key: LAYOUT_KEY });
  if (answer?.found === undefined) return undefined;
  try {
    return decodeAll(answer.found.value, readLayout);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new CorruptRecord(`the layout in the state of the metadata group cannot be used: ${error.message}`);
  }
}

/** Replaces the layout if it still is `current`; undefined: if there is none yet. Of the node's own session. */
export function layoutChange(next: Layout, current: Layout | undefined): GroupRequest {
  const command = {
    type: 'cas',
    key: LAYOUT_KEY,
    expected: current && encodeLayout(current),
    next: encodeLayout(next),
  } as const;
  return { type: 'execute', group: METADATA_GROUP, session: 0, sequence: 0, floor: 0, command };
}

/** Whether it is such a change of the cluster's layout, made by whatever node. */
export function isLayoutChange(request: GroupRequest, clusterId: string): boolean {
  if (request.group !== METADATA_GROUP || request.type !== 'execute' || request.session !== 0) return false;
  const { command } = request;
  if (command.type !== 'cas' || !equalBytes(command.key, LAYOUT_KEY)) return false;
  try {
    return decodeAll(command.next, readLayout).clusterId === clusterId;
  } catch (error) {
    if (error instanceof DecodeError) return false;
    throw error;
  }
}
