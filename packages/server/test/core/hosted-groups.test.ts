/** What a member hosts, as layouts come and go. */
import type { GroupLayout, GroupReply, Layout } from '@kvorum/common';
import { defaultSettings, METADATA_PROTOCOL, MetricsRegistry, Writer } from '@kvorum/common';
import {
  countingRandom,
  FakeTransport,
  ListLogger,
  ManualClock,
  MemoryLogStorage,
  MemoryStateStorage,
} from '@kvorum/testing';
import { describe, expect, it } from 'vitest';
import type { AppliedState, PeerMessage, ProtocolTable, ReplicaEvent } from '../../src/core/index.ts';
import { decodePeerFrame, HostedGroups, protocols, UnknownProtocol, writePeerMessage } from '../../src/core/index.ts';
import { NodeLoop } from '../../src/core/node-loop.ts';
import { NodeMeasures } from '../../src/core/node-measures.ts';
import { KeyValueMachine } from '../../src/core/state/key-value/key-value-machine.ts';
import { b, keyIn, layoutOf, put, ScriptedProtocol } from './values.ts';

const withGroups = (layout: Layout, groups: readonly GroupLayout[], epoch = layout.epoch + 1): Layout => ({
  ...layout,
  epoch,
  groups,
});
const withGroup = (layout: Layout, id: number, change: Partial<GroupLayout>): Layout =>
  withGroups(
    layout,
    layout.groups.map((group) => (group.id === id ? { ...group, ...change } : group)),
  );

/** Node 1. */
class Rig {
  readonly clock = new ManualClock();
  readonly random = countingRandom();
  readonly logger = new ListLogger();
  readonly transport = new FakeTransport();
  readonly logStorage = new MemoryLogStorage();
  readonly stateStorage = new MemoryStateStorage();
  /** Layouts that are to be written down, and what is to be called then. */
  readonly layouts: { layout: Layout; done: () => void }[] = [];
  readonly groups: HostedGroups;
  readonly replies: GroupReply[] = [];

  constructor(layout: Layout, table: ProtocolTable) {
    const measures = new NodeMeasures(new MetricsRegistry());
    const loop: NodeLoop = new NodeLoop({
      clock: this.clock,
      transport: this.transport,
      storage: this.logStorage,
      replica: (group) => this.groups.replicas.get(group),
      endTurn: () => this.groups.endTurn(),
      turnDuration: measures.turnDuration,
      stalledCommitRoundsMax: defaultSettings.timings.stalledCommitRoundsMax,
    });
    this.groups = new HostedGroups(this, loop, {
      self: 1,
      incarnation: 1,
      instance: 'i1',
      address: { host: 'h', port: 1001 },
      layout,
      settings: defaultSettings,
      protocols: table,
      createMachine: (group, storage) => new KeyValueMachine(group, storage),
      measures,
      onLayout: (newer, done) => this.layouts.push({ layout: newer, done }),
    });
    this.groups.start();
    this.clock.settle();
  }

  /** The layouts that were learnt are on disk. */
  writeLayouts(): void {
    for (const { done } of this.layouts.splice(0)) done();
    this.clock.settle();
  }

  /** And so is all that was asked to be written to the state storage. */
  openMissing(): void {
    this.writeLayouts();
    this.stateStorage.commits.finishAll();
    this.clock.settle();
  }

  get hosted(): number[] {
    return [...this.groups.replicas.keys()];
  }

  get sent(): PeerMessage[] {
    return this.transport.sent.flatMap(({ frame }) => decodePeerFrame(frame));
  }

  read(group: number, key: Uint8Array): void {
    const reply = (answer: GroupReply): void => void this.replies.push(answer);
    this.groups.router.submit({ type: 'read', group, query: { type: 'get', key } }, false, { reply });
    this.clock.settle();
  }
}

const scripted = (name = METADATA_PROTOCOL): ScriptedProtocol => new ScriptedProtocol(name);

