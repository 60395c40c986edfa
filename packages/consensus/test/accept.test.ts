/** The accept phase: Haridi, Kroll and Carbone (2020), section 4; rules 6, 7, 8, 9 and 15 of our protocol notes. */
import { describe, expect, it } from 'vitest';
import { ZERO_BALLOT } from '../src/sequence-paxos/ballot.ts';
import type { Message } from '../src/sequence-paxos/messages.ts';
import { Cluster as ClusterOfTests } from './cluster.ts';
import { ballot, entries, heartbeat, Lone as LoneOfTests } from './lone.ts';

const limits = { acceptsInFlightMax: 3 };

/** With few accepts on their way, or few entries in a message. */
class Cluster extends ClusterOfTests {
  constructor(ids: readonly number[], options: ConstructorParameters<typeof ClusterOfTests>[1] = {}) {
    super(ids, { limits, ...options });
  }
}

class Lone extends LoneOfTests {
  constructor(self: number, members: readonly number[], disk?: ConstructorParameters<typeof LoneOfTests>[2]) {
    super(self, members, disk, limits);
  }
}

const members = [1, 2, 3];
const current = ballot(9, 1);

function accept(from: number, text: string, decidedIndex = 0): Message {
  return { type: 'accept', ballot: current, from, entries: entries(text), decidedIndex };
}

/** A follower of 9.n1 that is synchronized, with the log "a b". */
function follower(): Lone {
  const replica = new Lone(2, members, { promised: current, accepted: ballot(4, 2), log: 'a' });
  const sync = { from: 1, to: 2, at: 1, entries: entries('b'), decidedIndex: 1 };
  replica.receive(1, { type: 'accept-sync', ballot: current, ...sync });
  return replica;
}

/** Member 1 leads, the others are synchronized, nothing is under way. */
function led(ids: readonly number[] = members): Cluster {
  const cluster = new Cluster(ids);
  cluster.elect(ids[0] as number);
  cluster.rounds(1);
  cluster.takeTrace();
  return cluster;
}

it('one write, from the proposal to the decision', () => {
  const cluster = led();
  cluster.propose(1, 'a');
  cluster.deliverAll();
  expect(cluster.takeTrace()).toEqual([
    'n1->n2 accept 1.n1 0:[a] decided 0',
    'n1->n3 accept 1.n1 0:[a] decided 0',
    'n2->n1 accepted 1.n1 1',
    'n3->n1 accepted 1.n1 1',
    'n1->n2 decide 1.n1 1',
    'n1->n3 decide 1.n1 1',
  ]);
});

