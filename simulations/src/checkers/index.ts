/** The checkers: what a recorded history is and must satisfy, and what the replicas' logs and states must. */

export { activityBetween, checkHistory, vacuityComplaints } from './check-history.ts';
export type { HistoryFigures, HistoryResult, VacuityBounds } from './check-history.ts';
export { DecidedLogs } from './decided-logs.ts';
export type { DecidedFigures } from './decided-logs.ts';
export { Complaints } from './complaints.ts';
export { countIncrements, exactlyOnceComplaints } from './exactly-once.ts';
export type { CounterOutcome, IncrementCount } from './exactly-once.ts';
export { describeCall } from './explain.ts';
export type {
  Call,
  CasCall,
  CasVersionCall,
  DeleteCall,
  Deleted,
  GetCall,
  Observed,
  Outcome,
  PutCall,
  Swapped,
  Written,
} from './history.ts';
export { STEPS_MAX, checkKey } from './linearizability.ts';
export type { CheckOptions, KeyResult, Verdict } from './linearizability.ts';
export { operationComplaint } from './operation-rules.ts';
export type { EndedOperation } from './operation-rules.ts';
export { sessionComplaints } from './session-guarantees.ts';
export { sumComplaints } from './sums.ts';
export type { SumCall } from './sums.ts';
export { differingGroups, stateComplaints } from './state-hashes.ts';
export type { ReplicaState } from './state-hashes.ts';
