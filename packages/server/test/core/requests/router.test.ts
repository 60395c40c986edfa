import type { GroupId, GroupReply, GroupRequest, Layout, NodeId } from '@kvorum/common';
import { defaultLimits, defaultSettings, METADATA_GROUP, METADATA_PROTOCOL, operationTypes } from '@kvorum/common';
import { describe, expect, it } from 'vitest';
import type { GroupReplica } from '../../../src/core/replication/group-replica.ts';
import type { PeerMessage } from '../../../src/core/index.ts';
import { Router } from '../../../src/core/requests/router.ts';
import type { ScriptedReplica } from '../values.ts';
import { b, keyIn, layoutOf, ScriptedProtocol, scriptedReplica } from '../values.ts';

const whole = layoutOf(4);
const key = keyIn(whole, 1);
const read = (group: GroupId = 1, name = key): GroupRequest => ({
  type: 'read',
  group,
  query: { type: 'get', key: name },
});
const put = (value: Uint8Array, part: Partial<Extract<GroupRequest, { type: 'execute' }>> = {}): GroupRequest => ({
  type: 'execute',
  group: 1,
  session: 7,
  sequence: 1,
  floor: 0,
  command: { type: 'put', key, value },
  ...part,
});

class Rig {
  layout: Layout | undefined = whole;
  readonly dead = new Set<NodeId>();
  /** Of every other node, since the rig was made. */
  restarts = 0;
  readonly sent: { to: NodeId; message: PeerMessage }[] = [];
  readonly replicas = new Map<GroupId, { replica: GroupReplica; script: ScriptedReplica }>();
  readonly replies: GroupReply[] = [];
  readonly router = new Router({
    self: 1,
    incarnation: 3,
    settings: defaultSettings,
    protocols: new Map([
      ...new ScriptedProtocol(METADATA_PROTOCOL).table,
      ...new ScriptedProtocol('register', new Set([...operationTypes].filter((type) => type !== 'add'))).table,
    ]),
    incarnationOf: (node) => 10 + node + this.restarts,
    layout: () => this.layout,
    replica: (group) => this.replicas.get(group)?.replica,
    isLayoutChange: (request) => request.group === METADATA_GROUP && request.type === 'execute',
    isAlive: (node) => !this.dead.has(node),
    send: (to, message) => this.sent.push({ to, message }),
  });

  /** This node's replica of group 1 follows that leader; 0 for none, 1 for this node. */
  follow(leader: NodeId): this {
    const entry = scriptedReplica(1);
    entry.script.leader = leader;
    entry.script.serves = leader === 1;
    this.replicas.set(1, entry);
    return this;
  }

  submit(request: GroupRequest, forward = false): GroupReply | undefined {
    this.router.submit(request, forward, { reply: (reply) => this.replies.push(reply) });
    return this.replies.at(-1);
  }

  forwarded(place = -1): Extract<PeerMessage, { type: 'forward' }> {
    const message = this.sent.at(place)?.message;
    if (message?.type !== 'forward') throw new Error('nothing was passed on');
    return message;
  }
}

