/** AcceptSync: Haridi, Kroll and Carbone (2020), section 4; rules 4 and 6 of our protocol notes. */
import { describe, expect, it } from 'vitest';
import { ZERO_BALLOT } from '../src/sequence-paxos/ballot.ts';
import type { Message } from '../src/sequence-paxos/messages.ts';
import { Cluster as ClusterOfTests } from './cluster.ts';
import type { OnDisk } from './lone.ts';
import { ballot, entries, Lone as LoneOfTests } from './lone.ts';

// Two one-letter entries to a message.
const limits = { messageEntryBytesMax: 34 };

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

type Fields<T extends Message['type']> = Omit<Extract<Message, { type: T }>, 'type' | 'ballot'>;

/** Leads above `disk` and takes promises of its ballot. */
class LoneLeader extends Lone {
  constructor(disk: OnDisk) {
    super(1, members, disk);
    this.round();
  }

  promised(from: number, fields: Fields<'promise'>): string[] {
    return this.receive(from, { type: 'promise', ballot: this.replica.leaderBallot, ...fields });
  }
}

describe('rule 4: AcceptSync starts at', () => {
  const adopted = ballot(5, 3);
  const own = { accepted: adopted, decided: 1, log: 'a b' };
  const same = { acceptedBallot: adopted, logLength: 2, decidedIndex: 1, suffixFrom: 2, suffix: [] };

  it("min(both lengths) if the accepted ballots are equal, not the leader's current length", () => {
    const leader = new LoneLeader(own);
    leader.promised(2, same);
    leader.propose('c');
    expect(leader.log).toBe('a | b c');
    // This member has more of ballot 5 than was adopted; its third entry is not the leader's.
    expect(leader.promised(3, { ...same, logLength: 3, suffix: entries('x') })).toEqual([
      'n3 accept-sync 6.n1 [2,2) 2:[] decided 1',
      'n3 accept 6.n1 2:[c] decided 1',
    ]);
  });

  it("the shorter of both if that is the member's", () => {
    const leader = new LoneLeader({ ...own, log: 'a b c' });
    expect(leader.promised(2, { ...same, suffix: [] })).toEqual(['n2 accept-sync 6.n1 [2,3) 2:[c] decided 1']);
  });

  it("the member's decided index if its accepted ballot is another", () => {
    const leader = new LoneLeader(own);
    expect(leader.promised(2, { ...same, acceptedBallot: ballot(4, 2), logLength: 2, suffixFrom: 2 })).toEqual([
      'n2 accept-sync 6.n1 [1,2) 1:[b] decided 1',
    ]);
  });

  it('what counts is the ballot of the adopted log, not the one that the leader had before', () => {
    const leader = new LoneLeader({ ...own, promised: ballot(6, 2) });
    const higher = { ...same, acceptedBallot: ballot(6, 2), suffixFrom: 1, suffix: entries('x') };
    expect(leader.promised(2, higher)).toEqual(['n2 accept-sync 7.n1 [2,2) 2:[] decided 1']);
    expect(leader.promised(3, same)).toEqual(['n3 accept-sync 7.n1 [1,2) 1:[x] decided 1']);
  });

  it("the member's accepted length if it already accepted in this round", () => {
    const leader = new LoneLeader(own);
    leader.promised(2, same);
    leader.propose('c');
    leader.receive(3, { type: 'prepare-request' });
    expect(
      leader.promised(3, { ...same, acceptedBallot: leader.replica.leaderBallot, logLength: 3, suffixFrom: 3 }),
    ).toEqual(['n3 accept-sync 6.n1 [3,3) 3:[] decided 1']);
  });

  it('a promise that comes after the majority gets its AcceptSync too', () => {
    const cluster = new Cluster(members);
    cluster.campaign(1);
    cluster.deliver({ to: 2 });
    cluster.deliver({ from: 2 });
    cluster.propose(1, 'a');
    cluster.takeTrace();
    cluster.deliver({ to: 3 });
    cluster.deliver({ from: 3 });
    expect(cluster.takeTrace()).toEqual([
      'n3->n1 promise 1.n1 log 0.n0:0 decided 0 suffix 0:[]',
      'n1->n3 accept-sync 1.n1 [0,0) 0:[] decided 0',
      'n1->n3 accept 1.n1 0:[a] decided 0',
    ]);
  });
});