describe('rule 6: accepts are fenced by ballot and log position', () => {
  it('the next one is taken', () => {
    const replica = follower();
    expect(replica.receive(1, accept(2, 'c', 2))).toEqual(['written: n1 accepted 9.n1 3']);
    expect(replica.log).toBe('a b | c');
  });

  it('an older one changes nothing, an overlapping one adds its end only', () => {
    const replica = follower();
    replica.receive(1, accept(2, 'c d'));
    expect(replica.receive(1, accept(2, 'c'))).toEqual(['written: n1 accepted 9.n1 4']);
    expect(replica.effects?.persist).toBeUndefined();
    expect(replica.receive(1, accept(3, 'd e'))).toEqual(['written: n1 accepted 9.n1 5']);
    expect(replica.log).toBe('a | b c d e');
  });

  it('a gap asks to be prepared again, and nothing is accepted meanwhile', () => {
    const replica = follower();
    expect(replica.receive(1, accept(3, 'd', 3))).toEqual(['n1 prepare-request']);
    expect(replica.receive(1, accept(2, 'c'))).toEqual([]);
    expect(replica.receive(1, { type: 'decide', ballot: current, decidedIndex: 2 })).toEqual([]);
    expect(replica.log).toBe('a | b');
  });

  it('an accept of another ballot than the accepted log asks to be prepared again', () => {
    const replica = new Lone(2, members);
    const prepare = { acceptedBallot: ballot(0, 0), logLength: 0, suffixFrom: 0 };
    replica.receive(1, { type: 'prepare', ballot: current, ...prepare });
    expect(replica.receive(1, accept(0, 'a', 1))).toEqual(['n1 prepare-request']);
    expect(replica.log).toBe('|');
  });

  it('an accept of a ballot below the promise is refused, by a synchronized follower too', () => {
    const replica = follower();
    const prepare = { acceptedBallot: ballot(0, 0), logLength: 0, suffixFrom: 0 };
    replica.receive(3, { type: 'prepare', ballot: ballot(10, 3), ...prepare });
    expect(replica.receive(1, accept(2, 'c', 2))).toEqual([]);
    expect(replica.log).toBe('a | b');
  });

  it('the leader then stops accepts to that follower and prepares it again with the same ballot', () => {
    const cluster = led();
    cluster.propose(1, 'a');
    cluster.drop({ to: 2 });
    cluster.deliverAll();
    cluster.propose(1, 'b');
    cluster.deliver({ to: 2, type: 'accept' });
    cluster.takeTrace();
    cluster.deliver({ from: 2, type: 'prepare-request' });
    cluster.propose(1, 'c');
    expect(cluster.takeTrace()).toEqual([
      'n1->n2 prepare 1.n1 log 1.n1:2 from 1',
      'n1->n3 accept 1.n1 2:[c] decided 1',
    ]);
    cluster.deliver({ to: 2, type: 'prepare' });
    cluster.deliver({ from: 2, type: 'promise' });
    expect(cluster.takeTrace()).toEqual([
      'n2->n1 promise 1.n1 log 1.n1:0 decided 0 suffix 0:[]',
      'n1->n2 accept-sync 1.n1 [0,0) 0:[] decided 1',
      'n1->n2 accept 1.n1 0:[a b c] decided 1',
    ]);
    cluster.deliverAll();
    expect(cluster.log(2)).toBe('a b c |');
  });

  it('accepts in flight are bounded; answers let the rest go', () => {
    const cluster = led();
    for (const text of 'abcde') cluster.propose(1, text);
    expect(cluster.packets.filter(({ to }) => to === 2)).toHaveLength(3);
    cluster.deliver({ to: 2 });
    cluster.takeTrace();
    cluster.deliver({ from: 2 });
    expect(cluster.trace[0]).toBe('n1->n2 accept 1.n1 3:[d e] decided 1');
    cluster.deliverAll();
    expect(members.map((id) => cluster.log(id))).toEqual(Array.from({ length: 3 }, () => 'a b c d e |'));
  });

  it('in any order, however often: one burst, delivered backwards and twice', () => {
    const cluster = led();
    for (const text of 'abc') cluster.propose(1, text);
    const burst = cluster.take();
    for (const packet of [...burst].reverse()) cluster.inject(packet);
    for (const packet of burst) cluster.inject(packet);
    cluster.deliverAll();
    for (const packet of [...burst].reverse()) cluster.inject(packet);
    cluster.deliverAll();
    cluster.rounds(1);
    expect(members.map((id) => cluster.log(id))).toEqual(['a b c |', 'a b c |', 'a b c |']);
  });
});