describe('checks', () => {
  it.each([
    [
      'a key over the limit',
      read(1, new Uint8Array(defaultLimits.keyBytesMax + 1)),
      'too-large',
      /key has 1025 bytes.*1024/,
    ],
    [
      'a value over the limit',
      put(new Uint8Array(defaultLimits.valueBytesMax + 1)),
      'too-large',
      /value has 1048577 bytes/,
    ],
    [
      'an expected value over the limit',
      put(b(''), {
        command: { type: 'cas', key, expected: new Uint8Array(defaultLimits.valueBytesMax + 1), next: b('') },
      }),
      'too-large',
      /value has/,
    ],
    [
      'a next value over the limit',
      put(b(''), {
        command: {
          type: 'cas-version',
          key,
          expectedVersion: 0,
          next: new Uint8Array(defaultLimits.valueBytesMax + 1),
        },
      }),
      'too-large',
      /value has/,
    ],
    ['an empty key', read(1, b('')), 'bad-request', /key is empty/],
    ['group 0', read(0), 'bad-request', /group 0/],
    ['a session of group 0', { type: 'open-session', group: 0 } as const, 'bad-request', /group 0/],
    ['session 0', put(b('v'), { session: 0 }), 'bad-request', /session 0 is reserved/],
    ['a group that does not hold the key', read(2), 'wrong-group', /not in group 2/],
    ['a group that there is not', read(5), 'wrong-group', /no group 5/],
  ] as const)('refuse %s', (_name, request, code, message) => {
    const rig = new Rig().follow(1);
    const reply = rig.submit(request, true);
    expect(reply).toMatchObject({ type: 'refused', code });
    expect(reply?.type === 'refused' && reply.message).toMatch(message);
    expect(rig.sent).toEqual([]);
    expect(rig.replies).toHaveLength(1);
  });

  it('name the layout’s epoch with a wrong group', () => {
    const rig = new Rig();
    rig.layout = { ...whole, epoch: 9 };
    expect(rig.submit(read(2))).toMatchObject({ code: 'wrong-group', epoch: 9 });
  });

  it('refuse everything while there is no layout', () => {
    const rig = new Rig();
    rig.layout = undefined;
    expect(rig.submit(read())).toMatchObject({ code: 'unavailable' });
  });

  it('refuse an operation that the protocol of the group does not have, and take the others', () => {
    const rig = new Rig().follow(1);
    const groups = whole.groups.map((group) => (group.id === 1 ? { ...group, protocol: 'register' } : group));
    rig.layout = { ...whole, groups };
    expect(rig.submit(put(b(''), { command: { type: 'add', key, delta: 1n } }))).toMatchObject({
      code: 'unsupported',
      message: 'group 1 runs register, which has no add',
    });
    rig.submit(put(b('v')));
    rig.submit(read());
    expect(rig.replies).toHaveLength(1);
  });

  it('refuse what is for a group whose protocol this node does not know', () => {
    const rig = new Rig();
    const groups = whole.groups.map((group) => (group.id === 1 ? { ...group, protocol: 'later' } : group));
    rig.layout = { ...whole, groups };
    expect(rig.submit(read(), true)).toMatchObject({
      code: 'unsupported',
      message: 'group 1 runs later, which this node does not know',
    });
    expect(rig.sent).toEqual([]);
  });

  it('take keys and values at their limits', () => {
    const rig = new Rig().follow(1);
    const at = Array.from({ length: 100 }, (_, i) => new Uint8Array(defaultLimits.keyBytesMax).fill(i));
    for (const name of at) rig.submit(read(1, name));
    rig.submit(put(new Uint8Array(defaultLimits.valueBytesMax)));
    expect(rig.replies.every((reply) => reply.type === 'refused' && reply.code === 'wrong-group')).toBe(true);
    expect(rig.replies.length).toBeLessThan(100);
  });
});

describe('without passing on', () => {
  it('a node that leads serves', () => {
    const rig = new Rig().follow(1);
    rig.submit(read());
    rig.replicas.get(1)?.replica.turn(0);
    expect(rig.replicas.get(1)?.script.steps).toEqual([[{ type: 'request', ticket: 1, request: read() }]]);
    expect(rig.replies).toEqual([]);
  });

  it.each([
    [2, 2],
    [3, 3],
    [0, 0],
  ])('a node that follows %i says so and names it', (leader, hint) => {
    expect(new Rig().follow(leader).submit(read())).toMatchObject({ code: 'not-leader', leader: hint });
  });

  it('a node that led and does not any more does not name itself', () => {
    const rig = new Rig().follow(1);
    Object.assign(rig.replicas.get(1)?.script ?? {}, { serves: false });
    expect(rig.submit(read())).toMatchObject({ code: 'not-leader', leader: 0 });
  });

  it('a node that is no member names one', () => {
    const rig = new Rig();
    rig.layout = layoutOf(4, [4, 5, 6]);
    rig.dead.add(4);
    expect(rig.submit(read())).toMatchObject({ code: 'not-leader', leader: 5 });
  });
});

