/** Values that many tests of the core need. */
import type { Command, GroupId, Layout, NodeId } from '@kvorum/common';
import { decodeUtf8, encodeUtf8, groupOfKey } from '@kvorum/common';
import type { Ballot, Effects, Entry, GroupHeartbeat, HardState, Input, ReplicatedLog } from '@kvorum/consensus';
import { ZERO_BALLOT } from '@kvorum/consensus';
import type { ReplicaHost } from '../../src/core/replication/group-replica.ts';
import { GroupReplica } from '../../src/core/replication/group-replica.ts';
import { GroupState } from '../../src/core/state/group-state.ts';
import { MemoryStateStorage } from './fakes.ts';

export const b = encodeUtf8;
export const text = decodeUtf8;

export const ballot = (number: number, node: NodeId = 1): Ballot => ({ number, priority: 0, node });
export const entry = (name: string): Entry => ({ kind: 'command', payload: b(name) });
export const entries = (names: string): Entry[] => names.split(' ').map(entry);

export const hardState = (part: Partial<HardState> = {}): HardState => ({
  promisedBallot: ZERO_BALLOT,
  acceptedBallot: ZERO_BALLOT,
  decidedIndex: 0,
  compactedIndex: 0,
  ...part,
});

export const put = (key: string, value: string): Command => ({ type: 'put', key: b(key), value: b(value) });
export const remove = (key: string): Command => ({ type: 'delete', key: b(key) });
export const cas = (key: string, expected: string | undefined, next: string): Command => ({
  type: 'cas',
  key: b(key),
  expected: expected === undefined ? undefined : b(expected),
  next: b(next),
});
export const casVersion = (key: string, expectedVersion: number, next: string): Command => ({
  type: 'cas-version',
  key: b(key),
  expectedVersion,
  next: b(next),
});

export const noEffects: Effects = {
  persist: undefined,
  send: [],
  sendAfterPersist: [],
  proposals: [],
  reads: [],
  events: [],
};

/** A replicated log that does as it is told. */
export class ScriptedLog implements ReplicatedLog {
  readonly steps: (readonly Input[])[] = [];
  /** What the next steps answer, in order; nothing afterwards. */
  readonly answers: ((inputs: readonly Input[]) => Partial<Effects>)[] = [];
  leading = false;
  leader = ZERO_BALLOT;
  promisedBallot = ZERO_BALLOT;
  decidedIndex = 0;
  applicableIndex = 0;
  compactedIndex = 0;
  logLength = 0;
  logBytes = 0;
  happy = true;
  log: Entry[] = [];

  step(inputs: readonly Input[]): Effects {
    this.steps.push(inputs);
    return { ...noEffects, ...this.answers.shift()?.(inputs) };
  }

  heartbeat(): GroupHeartbeat {
    return { ballot: this.leader, leader: this.leader, happy: this.happy, leadingDecidedIndex: 0 };
  }

  entries(from: number, to: number): readonly Entry[] {
    return this.log.slice(from, to);
  }
}

export function scriptedReplica(
  group: GroupId,
  host: Partial<ReplicaHost> = {},
  members: readonly NodeId[] = [1, 2, 3],
): { readonly replica: GroupReplica; readonly log: ScriptedLog; readonly state: GroupState } {
  const log = new ScriptedLog();
  const state = new GroupState(group, new MemoryStateStorage());
  const nothing = (): void => undefined;
  const whole = {
    self: 1,
    wallMs: () => 0,
    retainFrom: () => Infinity,
    wake: nothing,
    onEvent: nothing,
    onApplied: nothing,
    ...host,
  };
  return { replica: new GroupReplica(group, members, log, state, whole), log, state };
}

export const layoutOf = (partitions: number, members: readonly NodeId[] = [1, 2, 3]): Layout => ({
  clusterId: 'cluster-a',
  epoch: 1,
  nodes: members.map((id) => ({ id, address: { host: 'h', port: 1000 + id }, instance: `i${id}` })),
  groups: Array.from({ length: partitions + 1 }, (_, id) => ({ id, members })),
});

/** A key of the group. */
export function keyIn(layout: Layout, group: GroupId): Uint8Array {
  for (let i = 0; i < 10_000; i += 1) if (groupOfKey(layout, b(`k${i}`)) === group) return b(`k${i}`);
  throw new Error(`found no key of group ${group}`);
}