describe('rule 7: the decided index', () => {
  it('is never past what this replica accepted', () => {
    const replica = follower();
    replica.receive(1, accept(2, 'c', 7));
    expect(replica.log).toBe('a b c |');
    replica.receive(1, { type: 'decide', ballot: current, decidedIndex: 9 });
    expect(replica.log).toBe('a b c |');
    replica.round(
      new Map([[1, heartbeat({ ballot: current, leaderBallot: current, happy: true, leadingDecidedIndex: 9 })]]),
    );
    expect(replica.replica.decidedIndex).toBe(3);
  });

  it('never goes back, whichever message is old', () => {
    const replica = follower();
    replica.receive(1, accept(2, 'c', 3));
    replica.receive(1, accept(2, 'c', 1));
    replica.receive(1, { type: 'decide', ballot: current, decidedIndex: 1 });
    replica.receive(1, {
      ...{ type: 'accept-sync', ballot: current, from: 1, to: 2, at: 1, entries: entries('b'), decidedIndex: 1 },
    });
    replica.round(
      new Map([[1, heartbeat({ ballot: current, leaderBallot: current, happy: true, leadingDecidedIndex: 1 })]]),
    );
    replica.step({ type: 'snapshot-installed', index: 2, proof: ZERO_BALLOT });
    replica.step({ type: 'compact', index: 1 });
    expect(replica.replica.decidedIndex).toBe(3);
  });

  it('is believed only for the ballot that this whole log was accepted in', () => {
    const replica = follower();
    const higher = ballot(10, 3);
    const prepare = { acceptedBallot: ballot(0, 0), logLength: 0, suffixFrom: 0 };
    replica.receive(3, { type: 'prepare', ballot: higher, ...prepare });
    replica.receive(3, { type: 'decide', ballot: higher, decidedIndex: 2 });
    replica.receive(1, { type: 'decide', ballot: current, decidedIndex: 2 });
    replica.round(
      new Map([[3, heartbeat({ ballot: higher, leaderBallot: higher, happy: true, leadingDecidedIndex: 2 })]]),
    );
    expect(replica.log).toBe('a | b');
    const sync = { ballot: higher, from: 1, to: 2, at: 1, entries: entries('x'), decidedIndex: 1 };
    replica.receive(3, { type: 'accept-sync', ...sync });
    replica.receive(3, { type: 'decide', ballot: higher, decidedIndex: 2 });
    expect(replica.log).toBe('a x |');
  });

  it('counts an entry once a majority has it, not before', () => {
    const cluster = led([1, 2, 3, 4, 5]);
    cluster.propose(1, 'a');
    cluster.deliver({ to: 2 });
    cluster.deliver({ from: 2 });
    expect(cluster.log(1)).toBe('| a');
    cluster.deliver({ to: 3 });
    const [answer] = cluster.take({ from: 3 });
    cluster.inject(answer as NonNullable<typeof answer>);
    expect(cluster.log(1)).toBe('a |');
  });

  it('an answer that is repeated counts once', () => {
    const cluster = led([1, 2, 3, 4, 5]);
    cluster.propose(1, 'a');
    cluster.deliver({ to: 2 });
    const [answer] = cluster.take({ from: 2 });
    for (let i = 0; i < 3; i += 1) cluster.inject(answer as NonNullable<typeof answer>);
    expect(cluster.log(1)).toBe('| a');
  });

  it('an answer of an earlier ballot does not count', () => {
    const leader = new Lone(1, members, { accepted: ballot(5, 1), log: 'a' });
    leader.round();
    const promise = { acceptedBallot: ballot(5, 1), logLength: 0, decidedIndex: 0, suffixFrom: 0, suffix: [] };
    leader.receive(2, { type: 'promise', ballot: leader.replica.leaderBallot, ...promise });
    leader.written();
    leader.receive(2, { type: 'accepted', ballot: ballot(5, 1), acceptedIndex: 1 });
    expect(leader.log).toBe('| a');
    leader.receive(2, { type: 'accepted', ballot: leader.replica.leaderBallot, acceptedIndex: 1 });
    expect(leader.log).toBe('a |');
  });
});

