export * from './state/batch.ts';
export { isInstalledRecord, storedApplied } from './state/group-state.ts';
export type { ClientLink } from './requests/gateway.ts';
export { ELECTION_TIMEOUT_MS } from './membership/heartbeats.ts';
export * from './storage/log-record.ts';
export { type GroupView, Node, type NodeOptions, type NodePorts } from './node.ts';
export * from './peer-protocol.ts';
export * from './storage/storage.ts';