describe('passing on', () => {
  it('goes to the leader, and the leader’s answer to the client', () => {
    const rig = new Rig().follow(2);
    rig.submit(read(), true);
    const { id } = rig.forwarded();
    expect(rig.sent).toEqual([{ to: 2, message: { type: 'forward', id, incarnation: 12, hops: 1, request: read() } }]);
    const reply: GroupReply = { type: 'value', found: undefined, served: { node: 2, ballot: 5, index: 3 } };
    rig.router.onForwarded(3, { type: 'forwarded', id, reply });
    expect(rig.replies).toEqual([]);
    rig.router.onForwarded(2, { type: 'forwarded', id, reply });
    rig.router.onForwarded(2, { type: 'forwarded', id, reply });
    expect(rig.replies).toEqual([reply]);
  });

  it('goes by way of another member when the leader does not answer', () => {
    const rig = new Rig().follow(2);
    rig.dead.add(2);
    rig.submit(read(), true);
    expect(rig.sent[0]?.to).toBe(3);
    rig.dead.add(3);
    expect(rig.submit(read(), true)).toMatchObject({ code: 'not-leader', leader: 2 });
  });

  it.each<[what: string, request: GroupRequest, reply: object]>([
    ['a read of the metadata group', { ...read(), group: METADATA_GROUP }, { code: 'bad-request' }],
    ['a group that does not exist', { ...read(), group: 9 }, { code: 'wrong-group' }],
  ])('is refused to a node that passes on %s', (_what, request, reply) => {
    const rig = new Rig().follow(1);
    rig.router.onForward(3, { type: 'forward', id: 8, incarnation: 3, hops: 1, request });
    expect(rig.sent).toMatchObject([{ to: 3, message: { type: 'forwarded', id: 8, reply } }]);
    expect(rig.replicas.get(1)?.script.steps ?? []).toEqual([]);
  });

  it('ends at the limit of hops', () => {
    for (const [hops, passedOn] of [
      [defaultLimits.forwardHopsMax - 1, true],
      [defaultLimits.forwardHopsMax, false],
    ] as const) {
      const rig = new Rig().follow(2);
      rig.router.onForward(3, { type: 'forward', id: 8, incarnation: 3, hops, request: read() });
      expect(rig.sent).toHaveLength(1);
      if (passedOn) expect(rig.forwarded()).toMatchObject({ hops: defaultLimits.forwardHopsMax });
      else {
        expect(rig.sent[0]).toMatchObject({
          to: 3,
          message: { type: 'forwarded', id: 8, reply: { code: 'not-leader', leader: 2 } },
        });
      }
    }
  });

  it('to an earlier start of this node is not served: what that one did with a first copy is not known', () => {
    const rig = new Rig().follow(2);
    const message = { type: 'forward', id: 9, incarnation: 2, hops: 0 } as const;
    rig.router.onForward(3, { ...message, request: read() });
    rig.router.onForward(3, { ...message, request: put(new Uint8Array(1)) });
    const codes = rig.sent.map(({ message: answer }) => answer.type === 'forwarded' && answer.reply);
    expect(codes).toMatchObject([{ code: 'unavailable' }, { code: 'outcome-unknown' }]);
  });

  it('of a repetition does nothing', () => {
    const rig = new Rig().follow(2);
    const message = {
      type: 'forward',
      id: 8,
      incarnation: 3,
      hops: defaultLimits.forwardHopsMax,
      request: read(),
    } as const;
    rig.router.onForward(3, message);
    rig.router.onForward(3, message);
    expect(rig.sent).toHaveLength(1);
    rig.router.onForward(2, message);
    expect(rig.sent).toHaveLength(2);
  });

  it('recognises a repetition for at least a hundred rounds', () => {
    for (const before of [0, 50, 99, 150]) {
      const rig = new Rig().follow(2);
      const message = {
        type: 'forward',
        id: 8,
        incarnation: 3,
        hops: defaultLimits.forwardHopsMax,
        request: read(),
      } as const;
      for (let round = 0; round < before; round += 1) rig.router.onHeartbeatRound();
      rig.router.onForward(3, message);
      for (let round = 0; round < 100; round += 1) rig.router.onHeartbeatRound();
      rig.router.onForward(3, message);
      expect(rig.sent).toHaveLength(1);
    }
  });
});

describe('a request whose answer was lost', () => {
  it.each([
    ['a write has an unknown outcome', put(b('v')), 'outcome-unknown'],
    ['an opened session has an unknown outcome', { type: 'open-session', group: 1 } as const, 'outcome-unknown'],
    ['a read is unavailable', read(), 'unavailable'],
  ])('%s', (_name, request, code) => {
    const rig = new Rig().follow(2);
    rig.submit(request, true);
    for (let round = 0; round < 9; round += 1) rig.router.onHeartbeatRound();
    expect(rig.replies).toEqual([]);
    rig.router.onHeartbeatRound();
    expect(rig.replies).toMatchObject([{ type: 'refused', code }]);
    const { id } = rig.forwarded();
    const late: GroupReply = { type: 'value', found: undefined, served: { node: 2, ballot: 5, index: 3 } };
    rig.router.onForwarded(2, { type: 'forwarded', id, reply: late });
    for (let round = 0; round < 60; round += 1) rig.router.onHeartbeatRound();
    expect(rig.replies).toHaveLength(1);
  });

  it('is given up at once when the failure detector suspects the node', () => {
    const rig = new Rig().follow(2);
    rig.submit(put(b('v')), true);
    rig.dead.add(2);
    rig.router.onHeartbeatRound();
    expect(rig.replies).toMatchObject([{ code: 'outcome-unknown' }]);
  });

  it('is given up at once when the node was started again since', () => {
    const rig = new Rig().follow(2);
    rig.submit(put(b('v')), true);
    rig.router.onHeartbeatRound();
    expect(rig.replies).toEqual([]);
    rig.restarts = 1;
    rig.router.onHeartbeatRound();
    expect(rig.replies).toMatchObject([{ code: 'outcome-unknown' }]);
  });
});