describe('rule 8: batches', () => {
  it('the proposals of one step share a message; what is queued is never mutated', () => {
    const cluster = led();
    cluster.propose(1, 'a', 'b');
    cluster.propose(1, 'c');
    expect(cluster.takeTrace().filter((line) => line.includes('->n2'))).toEqual([
      'n1->n2 accept 1.n1 0:[a b] decided 0',
      'n1->n2 accept 1.n1 2:[c] decided 0',
    ]);
    // The harness compares every packet on delivery with what was queued.
    cluster.deliverAll();
    expect(cluster.log(2)).toBe('a b c |');
  });

  it('a batch ends with the ballot: proposals before a step-down are not sent in the next one', () => {
    const leader = new Lone(1, members);
    leader.round();
    const promise = { acceptedBallot: ballot(0, 0), logLength: 0, decidedIndex: 0, suffixFrom: 0, suffix: [] };
    leader.receive(2, { type: 'promise', ballot: leader.replica.leaderBallot, ...promise });
    const prepare = { acceptedBallot: ballot(0, 0), logLength: 0, suffixFrom: 0 };
    const lines = leader.step(
      { type: 'propose', ticket: 1, entry: entries('a')[0] as ReturnType<typeof entries>[number] },
      { type: 'message', from: 3, message: { type: 'prepare', ballot: ballot(8, 3), ...prepare } },
    );
    expect(lines).toEqual(['written: n3 promise 8.n3 log 1.n1:1 decided 0 suffix 0:[a]']);
    expect(leader.events).toEqual(['stepped-down', 'leader-changed']);
  });

  it('a batch is closed by an AcceptSync to that follower: entries appended before it come after it', () => {
    const cluster = led();
    const inputs = ['a', 'b'].map(
      (text, i) => ({ type: 'propose', ticket: 100 + i, entry: entries(text)[0] }) as const,
    );
    const lone = new Lone(1, members);
    lone.round();
    const promise = { acceptedBallot: ballot(0, 0), logLength: 0, decidedIndex: 0, suffixFrom: 0, suffix: [] };
    const promised = { type: 'promise', ballot: lone.replica.leaderBallot, ...promise } as const;
    lone.receive(2, promised);
    const [a, b] = inputs.map((input) => ({ ...input, entry: input.entry as ReturnType<typeof entries>[number] }));
    if (a === undefined || b === undefined) throw new Error('two inputs');
    expect(lone.step(a, { type: 'message', from: 3, message: promised }, b)).toEqual([
      'n3 accept-sync 1.n1 [0,0) 0:[] decided 0',
      'n2 accept 1.n1 0:[a b] decided 0',
      'n3 accept 1.n1 0:[a b] decided 0',
    ]);
    expect(cluster.packets).toEqual([]);
  });
});