describe('rule 4: an AcceptSync of several parts is taken at once or not at all', () => {
  const old = { promised: ballot(9, 1), accepted: ballot(4, 2), decided: 1, log: 'a x y' };
  const range = { type: 'accept-sync', ballot: ballot(9, 1), from: 1, to: 6, decidedIndex: 2 } as const;
  const parts: Message[] = [
    { ...range, at: 1, entries: entries('b c') },
    { ...range, at: 3, entries: entries('d e') },
    { ...range, at: 5, entries: entries('f') },
  ];
  const [first, second, third] = parts as [Message, Message, Message];
  const done = ['written: n1 accepted 9.n1 6'];

  it('the leader cuts it by size', () => {
    const leader = new LoneLeader({ accepted: ballot(5, 1), log: 'a b c d e' });
    const promise = { acceptedBallot: ballot(5, 1), logLength: 1, decidedIndex: 0, suffixFrom: 1, suffix: [] };
    expect(leader.promised(2, promise)).toEqual([
      'n2 accept-sync 6.n1 [1,5) 1:[b c] decided 0',
      'n2 accept-sync 6.n1 [1,5) 3:[d e] decided 0',
    ]);
  });

  it('in order', () => {
    const replica = new Lone(2, members, old);
    for (const part of [first, second]) {
      expect(replica.receive(1, part)).toEqual([]);
      expect(replica.effects?.persist).toBeUndefined();
      expect(replica.log).toBe('a | x y');
    }
    expect(replica.receive(1, third)).toEqual(done);
    expect(replica.log).toBe('a b | c d e f');
    expect(replica.effects?.persist).toMatchObject({
      hardState: { acceptedBallot: ballot(9, 1), decidedIndex: 2 },
      append: { from: 1, entries: entries('b c d e f') },
    });
  });

  it('a part that is missing, repeated or out of order completes nothing', () => {
    const replica = new Lone(2, members, old);
    for (const part of [second, third, first, third, first, second, second]) {
      expect(replica.receive(1, part)).toEqual([]);
    }
    expect(replica.log).toBe('a | x y');
    expect(replica.receive(1, third)).toEqual(done);
    expect(replica.log).toBe('a b | c d e f');
  });

  it('parts of different ranges or ballots do not mix', () => {
    const replica = new Lone(2, members, old);
    replica.receive(1, first);
    expect(replica.receive(1, { ...range, to: 5, at: 3, entries: entries('d e') })).toEqual([]);
    expect(replica.receive(1, { ...range, from: 0, to: 5, at: 3, entries: entries('d e') })).toEqual([]);
    replica.receive(3, {
      ...{ type: 'prepare', ballot: ballot(10, 3), acceptedBallot: ballot(0, 0), logLength: 0, suffixFrom: 0 },
    });
    for (const part of parts) expect(replica.receive(1, part)).toEqual([]);
    const later = { ...range, ballot: ballot(10, 3) };
    expect(replica.receive(3, { ...later, at: 3, entries: entries('d e') })).toEqual([]);
    expect(replica.receive(3, { ...later, at: 5, entries: entries('f') })).toEqual([]);
    expect(replica.log).toBe('a | x y');
  });

  it('a crash midway leaves the old log in the old accepted ballot', () => {
    const cluster = threeWithLongLog();
    cluster.deliver({ to: 3, type: 'prepare' });
    cluster.deliver({ from: 3, type: 'promise' });
    const [part] = cluster.take({ to: 3, type: 'accept-sync' });
    if (part === undefined) throw new Error('no part');
    cluster.inject(part);
    expect(cluster.disk(3).text()).toBe('0:[x]');
    expect(cluster.disk(3).hardState.acceptedBallot.node).toBe(3);
    cluster.restart(3);
    expect(cluster.log(3)).toBe('| x');
    cluster.packets = [];
    cluster.rounds(4);
    expect(cluster.log(3)).toBe('a b c d e |');
  });

  it('a leader change midway leaves the old log, which the next leader then does not adopt', () => {
    const cluster = threeWithLongLog();
    cluster.deliver({ to: 3, type: 'prepare' });
    cluster.deliver({ from: 3, type: 'promise' });
    const parts = cluster.take({ to: 3, type: 'accept-sync' });
    expect(parts.length).toBe(3);
    for (const part of parts.slice(0, 2)) cluster.inject(part);
    cluster.crash(2);
    cluster.campaign(3);
    cluster.deliver({ to: 1, type: 'prepare' });
    cluster.inject(parts[2] as (typeof parts)[number]);
    cluster.deliverAll();
    expect(cluster.log(3)).toBe('a b c d e |');
    cluster.checkAll();
  });

  /** Member 3 has an undecided entry of its own round; members 1 and 2 have decided five others, which 2 leads now. */
  function threeWithLongLog(): Cluster {
    const cluster = new Cluster(members);
    cluster.elect(3);
    cluster.propose(3, 'x');
    cluster.packets = [];
    cluster.cut(1, 3);
    cluster.cut(2, 3);
    cluster.elect(1);
    cluster.propose(1, ...'abcde');
    cluster.deliverAll();
    expect(cluster.log(1)).toBe('a b c d e |');
    cluster.elect(2);
    cluster.heal();
    cluster.step(2, [{ type: 'message', from: 3, message: { type: 'prepare-request' } }]);
    return cluster;
  }
});

