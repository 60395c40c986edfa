export * from './client-core.ts';
export type { ClientPorts, ConnectionEvent } from './routes.ts';
export { type ClientTimings, defaultClientTimings } from './timings.ts';