describe('a newer layout', () => {
  it('has replicas closed and opened, those once it is on disk; the others go on', () => {
    const protocol = scripted();
    const layout = { ...withGroup(layoutOf(3, [1, 2, 3]), 3, { members: [2, 3] }), epoch: 1 };
    const rig = new Rig(layout, protocol.table);
    expect(rig.hosted).toEqual([0, 1, 2]);
    const kept = protocol.replicas.get(1);
    const next = withGroup(withGroup(layout, 2, { members: [2, 3] }), 3, { members: [3, 1] });
    rig.groups.adoptLayout({ ...next, epoch: 2 });
    expect(rig.hosted).toEqual([0, 1]);
    expect(rig.layouts.map(({ layout: written }) => written.epoch)).toEqual([2]);
    rig.openMissing();
    expect(rig.hosted).toEqual([0, 1, 3]);
    expect(protocol.replicas.get(1)).toBe(kept);
    expect(protocol.replicas.get(3)?.seat).toMatchObject({ group: 3, self: 1, members: [3, 1] });
    expect(rig.logger.lines.at(-1)).toBe('info the layout has epoch 2 now');
  });

  it('has the peers changed: who is gone is asked no more, who is new from the next round on', () => {
    const rig = new Rig(layoutOf(1, [1, 2, 3]), scripted().table);
    const next = { ...layoutOf(1, [1, 3, 4]), epoch: 2 };
    rig.groups.adoptLayout(next);
    expect(rig.transport.peers.map(({ id }) => id)).toEqual([3, 4]);
    rig.openMissing();
    rig.clock.advance(1000);
    rig.transport.sent.length = 0;
    rig.clock.advance(1000);
    const asked = rig.transport.sent.map(({ to }) => to);
    expect(new Set(asked)).toEqual(new Set([3, 4]));
    expect([2, 3, 4].map((node) => rig.groups.suspects(node))).toEqual([false, true, true]);
  });

  it.each<[what: string, change: Partial<GroupLayout>]>([
    ['other members', { members: [1, 4] }],
    ['another order of preference', { members: [2, 1, 3] }],
  ])('with %s of a group has its replica replaced by another one', (_what, change) => {
    const protocol = scripted();
    const rig = new Rig(layoutOf(1, [1, 2, 3, 4]), protocol.table);
    const former = rig.groups.replicas.get(1);
    rig.groups.adoptLayout(withGroup(rig.groups.layout, 1, change));
    rig.openMissing();
    const now = rig.groups.replicas.get(1);
    expect(now).toBeDefined();
    expect(now).not.toBe(former);
    expect(now).toMatchObject({ members: change.members ?? [1, 2, 3, 4] });
  });

  it('that changes the protocol of a group is refused, with a line', () => {
    const rig = new Rig(layoutOf(1), new Map([...scripted().table, ...scripted('other').table]));
    rig.groups.adoptLayout(withGroup(layoutOf(1), 1, { protocol: 'other' }));
    expect([rig.groups.layout.epoch, rig.layouts]).toEqual([1, []]);
    expect(rig.logger.lines.at(-1)).toBe(
      'error a layout of epoch 2 is not taken over: group 1 is to change its protocol to other, which no group can',
    );
  });

  it('without this node leaves it unhealthy', () => {
    const rig = new Rig(layoutOf(1), scripted().table);
    const nodes = layoutOf(1).nodes.filter(({ id }) => id !== 1);
    const groups = layoutOf(1).groups.map((group) => ({ ...group, members: [2, 3] }));
    rig.groups.adoptLayout({ ...layoutOf(1), epoch: 2, nodes, groups });
    expect([rig.hosted, rig.groups.healthy]).toEqual([[], false]);
  });

  it('answers who waits for a replica that goes, and sends later ones elsewhere', () => {
    const protocol = scripted();
    const layout = layoutOf(1, [1, 2, 3]);
    const rig = new Rig(layout, protocol.table);
    Object.assign(protocol.replicas.get(1) ?? {}, { serves: true, leader: 1 });
    rig.read(1, keyIn(layout, 1));
    expect(rig.replies).toEqual([]);
    rig.groups.adoptLayout(withGroup(layout, 1, { members: [2, 3] }));
    expect(rig.replies).toMatchObject([{ type: 'refused', code: 'unavailable' }]);
    rig.read(1, keyIn(layout, 1));
    expect(rig.replies.at(-1)).toMatchObject({ type: 'refused', code: 'not-leader' });
  });

  it.each([
    ['of the same epoch', (layout: Layout) => ({ ...layout, groups: [] })],
    ['of an earlier epoch', (layout: Layout) => ({ ...layout, epoch: 0 })],
    ['of another cluster', (layout: Layout) => ({ ...layout, epoch: 2, clusterId: 'other' })],
  ])('that is %s is none', (_what, change) => {
    const rig = new Rig(layoutOf(1), scripted().table);
    rig.groups.adoptLayout(change(rig.groups.layout));
    expect([rig.groups.layout.epoch, rig.hosted, rig.layouts]).toEqual([1, [0, 1], []]);
  });

  it('with an epoch far above all that can be is refused, with a line', () => {
    const rig = new Rig(layoutOf(1), scripted().table);
    rig.groups.adoptLayout({ ...layoutOf(1), epoch: 2 ** 32 + 2 });
    expect(rig.groups.layout.epoch).toBe(1);
    expect(rig.layouts).toEqual([]);
    expect(rig.logger.lines.at(-1)).toBe(
      `error a layout of epoch ${2 ** 32 + 2} is not taken over: its epoch is far above all that can be`,
    );
    rig.groups.adoptLayout({ ...layoutOf(1), epoch: 2 ** 32 + 1 });
    expect(rig.groups.layout.epoch).toBe(2 ** 32 + 1);
  });

  it('that has this node run a protocol that it does not know is refused, with a line; another node’s is not its business', () => {
    const rig = new Rig(layoutOf(2), scripted().table);
    const foreign = withGroup(layoutOf(2), 2, { protocol: 'later' });
    rig.groups.adoptLayout(foreign);
    expect([rig.groups.layout.epoch, rig.hosted]).toEqual([1, [0, 1, 2]]);
    expect(rig.logger.lines.at(-1)).toBe(
      'error a layout of epoch 2 is not taken over: group 2 is to run the protocol later, which this version of Kvorum does not ' +
        'know; it knows sequence-paxos',
    );
    rig.groups.adoptLayout(withGroup(foreign, 2, { members: [2, 3] }));
    expect([rig.groups.layout.epoch, rig.hosted]).toEqual([3, [0, 1]]);
  });

  it('after the node has stopped opens nothing', () => {
    const rig = new Rig(layoutOf(1), scripted().table);
    rig.groups.adoptLayout(withGroup(layoutOf(1), 1, { members: [1, 2] }));
    rig.groups.stop();
    rig.openMissing();
    expect(rig.hosted).toEqual([0]);
  });
});

