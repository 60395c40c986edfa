export * from './entry.ts';
export * from './failure-detector.ts';
export * from './invariant.ts';
export * from './marks.ts';
export * from './quorum.ts';
export * from './replicated-log.ts';
export * from './sequence-paxos/index.ts';
