/** Rule 12: compaction and snapshots. */
import { describe, expect, it } from 'vitest';
import { ZERO_BALLOT } from '../src/sequence-paxos/ballot.ts';
import { Cluster as ClusterOfTests } from './cluster.ts';
import { ballot, entries, Lone as LoneOfTests } from './lone.ts';

// One accept under way to each member.
const limits = { acceptsInFlightMax: 1 };

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

/** Members 1 and 2 have decided and compacted three entries that member 3 never saw; member 1 leads. */
function behind(): Cluster {
  const cluster = new Cluster(members);
  cluster.elect(1);
  cluster.rounds(1);
  cluster.crash(3);
  cluster.propose(1, 'a', 'b', 'c');
  cluster.deliverAll();
  cluster.compact(1);
  cluster.compact(2);
  cluster.restart(3);
  cluster.takeTrace();
  return cluster;
}

describe('rule 12: compaction', () => {
  it('takes decided entries only, never an undecided suffix', () => {
    const replica = new Lone(2, members, { accepted: ballot(4, 1), decided: 2, log: 'a b c d' });
    replica.step({ type: 'compact', index: 4 });
    expect(replica.replica.compactedIndex).toBe(2);
    expect(replica.log).toBe('| c d');
    expect(replica.effects?.persist).toMatchObject({ compactedIndex: 2, hardState: { decidedIndex: 2 } });
  });

  it('never goes back', () => {
    const replica = new Lone(2, members, { accepted: ballot(4, 1), decided: 3, log: 'a b c d' });
    replica.step({ type: 'compact', index: 3 });
    replica.step({ type: 'compact', index: 1 });
    expect(replica.replica.compactedIndex).toBe(3);
    expect(replica.effects?.persist).toBeUndefined();
  });

  it('in the step that appends writes what is left of it', () => {
    const replica = new Lone(2, members, { accepted: ballot(4, 1), log: 'a' });
    replica.receive(1, {
      ...{ type: 'accept-sync', ballot: ballot(4, 1), from: 1, to: 3, at: 1, entries: entries('b c'), decidedIndex: 2 },
    });
    replica.step(
      {
        ...{ type: 'message', from: 1 },
        message: { type: 'accept', ballot: ballot(4, 1), from: 3, entries: entries('d e'), decidedIndex: 4 },
      },
      { type: 'compact', index: 4 },
    );
    expect(replica.effects?.persist?.append).toEqual({ from: 4, entries: entries('e') });
  });

  it('a restart begins after it: what was compacted is decided', () => {
    const cluster = behind();
    cluster.restart(1);
    expect(cluster.replica(1).decidedIndex).toBe(3);
    expect(cluster.log(1)).toBe('(3) |');
  });

  it('a follower behind the trim point gets a snapshot', () => {
    const cluster = behind();
    cluster.round([3]);
    cluster.deliverAll();
    expect(cluster.takeTrace()).toEqual([
      'n3->n1 prepare-request',
      'n3->n2 prepare-request',
      'n1->n3 prepare 1.n1 log 1.n1:3 from 3',
      'n3->n1 promise 1.n1 log 1.n1:0 decided 0 suffix 0:[]',
      'n1->n3 snapshot-offer 1.n1 3',
    ]);
    expect(cluster.neededSnapshot(3)).toMatchObject({ from: 1, atLeast: 3 });
    cluster.installSnapshot(3, 3, 1);
    cluster.deliverAll();
    expect(cluster.takeTrace()).toEqual([
      'n3->n1 prepare-request',
      'n1->n3 prepare 1.n1 log 1.n1:3 from 3',
      'n3->n1 promise 1.n1 log 1.n1:3 decided 3 suffix 3:[]',
      'n1->n3 accept-sync 1.n1 [3,3) 3:[] decided 3',
      'n3->n1 accepted 1.n1 3',
    ]);
    cluster.propose(1, 'd');
    cluster.deliverAll();
    expect(cluster.log(3)).toBe('(3) d |');
    cluster.checkAll();
  });

  it('a lost offer is repeated in each round', () => {
    const cluster = behind();
    cluster.round([3]);
    cluster.deliver({ to: 1 });
    cluster.deliver({ to: 3 });
    cluster.deliver({ to: 1 });
    cluster.drop({ type: 'snapshot-offer' });
    cluster.rounds(1);
    expect(cluster.neededSnapshot(3)).toMatchObject({ from: 1, atLeast: 3 });
  });

  it('a follower that was overtaken while its accepts were in flight is prepared again', () => {
    const cluster = new Cluster(members);
    cluster.elect(1);
    cluster.cut(1, 3);
    cluster.propose(1, 'a');
    cluster.deliverAll();
    cluster.compact(1);
    cluster.heal();
    cluster.rounds(5);
    expect(cluster.neededSnapshot(3)).toMatchObject({ from: 1, atLeast: 1 });
    cluster.installNeeded(3);
    cluster.rounds(1);
    expect(cluster.log(3)).toBe('(1) |');
  });

  it('a follower whose next accept was compacted while its window was full is prepared again at once', () => {
    const cluster = new Cluster(members);
    cluster.elect(1);
    cluster.propose(1, 'a');
    cluster.drop({ to: 3 });
    cluster.deliverAll();
    cluster.propose(1, 'b', 'c');
    cluster.deliverAll();
    expect(cluster.log(1)).toBe('a b c |');
    cluster.takeTrace();
    cluster.compact(1);
    expect(cluster.takeTrace()).toEqual(['n1->n3 prepare 1.n1 log 1.n1:3 from 3']);
    cluster.deliverAll();
    expect(cluster.neededSnapshot(3)).toMatchObject({ from: 1, atLeast: 3 });
  });

  it('a candidate that installed one collects the promises again: the former ones described what it lacked before', () => {
    const leader = new Lone(1, [1, 2, 3, 4, 5], { promised: ballot(8, 1), accepted: ballot(4, 1), log: 'a' });
    leader.round();
    const head = { acceptedBallot: ballot(6, 2), logLength: 4, decidedIndex: 1, suffixFrom: 0 };
    const promise = { type: 'promise', ballot: leader.replica.leaderBallot, ...head } as const;
    leader.receive(2, { ...promise, suffix: entries('a b c d') });
    expect(leader.step({ type: 'snapshot-installed', index: 2, proof: ZERO_BALLOT })).toEqual(
      [2, 3, 4, 5].map((id) => `written: n${id} prepare 9.n1 log 4.n1:2 from 2`),
    );
    leader.receive(3, { ...promise, suffixFrom: 2, suffix: entries('c d') });
    expect(leader.replica.leading).toBe(false);
    leader.receive(2, { ...promise, suffixFrom: 2, suffix: entries('c d') });
    expect(leader.replica.leading).toBe(true);
    expect(leader.log).toBe('| c d');
  });

  it('an offer below what is decided, or of another ballot, is ignored', () => {
    const replica = new Lone(2, members, { accepted: ballot(4, 1), decided: 2, log: 'a b' });
    replica.receive(1, { type: 'snapshot-offer', ballot: ballot(4, 1), index: 2 });
    expect(replica.events).toEqual([]);
    replica.receive(3, { type: 'snapshot-offer', ballot: ballot(3, 3), index: 9 });
    expect(replica.events).toEqual([]);
    replica.receive(1, { type: 'snapshot-offer', ballot: ballot(4, 1), index: 9 });
    expect(replica.events).toEqual(['snapshot-needed']);
  });

  it('a candidate whose missing part was compacted by the member gets a snapshot, then adopts', () => {
    const cluster = behind();
    cluster.crash(1);
    cluster.campaign(3);
    cluster.deliverAll();
    expect(cluster.replica(3).leading).toBe(false);
    expect(cluster.neededSnapshot(3)).toMatchObject({ from: 2, atLeast: 3 });
    cluster.installNeeded(3);
    cluster.deliverAll();
    expect(cluster.replica(3).leading).toBe(true);
    cluster.propose(3, 'd');
    cluster.deliverAll();
    expect(cluster.log(2)).toBe('(3) d |');
    expect(cluster.log(3)).toBe('(3) d |');
    cluster.checkAll();
  });
});

