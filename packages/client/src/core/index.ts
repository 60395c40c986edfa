export * from './client-core.ts';
export type { ClientPorts, ConnectionEvent } from './routes.ts';
