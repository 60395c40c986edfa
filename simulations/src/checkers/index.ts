/** The history checkers: what a recorded history is, and what it must satisfy. */

export { checkHistory, vacuityComplaints } from './check-history.ts';
export type { HistoryFigures, HistoryResult, VacuityBounds } from './check-history.ts';
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