describe("rule 12: a snapshot's base is the old decided state", () => {
  it('an accepted suffix beyond it stays', () => {
    const replica = new Lone(2, members, { accepted: ballot(4, 1), decided: 1, log: 'a b c d' });
    replica.step({ type: 'snapshot-installed', index: 3, proof: ZERO_BALLOT });
    expect(replica.log).toBe('| d');
    expect(replica.effects?.persist).toMatchObject({
      hardState: { decidedIndex: 3, acceptedBallot: ballot(4, 1) },
      compactedIndex: 3,
      append: { from: 3, entries: entries('d') },
    });
  });

  it('an older one than what is decided changes nothing', () => {
    const replica = new Lone(2, members, { accepted: ballot(4, 1), decided: 2, log: 'a b c' });
    expect(replica.step({ type: 'snapshot-installed', index: 2, proof: ZERO_BALLOT })).toEqual([]);
    expect(replica.log).toBe('a b | c');
    expect(replica.effects?.persist).toBeUndefined();
  });

  it('a follower does not vote between the snapshot and its synchronization', () => {
    const replica = new Lone(2, members, { promised: ballot(5, 3), accepted: ballot(4, 1), log: 'a' });
    const sync = { from: 0, to: 1, at: 0, entries: entries('a'), decidedIndex: 1 };
    replica.receive(3, { type: 'accept-sync', ballot: ballot(5, 3), ...sync });
    expect(replica.step({ type: 'snapshot-installed', index: 4, proof: ZERO_BALLOT })).toEqual(['n3 prepare-request']);
    const accept = { type: 'accept', ballot: ballot(5, 3), from: 4, entries: entries('e'), decidedIndex: 5 } as const;
    expect(replica.receive(3, accept)).toEqual([]);
    expect(replica.round(new Map())).toContain('n3 prepare-request');
  });
});
