export type {
  AddResult,
  CallOptions,
  CasResult,
  Client,
  ConnectOptions,
  DeleteResult,
  Expectation,
  GetResult,
  PutResult,
  ServedBy,
} from './api/client.ts';
export { connect, createClient } from './api/client.ts';
export type { Bytes } from './api/arguments.ts';
export { DEFAULT_SERVER, DEFAULT_TIMEOUT_MS, keyBytes, valueBytes } from './api/arguments.ts';
export { EventStream } from './api/event-stream.ts';
export type { ConnectionEvent } from './core/index.ts';
export type { GroupStatus, NodeStatus } from './api/node-status.ts';
export { parseNodeStatus } from './api/node-status.ts';
export { SystemClock } from './adapters/system-clock.ts';
export { SystemRandom } from './adapters/system-random.ts';
export { WsDialer } from './adapters/ws-dialer.ts';
export type { WsDialerOptions } from './adapters/ws-dialer.ts';
export type { Address, ErrorCode, Layout, Outcome, Version } from '@kvorum/common';
export { defaultLimits as limits, KvorumError } from '@kvorum/common';
