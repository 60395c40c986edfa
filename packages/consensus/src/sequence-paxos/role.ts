/**
 * What both roles of a replica work with.
 */
import type { Limits, NodeId, Timings } from '@kvorum/common';
import { defaultLimits, defaultTimings } from '@kvorum/common';
import type { Outbox } from './outbox.ts';
import type { ReplicaState } from './replica-state.ts';

export type LogLimits = Pick<Limits, 'messageEntryBytesMax' | 'acceptsInFlightMax'> &
  Pick<Timings, 'stalledAcceptRoundsMax'>;

export const defaultLogLimits: LogLimits = { ...defaultLimits, ...defaultTimings };

export interface RoleParts {
  readonly state: ReplicaState;
  readonly outbox: Outbox;
  /** The members but for this one. */
  readonly others: readonly NodeId[];
  readonly limits: LogLimits;
}
