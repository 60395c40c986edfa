/**
 * Replicas that have applied the same entries are in the same state: the state machine is deterministic, so whatever the
 * time and whoever reports, an applied index of a group belongs to one state.
 */

import { processName } from '../world/process-name.ts';
import { Complaints } from './complaints.ts';

/** What one replica shows at one time. */
export interface ReplicaState {
  readonly group: number;
  readonly process: number;
  /** How many entries of the group's log this state is the outcome of. */
  readonly appliedIndex: number;
  readonly stateHash: string | number;
}

/** Reports that contradict each other; they may be of different times. */
export function stateComplaints(states: readonly ReplicaState[]): string[] {
  const complaints = new Complaints();
  const groups = new Map<number, Map<number, ReplicaState>>();
  for (const state of states) {
    let group = groups.get(state.group);
    if (group === undefined) groups.set(state.group, (group = new Map<number, ReplicaState>()));
    const first = group.get(state.appliedIndex);
    if (first === undefined) {
      group.set(state.appliedIndex, state);
    } else if (first.stateHash !== state.stateHash) {
      complaints.add(
        () =>
          `group ${state.group}: after ${state.appliedIndex} entries ${processName(first.process)} has state ` +
          `${first.stateHash} and ${processName(state.process)} has state ${state.stateHash}`,
      );
    }
  }
  return complaints.list();
}

/**
 * The groups whose replicas are not all in the same state, ascending: once nothing moves any more there must be none.
 * Applied indexes may differ, because there are entries without an effect. With `replicasMin`, a group that shows fewer
 * replicas differs too, for nothing was compared.
 */
export function differingGroups(states: readonly ReplicaState[], replicasMin = 1): number[] {
  const groups = new Map<number, ReplicaState[]>();
  for (const state of states) {
    const replicas = groups.get(state.group);
    if (replicas === undefined) groups.set(state.group, [state]);
    else replicas.push(state);
  }
  return [...groups]
    .filter(([, replicas]) => {
      const hashes = new Set(replicas.map(({ stateHash }) => stateHash));
      const processes = new Set(replicas.map(({ process }) => process));
      return hashes.size > 1 || processes.size < replicasMin;
    })
    .map(([group]) => group)
    .sort((a, b) => a - b);
}