describe('rule 2: a promise of several parts', () => {
  const disk = { promised: ballot(8, 1), accepted: ballot(5, 1), decided: 1, log: 'a x' };
  const head = { acceptedBallot: ballot(6, 2), logLength: 6, decidedIndex: 1 };

  it('counts when its last part is here', () => {
    const leader = new LoneLeader(disk);
    expect(leader.promised(2, { ...head, suffixFrom: 1, suffix: entries('b c') })).toEqual([
      'n2 prepare 9.n1 log 5.n1:2 from 3',
    ]);
    expect(leader.promised(2, { ...head, suffixFrom: 3, suffix: entries('d e') })).toEqual([
      'n2 prepare 9.n1 log 5.n1:2 from 5',
    ]);
    expect(leader.replica.leading).toBe(false);
    expect(leader.log).toBe('a | x');
    expect(leader.promised(2, { ...head, suffixFrom: 5, suffix: entries('f') })).toEqual([
      'n2 accept-sync 9.n1 [6,6) 6:[] decided 1',
    ]);
    expect(leader.log).toBe('a | b c d e f');
  });

  it('a lost part is asked for again in the next round, a repeated one does no harm', () => {
    const leader = new LoneLeader(disk);
    const part = { ...head, suffixFrom: 1, suffix: entries('b c') };
    leader.promised(2, part);
    expect(leader.promised(2, part)).toEqual([]);
    expect(leader.round()).toEqual([
      'written: n2 prepare 9.n1 log 5.n1:2 from 3',
      'written: n3 prepare 9.n1 log 5.n1:2 from 1',
    ]);
  });

  it('the member answers with what fits', () => {
    const member = new Lone(2, members, { accepted: ballot(6, 2), decided: 1, log: 'a b c d e f' });
    const ask = { type: 'prepare', ballot: ballot(9, 1), acceptedBallot: ballot(5, 1), logLength: 2 } as const;
    expect(member.receive(1, { ...ask, suffixFrom: 1 })).toEqual([
      'written: n1 promise 9.n1 log 6.n2:6 decided 1 suffix 1:[b c]',
    ]);
    expect(member.receive(1, { ...ask, suffixFrom: 5 })).toEqual([
      'written: n1 promise 9.n1 log 6.n2:6 decided 1 suffix 5:[f]',
    ]);
  });
});

describe('rule 6: an old AcceptSync that arrives late does not win', () => {
  const sync: Message = {
    ...{ type: 'accept-sync', ballot: ballot(9, 1), from: 1, to: 3, at: 1, entries: entries('b c'), decidedIndex: 1 },
  };
  const accepted = { promised: ballot(9, 1), accepted: ballot(9, 1), decided: 1, log: 'a b c d e' };

  it('within the round it changes nothing: the entries after its range stay', () => {
    const replica = new Lone(2, members, { promised: ballot(9, 1), accepted: ballot(4, 2), decided: 1, log: 'a x' });
    replica.receive(1, sync);
    replica.receive(1, { type: 'accept', ballot: ballot(9, 1), from: 3, entries: entries('d e'), decidedIndex: 4 });
    expect(replica.log).toBe('a b c d | e');
    expect(replica.receive(1, sync)).toEqual(['written: n1 accepted 9.n1 5']);
    expect(replica.log).toBe('a b c d | e');
  });

  it('nor after a restart of the follower', () => {
    const replica = new Lone(2, members, accepted);
    expect(replica.receive(1, sync)).toEqual(['written: n1 accepted 9.n1 5']);
    expect(replica.log).toBe('a | b c d e');
  });

  it('it adds what the follower lacks, and asks again if it begins behind the end', () => {
    const replica = new Lone(2, members, { ...accepted, log: 'a b' });
    expect(replica.receive(1, { ...sync, from: 3, to: 4, at: 3, entries: entries('d') })).toEqual([
      'n1 prepare-request',
    ]);
    expect(replica.log).toBe('a | b');
    replica.receive(1, sync);
    expect(replica.log).toBe('a | b c');
  });

  it('of an earlier round it is refused', () => {
    const replica = new Lone(2, members, { ...accepted, promised: ballot(10, 3) });
    expect(replica.receive(1, sync)).toEqual([]);
  });

  it('never cuts decided entries: a snapshot may have come in between', () => {
    const replica = new Lone(2, members, { promised: ballot(9, 1), accepted: ballot(4, 2), decided: 1, log: 'a x' });
    replica.step({ type: 'snapshot-installed', index: 2, proof: ZERO_BALLOT });
    replica.receive(1, sync);
    expect(replica.replica.decidedIndex).toBe(2);
    expect(replica.log).toBe('| c');
  });
});