describe('a replica that takes the place of another', () => {
  const write = { group: 1, hardState: b('h'), compactedIndex: undefined, append: undefined };

  it('is opened once what the other asked to be written to the log is on disk', () => {
    const protocol = scripted();
    const rig = new Rig(layoutOf(1), protocol.table);
    protocol.replicas.get(1)?.answers.push(() => ({ persist: { write, receipt: 1 } }));
    rig.groups.replicas.get(1)?.input({ type: 'flushed', retainFrom: 0 });
    rig.clock.settle();
    rig.groups.adoptLayout(withGroup(layoutOf(1), 1, { members: [2, 1] }));
    rig.writeLayouts();
    rig.stateStorage.commits.finishAll();
    expect(rig.hosted).toEqual([0]);
    rig.logStorage.commits.finish();
    rig.stateStorage.commits.finishAll();
    expect(rig.hosted).toEqual([0, 1]);
    const seat = protocol.replicas.get(1)?.seat;
    expect(seat?.members).toEqual([2, 1]);
    expect(seat?.logStorage.readLog(1)?.hardState).toEqual(b('h'));
  });

  it('is opened once what the other had flushed is on disk', () => {
    const protocol = scripted();
    const rig = new Rig(layoutOf(1), protocol.table);
    const script = protocol.replicas.get(1);
    const records = [{ key: b('k'), value: b('v') }];
    let flushes = 0;
    const applied: Partial<AppliedState> = {
      hasUnflushed: true,
      startFlush: () => (flushes++ === 0 ? { records, flushed: () => undefined } : undefined),
    };
    if (script !== undefined) script.applied = applied as AppliedState;
    script?.answers.push(() => ({ events: [{ type: 'applied' }] }));
    rig.groups.replicas.get(1)?.input({ type: 'flushed', retainFrom: 0 });
    rig.clock.settle();
    rig.clock.advance(defaultSettings.timings.flushIntervalMs);
    expect([flushes, rig.stateStorage.commits.waiting.length]).toEqual([1, 1]);
    rig.groups.adoptLayout(withGroup(layoutOf(1), 1, { members: [2, 1] }));
    rig.writeLayouts();
    expect(rig.hosted).toEqual([0]);
    rig.stateStorage.commits.finishAll();
    expect(rig.hosted).toEqual([0, 1]);
    expect(protocol.replicas.get(1)?.seat.stateStorage.get(1, b('k'))).toEqual(b('v'));
  });
});

