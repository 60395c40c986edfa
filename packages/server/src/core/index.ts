export * from './batch.ts';
export { isInstalledRecord, storedApplied } from './group-state.ts';
export type { ClientLink } from './gateway.ts';
export { ELECTION_TIMEOUT_MS } from './heartbeats.ts';
export * from './log-record.ts';
export { type GroupView, Node, type NodeOptions, type NodePorts } from './node.ts';
export * from './peer-protocol.ts';
export * from './storage.ts';
