/** Values that many tests of the core need. */
import type { Command, GroupId, Layout, NodeId, OperationType, Writer } from '@kvorum/common';
import { decodeUtf8, defaultSettings, encodeUtf8, groupOfKey, METADATA_PROTOCOL, operationTypes } from '@kvorum/common';
import type { Ballot, Entry } from '@kvorum/consensus';
import { MemoryLogStorage, MemoryStateStorage } from '@kvorum/testing';
import type {
  ProtocolTable,
  Replica,
  ReplicaEffects,
  ReplicaInput,
  ReplicaSeat,
  ReplicationProtocol,
} from '../../src/core/index.ts';
import type { ReplicaHost } from '../../src/core/replication/group-replica.ts';
import { GroupReplica } from '../../src/core/replication/group-replica.ts';
import { KeyValueMachine } from '../../src/core/state/key-value/key-value-machine.ts';

export const b = encodeUtf8;
export const text = decodeUtf8;

export const ballot = (number: number, node: NodeId = 1): Ballot => ({ number, priority: 0, node });
export const entry = (name: string): Entry => ({ kind: 'command', payload: b(name) });
export const entries = (names: string): Entry[] => names.split(' ').map(entry);

export const put = (key: string, value: string): Command => ({ type: 'put', key: b(key), value: b(value) });
export const remove = (key: string): Command => ({ type: 'delete', key: b(key) });
export const add = (key: string, delta: bigint): Command => ({ type: 'add', key: b(key), delta });
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

export const layoutOf = (partitions: number, members: readonly NodeId[] = [1, 2, 3]): Layout => ({
  clusterId: 'cluster-a',
  epoch: 1,
  routing: 'tag',
  nodes: members.map((id) => ({ id, address: { host: 'h', port: 1000 + id }, instance: `i${id}` })),
  groups: Array.from({ length: partitions + 1 }, (_, id) => ({ id, members, protocol: METADATA_PROTOCOL })),
});

/** A key of the group. */
export function keyIn(layout: Layout, group: GroupId): Uint8Array {
  for (let i = 0; i < 10_000; i += 1) if (groupOfKey(layout, b(`k${i}`)) === group) return b(`k${i}`);
  throw new Error(`found no key of group ${group}`);
}

export const noEffects: ReplicaEffects = {
  persist: undefined,
  send: [],
  sendAfterPersist: [],
  outcomes: [],
  events: [],
  again: false,
};

/** A replica that does as it is told. */
export class ScriptedReplica implements Replica {
  readonly seat: ReplicaSeat;
  readonly steps: (readonly ReplicaInput[])[] = [];
  /** What the next steps answer, in order; nothing afterwards. */
  readonly answers: ((inputs: readonly ReplicaInput[]) => Partial<ReplicaEffects>)[] = [];
  serves = false;
  leader = 0;
  healthy = true;
  term = { number: 0, node: 0 };
  heartbeatBody: Uint8Array | undefined;
  applied: Replica['applied'];
  readonly log = undefined;

  constructor(seat: ReplicaSeat) {
    this.seat = seat;
  }

  step(inputs: readonly ReplicaInput[]): ReplicaEffects {
    this.steps.push(inputs);
    return { ...noEffects, ...this.answers.shift()?.(inputs) };
  }

  writeMessage(writer: Writer, message: unknown): void {
    writer.raw(message as Uint8Array);
  }

  heartbeat(): Uint8Array | undefined {
    return this.heartbeatBody;
  }

  describe(): Readonly<Record<string, never>> {
    return {};
  }
}

/** A protocol of scripted replicas, by their groups. */
export class ScriptedProtocol implements ReplicationProtocol {
  readonly name: string;
  readonly traits: ReplicationProtocol['traits'];
  /** The latest of each group. */
  readonly replicas = new Map<GroupId, ScriptedReplica>();

  constructor(name = 'scripted', operations: ReadonlySet<OperationType> = operationTypes) {
    this.name = name;
    this.traits = { operations, order: 'log', leader: 'one', sessions: true, levels: ['linearizable'] };
  }

  get table(): ProtocolTable {
    return new Map([[this.name, this]]);
  }

  open(seat: ReplicaSeat): ScriptedReplica {
    const replica = new ScriptedReplica(seat);
    this.replicas.set(seat.group, replica);
    return replica;
  }
}

/** What a replica of node 1 starts from when nothing is on disk. */
export const seatOf = (group: GroupId, part: Partial<ReplicaSeat> = {}): ReplicaSeat => ({
  group,
  self: 1,
  members: [1, 2, 3],
  incarnation: 1,
  settings: defaultSettings,
  logStorage: new MemoryLogStorage(),
  stateStorage: new MemoryStateStorage(),
  createMachine: (id, storage) => new KeyValueMachine(id, storage),
  nowMs: 0,
  awaited: () => undefined,
  ...part,
});

export function scriptedReplica(
  group: GroupId,
  host: Partial<ReplicaHost> = {},
): { readonly replica: GroupReplica; readonly script: ScriptedReplica } {
  const protocol = new ScriptedProtocol();
  const nothing = (): void => undefined;
  const replica = new GroupReplica(protocol, seatOf(group), {
    wake: nothing,
    onEvent: nothing,
    ...host,
  });
  const script = protocol.replicas.get(group);
  if (script === undefined) throw new Error('the protocol was not asked to open a replica');
  return { replica, script };
}
