/** A node between its ports: formation as one node sees it. The other ends are played by the test. */
import type { Address, CheckInState, Layout, ReplyBody, RequestBody } from '@kvorum/common';
import {
  decodeReplies,
  decodeRequests,
  defaultSettings,
  encodeReplies,
  encodeRequests,
  InvalidSettings,
  METADATA_PROTOCOL,
} from '@kvorum/common';
import {
  asNewerFormat,
  countingRandom,
  FakeConnection,
  FakeDialer,
  FakeTransport,
  ListLogger,
  ManualClock,
  MemoryLogStorage,
  MemoryNodeRecords,
  MemoryStateStorage,
} from '@kvorum/testing';
import { describe, expect, it } from 'vitest';
import { CorruptRecord, Node, UnknownFormat, UnknownProtocol } from '../../src/core/index.ts';
import {
  encodeLayoutRecord,
  IDENTITY_RECORD,
  LAYOUT_RECORD,
  readIdentity,
  readRoster,
  readStoredLayout,
} from '../../src/core/membership/identity.ts';
import { layoutOf } from './values.ts';

const at = (port: number): Address => ({ host: 'h', port });

/** A node and its disk; `restart` keeps the disk only. */
interface RigOptions {
  readonly join?: Address;
  readonly address?: Address;
  readonly protocol?: string;
}

class Rig {
  readonly logStorage = new MemoryLogStorage();
  readonly nodeRecords = new MemoryNodeRecords();
  readonly stateStorage = new MemoryStateStorage();
  readonly rejections: string[] = [];
  random = countingRandom(1);
  clock = new ManualClock();
  dialer = new FakeDialer();
  logger = new ListLogger();
  transport = new FakeTransport();
  node: Node;
  #requestId = 0;

  constructor(options: RigOptions = {}) {
    this.stateStorage.commits.immediate = true;
    this.node = this.#create(options);
  }

