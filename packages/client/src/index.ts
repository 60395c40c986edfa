export type {
  CallOptions,
  CasResult,
  Client,
  ConnectOptions,
  DeleteResult,
  Expectation,
  GetResult,
  PutResult,
  ServedBy,
} from './client.ts';
export { connect, createClient } from './client.ts';
export type { Bytes } from './arguments.ts';
export type { ConnectionEvent } from './core/index.ts';
export type { GroupStatus, NodeStatus } from './node-status.ts';
export { SystemClock } from './system-clock.ts';
export { SystemRandom } from './system-random.ts';
export { WsDialer } from './ws-dialer.ts';
export type { WsDialerOptions } from './ws-dialer.ts';
export type { Address, ErrorCode, Layout, Outcome, Version } from '@kvorum/common';
export { KvorumError, limits } from '@kvorum/common';