describe('rule 9: the last message of a burst may be lost', () => {
  it('prepare and promise are repeated in each round', () => {
    const cluster = new Cluster(members);
    cluster.campaign(1);
    cluster.drop({ type: 'prepare' });
    cluster.round();
    cluster.deliver({ type: 'prepare' });
    cluster.drop({ type: 'promise' });
    cluster.takeTrace();
    cluster.round();
    expect(cluster.takeTrace()).toEqual([
      'n1->n2 prepare 1.n1 log 0.n0:0 from 0',
      'n1->n3 prepare 1.n1 log 0.n0:0 from 0',
    ]);
    cluster.deliverAll();
    expect(cluster.leaders()).toEqual([1]);
  });

  it('a prepare-request is repeated in each round', () => {
    const replica = follower();
    replica.receive(1, accept(5, 'f'));
    expect(replica.round(new Map())).toContain('n1 prepare-request');
    expect(replica.round(new Map())).toContain('n1 prepare-request');
  });

  it('a prepare that answers a prepare-request is repeated', () => {
    const cluster = led();
    cluster.step(1, [{ type: 'message', from: 2, message: { type: 'prepare-request' } }]);
    cluster.drop({ type: 'prepare' });
    cluster.takeTrace();
    cluster.round([1]);
    expect(cluster.takeTrace()).toEqual(['n1->n2 prepare 1.n1 log 1.n1:0 from 0']);
  });

  it('the last accept, and its answer, are missed after a few rounds of standstill', () => {
    for (const lost of ['accept', 'accepted'] as const) {
      const cluster = led();
      cluster.cut(1, 3);
      cluster.propose(1, 'a');
      if (lost === 'accepted') cluster.deliver({ to: 2 });
      cluster.drop({ type: lost });
      cluster.heal();
      cluster.cut(1, 3);
      expect(cluster.log(1)).toBe('| a');
      cluster.rounds(4);
      expect(cluster.log(1), lost).toBe('a |');
    }
  });

  it('a lost accept-sync is missed, even an empty one', () => {
    const cluster = new Cluster(members);
    cluster.campaign(1);
    cluster.deliver({ type: 'prepare' });
    cluster.deliver({ type: 'promise' });
    cluster.drop({ type: 'accept-sync' });
    cluster.rounds(4);
    cluster.takeTrace();
    cluster.propose(1, 'a');
    cluster.deliverAll();
    expect(cluster.trace.filter((line) => line.includes('prepare'))).toEqual([]);
    expect(cluster.log(2)).toBe('a |');
  });

  it("the last decide is made up for by the leader's heartbeat", () => {
    const cluster = led();
    cluster.propose(1, 'a');
    cluster.deliver({ type: 'accept' });
    cluster.deliver({ type: 'accepted' });
    cluster.drop({ type: 'decide' });
    expect(cluster.log(2)).toBe('| a');
    cluster.round([2]);
    expect(cluster.log(2)).toBe('a |');
  });

  it('a follower that the heartbeat shows to stand still behind the leader asks', () => {
    const replica = follower();
    const ahead = new Map([
      [1, heartbeat({ ballot: current, leaderBallot: current, happy: true, leadingDecidedIndex: 4 })],
    ]);
    expect(replica.round(ahead)).toEqual([]);
    expect(replica.round(ahead)).toEqual(['n1 prepare-request']);
    const advancing = follower();
    advancing.round(ahead);
    advancing.receive(1, accept(2, 'c'));
    expect(advancing.round(ahead)).toEqual([]);
  });
});

describe('rule 15: the leader sends before its own write is done', () => {
  it('and its own acceptance counts only after that write', () => {
    const cluster = led();
    cluster.autoPersist = false;
    cluster.propose(1, 'a');
    expect(cluster.takeTrace()).toEqual(['n1->n2 accept 1.n1 0:[a] decided 0', 'n1->n3 accept 1.n1 0:[a] decided 0']);
    cluster.deliver({ to: 2 });
    cluster.persist(2);
    cluster.deliver({ from: 2 });
    expect(cluster.log(1)).toBe('| a');
    cluster.persist(1);
    expect(cluster.log(1)).toBe('a |');
  });

  it('two followers decide without it', () => {
    const cluster = led();
    cluster.autoPersist = false;
    cluster.propose(1, 'a');
    cluster.deliver({ type: 'accept' });
    cluster.persist(2);
    cluster.persist(3);
    cluster.deliver({ type: 'accepted' });
    expect(cluster.pendingWrites(1)).toBe(1);
    expect(cluster.log(1)).toBe('a |');
  });

  it('a follower answers only after its write', () => {
    const cluster = led();
    cluster.autoPersist = false;
    cluster.propose(1, 'a');
    cluster.deliver({ to: 2 });
    expect(cluster.packets.filter(({ from }) => from === 2)).toEqual([]);
    cluster.crash(2);
    cluster.restart(2);
    expect(cluster.log(2)).toBe('|');
  });

  it('a write of an earlier round does not count for the present one', () => {
    const alone = new Lone(1, [1]);
    alone.round();
    alone.propose('a');
    expect(alone.log).toBe('| a');
    alone.step({ type: 'persisted', receipt: { acceptedBallot: ballot(0, 1), logLength: 1 } });
    expect(alone.log).toBe('| a');
    alone.written();
    expect(alone.log).toBe('a |');
  });
});