  #create({ join, address = at(1), protocol = METADATA_PROTOCOL }: RigOptions): Node {
    const node = new Node(this, {
      address,
      join,
      clusterSize: 3,
      partitions: 2,
      replication: 3,
      protocol,
      onRejected: (reason) => this.rejections.push(reason),
    });
    node.start();
    this.clock.settle();
    return node;
  }

  /** Power off: commits under way are lost. */
  restart(options: RigOptions = {}): void {
    this.logStorage.commits.lose();
    this.nodeRecords.commits.lose();
    this.clock = new ManualClock();
    this.dialer = new FakeDialer();
    this.transport = new FakeTransport();
    this.logger = new ListLogger();
    this.node = this.#create(options);
  }

  /** Finishes commits until none is under way. */
  commitAll(): void {
    while (this.logStorage.commits.waiting.length + this.nodeRecords.commits.waiting.length > 0) {
      this.nodeRecords.commits.finishAll();
      this.logStorage.commits.finishAll();
      this.clock.settle();
    }
  }

  ask(body: RequestBody): () => ReplyBody | undefined {
    const connection = new FakeConnection();
    const link = this.node.openClient(connection);
    this.node.onClientFrame(link, encodeRequests([{ id: (this.#requestId += 1), body }]));
    this.clock.settle();
    return () => connection.sent.flatMap(decodeReplies)[0]?.body;
  }

  checkIn(instance: string, port: number, clusterId?: string): () => ReplyBody | undefined {
    return this.ask({ type: 'check-in', instance, clusterId, address: at(port) });
  }

  /** A layout of three nodes that this one is the second of. */
  layout(): Layout {
    const layout = layoutOf(2);
    const { instance = '' } = readIdentity(this.nodeRecords) ?? {};
    return { ...layout, nodes: layout.nodes.map((node) => (node.id === 2 ? { ...node, instance } : node)) };
  }

  /** The other end answers this node's check-in. */
  answerCheckIn(state: CheckInState, node = 2, clusterId = 'cluster-a'): void {
    const { handlers } = this.dialer.last;
    handlers.onOpen();
    handlers.onFrame(encodeReplies([{ id: 1, body: { type: 'checked-in', clusterId, node, state } }]));
    this.clock.settle();
  }
}

/** Group 2 runs what nobody knows. */
function withLaterProtocol(layout: Layout): Layout {
  return {
    ...layout,
    groups: layout.groups.map((group) => (group.id === 2 ? { ...group, protocol: 'later' } : group)),
  };
}

describe('the bootstrap node', () => {
  it('answers a check-in only when the roster is on disk', () => {
    const rig = new Rig();
    rig.commitAll();
    const answer = rig.checkIn('b', 2);
    expect(answer()).toBeUndefined();
    expect(readRoster(rig.nodeRecords)).toHaveLength(1);
    rig.commitAll();
    expect(answer()).toMatchObject({ node: 2, state: { type: 'forming', present: 2, wanted: 3 } });
    expect(readRoster(rig.nodeRecords)?.map(({ instance }) => instance)[1]).toBe('b');
    const again = rig.checkIn('b', 2);
    expect(again()).toMatchObject({ node: 2, state: { type: 'forming', present: 2 } });
  });

  it('tells nobody the layout before it is on disk, and then everybody the same', () => {
    const rig = new Rig();
    rig.commitAll();
    rig.checkIn('b', 2);
    rig.commitAll();
    const third = rig.checkIn('c', 3);
    rig.nodeRecords.commits.finish();
    rig.clock.settle();
    const early = rig.checkIn('b', 2);
    expect(early()).not.toMatchObject({ state: { type: 'member' } });
    expect(readStoredLayout(rig.nodeRecords)).toBeUndefined();
    rig.commitAll();
    const layout = readStoredLayout(rig.nodeRecords);
    expect(layout?.nodes.map(({ id }) => id)).toEqual([1, 2, 3]);
    expect(third()).toMatchObject({ node: 3, state: { type: 'member', layout } });
    expect(rig.checkIn('b', 2)()).toMatchObject({ node: 2, state: { type: 'member', layout } });
    expect(rig.checkIn('d', 4)()).toMatchObject({ node: 0, state: { type: 'spare', layout } });
    expect(rig.checkIn('d', 4, 'theirs')()).toMatchObject({ node: 0, state: { type: 'rejected' } });
  });

  it('can die after any commit of the formation: started again, it forms the same cluster', () => {
    for (let commits = 0; commits < 8; commits += 1) {
      const rig = new Rig();
      let left = commits;
      const step = (): void => {
        for (; left > 0 && rig.nodeRecords.commits.waiting.length > 0; left -= 1) {
          rig.nodeRecords.commits.finish();
          rig.clock.settle();
        }
      };
      step();
      const told = [rig.checkIn('b', 2), rig.checkIn('c', 3)];
      step();
      const before = readIdentity(rig.nodeRecords);
      const answered = told.map((answer) => answer());
      rig.restart();
      rig.commitAll();
      const answers = [rig.checkIn('b', 2), rig.checkIn('c', 3)];
      rig.commitAll();
      const layout = readStoredLayout(rig.nodeRecords) as Layout;
      expect(layout.nodes.map(({ id }) => id)).toEqual([1, 2, 3]);
      if (before !== undefined) {
        expect(layout.clusterId).toBe(before.clusterId);
        expect(layout.nodes[0]?.instance).toBe(before.instance);
      }
      for (const reply of answered) if (reply?.type === 'checked-in') expect(reply.clusterId).toBe(layout.clusterId);
      for (const instance of ['b', 'c']) {
        const replies = [rig.checkIn(instance, instance === 'b' ? 2 : 3)()];
        expect(replies).toMatchObject([{ state: { type: 'member', layout } }]);
      }
      expect(answers).toHaveLength(2);
    }
  });

  it('counts its starts', () => {
    const rig = new Rig();
    rig.commitAll();
    for (const incarnation of [2, 3, 4]) {
      rig.restart();
      rig.commitAll();
      expect(readIdentity(rig.nodeRecords)?.incarnation).toBe(incarnation);
    }
  });
});

describe('a node that joins', () => {
  it('asks until it is a member, and is one once that is on disk', () => {
    const rig = new Rig({ join: at(7), address: at(1002) });
    rig.commitAll();
    rig.answerCheckIn({ type: 'forming', present: 2, wanted: 3 });
    rig.clock.advance(50);
    expect(rig.dialer.calls).toHaveLength(2);
    const layout = rig.layout();
    rig.answerCheckIn({ type: 'member', layout });
    expect(rig.transport.handlers).toBeUndefined();
    expect(rig.node.status()).toMatchObject({ state: 'forming' });
    rig.commitAll();
    expect(rig.transport.handlers).toBeDefined();
    expect(rig.node.status()).toMatchObject({ state: 'member', node: 2, clusterId: 'cluster-a' });
    expect(readStoredLayout(rig.nodeRecords)).toEqual(layout);
    expect(readIdentity(rig.nodeRecords)).toMatchObject({ clusterId: 'cluster-a', node: 2 });
  });

  it('checks in under the instance it has on disk: a restart is no new node', () => {
    const rig = new Rig({ join: at(7) });
    rig.commitAll();
    rig.dialer.last.handlers.onOpen();
    const [first] = rig.dialer.last.connection.sent.flatMap(decodeRequests);
    rig.restart({ join: at(7) });
    rig.commitAll();
    rig.dialer.last.handlers.onOpen();
    const [second] = rig.dialer.last.connection.sent.flatMap(decodeRequests);
    expect(second?.body).toEqual(first?.body);
  });

  // A crash in between would leave a ghost in the roster.
  it('does not check in before its identity is on disk', () => {
    const rig = new Rig({ join: at(7) });
    if (rig.dialer.calls.length > 0) rig.dialer.last.handlers.onOpen();
    const told = rig.dialer.calls.flatMap(({ connection }) => connection.sent);
    expect(readIdentity(rig.nodeRecords)).toBeUndefined();
    expect(told).toEqual([]);
  });

  it('is sent on, and sends others on', () => {
    const rig = new Rig({ join: at(7) });
    rig.commitAll();
    expect(rig.checkIn('x', 5)()).toMatchObject({ state: { type: 'elsewhere', address: at(7) } });
    rig.answerCheckIn({ type: 'elsewhere', address: at(8) }, 0, '');
    rig.clock.advance(200);
    expect(rig.dialer.last.address).toEqual(at(8));
  });

  it('that is one too many waits as a spare, and tells clients where the members are', () => {
    const rig = new Rig({ join: at(7) });
    rig.commitAll();
    const layout = layoutOf(2);
    rig.answerCheckIn({ type: 'spare', layout }, 0);
    expect(rig.node.status()).toMatchObject({ state: 'spare' });
    expect(rig.ask({ type: 'layout' })()).toEqual({ type: 'layout', layout });
    expect(readIdentity(rig.nodeRecords)?.clusterId).toBe('');
    rig.clock.advance(2000);
    expect(rig.dialer.calls).toHaveLength(2);
  });

  it('that is rejected stops with the reason', () => {
    const rig = new Rig({ join: at(7) });
    rig.commitAll();
    rig.answerCheckIn({ type: 'rejected', reason: 'because' }, 0);
    expect(rig.rejections).toEqual(['h:7 refused this node: because']);
    rig.clock.advance(10_000);
    expect(rig.dialer.calls).toHaveLength(1);
  });

  it('of a cluster already, at another address, tells the cluster until the layout has it', () => {
    const rig = new Rig({ join: at(7), address: at(1002) });
    rig.commitAll();
    const layout = rig.layout();
    rig.answerCheckIn({ type: 'member', layout });
    rig.commitAll();
    rig.restart({ address: at(5555) });
    rig.commitAll();
    expect(rig.node.status()).toMatchObject({ state: 'member', node: 2, incarnation: 2 });
    expect(rig.dialer.last.address).toEqual(layout.nodes[0]?.address);
    rig.answerCheckIn({ type: 'member', layout });
    rig.clock.advance(200);
    expect(rig.dialer.last.address).toEqual(layout.nodes[2]?.address);
    const nodes = layout.nodes.map((node) => (node.id === 2 ? { ...node, address: at(5555) } : node));
    rig.answerCheckIn({ type: 'member', layout: { ...layout, epoch: 2, nodes } });
    rig.commitAll();
    const calls = rig.dialer.calls.length;
    rig.clock.advance(10_000);
    expect(rig.dialer.calls).toHaveLength(calls);
    expect(readStoredLayout(rig.nodeRecords)?.epoch).toBe(2);
  });

  it('of a cluster already goes on asking the others when a node that is no member sends it elsewhere', () => {
    const rig = new Rig({ join: at(7), address: at(1002) });
    rig.commitAll();
    const layout = rig.layout();
    rig.answerCheckIn({ type: 'member', layout });
    rig.commitAll();
    rig.restart({ join: at(8), address: at(5555) });
    rig.commitAll();
    expect(rig.dialer.last.address).toEqual(at(8));
    rig.answerCheckIn({ type: 'elsewhere', address: at(9) }, 0, '');
    rig.clock.advance(200);
    expect(rig.dialer.last.address).toEqual(layout.nodes[0]?.address);
  });
});

it('does not begin a cluster with a protocol that it does not know', () => {
  expect(() => new Rig({ protocol: 'later' })).toThrow(UnknownProtocol);
});

describe('a node that is told that it is a member', () => {
  it('of a layout that does not say so keeps asking, and writes nothing of it', () => {
    const rig = new Rig({ join: at(7), address: at(1002) });
    rig.commitAll();
    // Another directory has that number.
    rig.answerCheckIn({ type: 'member', layout: layoutOf(2) });
    rig.commitAll();
    expect([rig.node.state, readStoredLayout(rig.nodeRecords)]).toEqual(['joining', undefined]);
    expect(rig.logger.lines.join()).toContain('h:7 says that this is n2, and its layout does not; still asking');
    rig.clock.advance(200);
    rig.answerCheckIn({ type: 'member', layout: rig.layout() });
    rig.commitAll();
    expect(rig.node.state).toBe('member');
  });

  it('with a group whose protocol it does not know stops, and names the protocol', () => {
    const rig = new Rig({ join: at(7), address: at(1002) });
    rig.commitAll();
    rig.answerCheckIn({ type: 'member', layout: withLaterProtocol(rig.layout()) });
    rig.commitAll();
    expect(rig.rejections.join()).toMatch(
      /^this node cannot serve in cluster cluster-a: group 2 is to run the protocol later,/,
    );
    expect(readStoredLayout(rig.nodeRecords)).toBeUndefined();
  });
});

describe('a node that was a member', () => {
  /** A node of a cluster, switched off. */
  function member(): Rig {
    const rig = new Rig({ join: at(7), address: at(1002) });
    rig.commitAll();
    rig.answerCheckIn({ type: 'member', layout: rig.layout() });
    rig.commitAll();
    return rig;
  }

  it('does not start on a layout with a protocol that this version does not know', () => {
    const rig = member();
    rig.nodeRecords.records.set(LAYOUT_RECORD, encodeLayoutRecord(withLaterProtocol(rig.layout())));
    expect(() => {
      rig.restart();
      rig.commitAll();
    }).toThrow(UnknownProtocol);
    expect(rig.transport.handlers).toBeUndefined();
  });

  it.each([IDENTITY_RECORD, LAYOUT_RECORD])('does not start on a %s record of a newer version', (name) => {
    const rig = member();
    rig.nodeRecords.records.set(name, asNewerFormat(rig.nodeRecords.read(name) ?? new Uint8Array()));
    expect(() => rig.restart()).toThrow(UnknownFormat);
    expect(() => rig.restart()).toThrow(`the ${name} record has format 2; this version of Kvorum reads format 1`);
  });

  it('does not start on the records of two nodes, or of two clusters', () => {
    const rig = member();
    for (const layout of [layoutOf(2), { ...rig.layout(), clusterId: 'cluster-b' }]) {
      rig.nodeRecords.records.set(LAYOUT_RECORD, encodeLayoutRecord(layout));
      expect(() => rig.restart()).toThrow(CorruptRecord);
      expect(() => rig.restart()).toThrow('they do not belong together');
    }
  });

  it('starts on a layout that names it no more', () => {
    const rig = member();
    const layout = rig.layout();
    const nodes = layout.nodes.filter(({ id }) => id !== 2);
    const groups = layout.groups.map((group) => ({ ...group, members: [1, 3] }));
    rig.nodeRecords.records.set(LAYOUT_RECORD, encodeLayoutRecord({ ...layout, nodes, groups }));
    rig.restart();
    rig.commitAll();
    expect(rig.node.healthy).toBe(false);
  });

  it('is one again as soon as its new incarnation is on disk, not before', () => {
    const rig = member();
    rig.restart();
    expect([rig.node.state, rig.transport.handlers]).toEqual(['joining', undefined]);
    rig.commitAll();
    expect([rig.node.state, readIdentity(rig.nodeRecords)?.incarnation]).toEqual(['member', 2]);
  });

  it('tells those who check in that it stops, and calls no port any more', () => {
    const rig = member();
    rig.node.stop();
    expect(rig.node.state).toBe('stopping');
    rig.transport.sent.length = 0;
    const records = rig.nodeRecords.commits.waiting.length;
    rig.clock.advance(10_000);
    expect(rig.transport.sent).toEqual([]);
    expect(rig.nodeRecords.commits.waiting).toHaveLength(records);
    expect(rig.node.healthy).toBe(false);
  });
});

describe('what a node is', () => {
  it('goes from new to member, when the layout is on disk', () => {
    const rig = new Rig();
    rig.commitAll();
    expect(rig.node.state).toBe('new');
    rig.checkIn('b', 2);
    rig.commitAll();
    rig.checkIn('c', 3);
    expect(rig.node.state).toBe('new');
    rig.commitAll();
    expect(rig.node.state).toBe('member');
  });

  it('goes from joining to spare, and from there to member', () => {
    const rig = new Rig({ join: at(7) });
    rig.commitAll();
    expect(rig.node.state).toBe('joining');
    rig.answerCheckIn({ type: 'spare', layout: layoutOf(2) }, 0);
    expect(rig.node.state).toBe('spare');
    rig.clock.advance(2000);
    rig.answerCheckIn({ type: 'member', layout: rig.layout() });
    expect(rig.node.state).toBe('spare');
    // An answer that comes while it writes that down is one too many.
    rig.checkIn('x', 9);
    rig.commitAll();
    expect(rig.node.state).toBe('member');
  });

  it('that stopped before its identity was on disk asks nobody any more', () => {
    const rig = new Rig({ join: at(7) });
    rig.node.stop();
    rig.commitAll();
    expect(rig.dialer.calls).toEqual([]);
  });

  it('stays stopping, whatever is still written', () => {
    const rig = new Rig({ join: at(7) });
    rig.commitAll();
    rig.answerCheckIn({ type: 'member', layout: rig.layout() });
    rig.node.stop();
    rig.commitAll();
    expect(rig.node.state).toBe('stopping');
    expect(rig.transport.handlers).toBeUndefined();
  });
});

it('a node does not start with settings that contradict each other', () => {
  const rig = new Rig();
  const timings = { ...defaultSettings.timings, electionTimeoutMs: 1 };
  const options = { address: at(1), join: undefined, clusterSize: 1, partitions: 1, replication: 1 };
  const settings = { ...defaultSettings, timings };
  expect(() => new Node(rig, { ...options, settings, onRejected: () => undefined })).toThrow(InvalidSettings);
});
