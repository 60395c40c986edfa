export * from './ballot.ts';
export { sequencePaxosCodec } from './codec.ts';
export type { Message } from './messages.ts';
export { defaultLogLimits, type LogLimits } from './role.ts';
export { SequencePaxos, type SequencePaxosOptions } from './sequence-paxos.ts';
export type {
  GroupHeartbeat,
  HardState,
  PersistReceipt,
  SequencePaxosEffects,
  SequencePaxosInput,
  SequencePaxosTypes,
} from './types.ts';
