export * from './sequence-paxos/ballot.ts';
export * from './entry.ts';
export * from './failure-detector.ts';
export * from './invariant.ts';
export * from './sequence-paxos/leader-election.ts';
export * from './sequence-paxos/messages.ts';
export * from './quorum.ts';
export * from './replicated-log.ts';
export { SequencePaxos, type SequencePaxosOptions } from './sequence-paxos/sequence-paxos.ts';