describe('what a replica tells its node', () => {
  function told(...events: readonly ReplicaEvent[]): Rig {
    const protocol = scripted();
    const rig = new Rig(layoutOf(1, [1, 2, 3]), protocol.table);
    Object.assign(protocol.replicas.get(1) ?? {}, { heartbeatBody: b('beat') });
    rig.transport.sent.length = 0;
    protocol.replicas.get(1)?.answers.push(() => ({ events }));
    rig.groups.replicas.get(1)?.input({ type: 'flushed', retainFrom: 0 });
    rig.clock.settle();
    return rig;
  }
  const term = { number: 7, node: 2 };

  it('of a heartbeat that changed is told to the members at once', () => {
    const rig = told({ type: 'heartbeat-changed' });
    expect(rig.transport.sent.map(({ to }) => to)).toEqual([2, 3]);
    expect(rig.sent).toMatchObject([1, 2].map(() => ({ type: 'heartbeat-reply', round: 0, groups: [{ group: 1 }] })));
  });

  it('of a number that cannot be is logged, and nothing else', () => {
    const rig = told({ type: 'implausible', from: 2, term });
    expect(rig.logger.lines.at(-1)).toBe(
      'warn n2 names ballot 7.n2 in group 1, far above all that can be; it is ignored',
    );
    expect(rig.sent).toEqual([]);
  });

  it('that asks the same a thousand times in a frame is answered once', () => {
    const rig = new Rig(layoutOf(1), scripted().table);
    const writer = new Writer();
    for (let round = 1; round <= 1000; round += 1) {
      writePeerMessage(writer, { type: 'heartbeat-request', round });
      writePeerMessage(writer, { type: 'layout-request' });
    }
    rig.transport.sent.length = 0;
    rig.transport.handlers?.onFrame(2, writer.finish());
    rig.clock.settle();
    expect(rig.sent.map(({ type }) => type).sort()).toEqual(['heartbeat-reply', 'layout']);
  });

  it('of a message that does not decode is counted and logged, as a frame that does not is', () => {
    const rig = told({ type: 'bad-message', from: 3, reason: 'unexpected end' });
    expect(rig.logger.lines.at(-1)).toBe('warn a frame of n3 does not decode and is dropped: unexpected end');
    rig.transport.handlers?.onFrame(2, Uint8Array.of(99));
    expect(rig.logger.lines.at(-1)).toBe('warn a frame of n2 does not decode and is dropped: unknown kind 99');
    expect(rig.groups.badFrames).toBe(2);
  });

  it('of a log that it cannot catch up with has a snapshot fetched, one at a time', () => {
    const needed = { type: 'snapshot-needed', from: 2, atLeast: 5 } as const;
    const rig = told(needed, needed);
    expect(rig.sent.map(({ type }) => type)).toEqual(['snapshot-request']);
    expect(rig.logger.lines.filter((line) => line.includes('fetches a snapshot of group 1 from n2'))).toHaveLength(1);
  });
});

