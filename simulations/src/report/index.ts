/** Pictures of a run: what records it, and what is made of the recording. */

export { recordRun } from './record-run.ts';
export { MESSAGES_MAX, Recorder } from './recorder.ts';
export type { FaultEvent, FaultHandle, MessageEvent, ReplicaView } from './recorder.ts';
export type { Fate, FaultKind, Recording, ReportVerdict, RunFacts } from './recording.ts';
export { shiviz, SHIVIZ_PARSER } from './shiviz.ts';
export type { ShivizOptions } from './shiviz.ts';
export { writeReport } from './write-report.ts';