it('a node does not start on a layout with a protocol that it does not know', () => {
  const layout = withGroup(layoutOf(2), 2, { protocol: 'later' });
  expect(() => new Rig(layout, protocols)).toThrow(UnknownProtocol);
  expect(() => new Rig(layout, protocols)).toThrow(
    'group 2 is to run the protocol later, which this version of Kvorum does not know; it knows sequence-paxos',
  );
  expect(new Rig(withGroup(layout, 2, { members: [2, 3] }), protocols).hosted).toEqual([0, 1]);
});

it('a group comes to a node that runs, serves, goes and comes back with what it had, without a restart', () => {
  const layout = layoutOf(2, [1, 2]);
  const alone = (members: readonly number[]): Layout =>
    withGroups(layout, [
      { id: 0, members: [1], protocol: METADATA_PROTOCOL },
      { id: 1, members: [1], protocol: METADATA_PROTOCOL },
      { id: 2, members, protocol: METADATA_PROTOCOL },
    ]);
  const rig = new Rig({ ...alone([2]), epoch: 1 }, protocols);
  const finish = (): void => {
    for (let turn = 0; turn < 40; turn += 1) {
      rig.clock.advance(50);
      rig.logStorage.commits.finishAll();
      rig.stateStorage.commits.finishAll();
    }
    rig.writeLayouts();
    rig.clock.settle();
  };
  const adopt = (members: readonly number[]): void => {
    rig.groups.adoptLayout({ ...alone(members), epoch: rig.groups.layout.epoch + 1 });
    rig.writeLayouts();
    finish();
  };
  const key = keyIn(layout, 2);
  finish();
  rig.read(2, key);
  expect(rig.replies.pop()).toMatchObject({ type: 'refused', code: 'not-leader' });
  adopt([1]);
  expect(rig.hosted).toEqual([0, 1, 2]);
  expect(rig.groups.replicas.get(2)?.serves).toBe(true);
  const command = { ...put('', 'value'), key };
  const head = { type: 'execute', group: 2, session: 0, sequence: 0, floor: 0 } as const;
  rig.groups.router.submitInternal({ ...head, command }, { reply: (reply) => rig.replies.push(reply) });
  finish();
  expect(rig.replies.pop()).toMatchObject({ type: 'result', result: { type: 'written' } });
  adopt([2]);
  expect(rig.hosted).toEqual([0, 1]);
  adopt([1]);
  rig.read(2, key);
  finish();
  expect(rig.replies.pop()).toMatchObject({ type: 'value', found: { version: 1, value: b('value') } });
});

it('a layout that is proposed is adopted once the metadata group has decided it', () => {
  const group = (id: number, members: readonly number[]): GroupLayout => ({ id, members, protocol: METADATA_PROTOCOL });
  const first = { ...withGroups(layoutOf(2, [1, 2]), [group(0, [1]), group(1, [1]), group(2, [2])]), epoch: 1 };
  const rig = new Rig(first, protocols);
  const run = (): void => {
    for (let turn = 0; turn < 40; turn += 1) {
      rig.clock.advance(50);
      rig.logStorage.commits.finishAll();
      rig.openMissing();
    }
  };
  run();
  expect(rig.groups.replicas.get(0)?.serves).toBe(true);
  const next = withGroups(first, [group(0, [1]), group(1, [2]), group(2, [1])]);
  rig.groups.proposeLayout(next);
  expect(rig.groups.layout.epoch).toBe(1);
  run();
  expect([rig.groups.layout, rig.hosted]).toEqual([next, [0, 2]]);
});
