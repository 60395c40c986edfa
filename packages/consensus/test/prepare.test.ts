/** The prepare phase: Haridi, Kroll and Carbone (2020), section 4, and rules 1, 2, 3, 5 and 10 of our protocol notes. */
import { describe, expect, it } from 'vitest';
import type { Message } from '../src/sequence-paxos/messages.ts';
import { Cluster } from './cluster.ts';
import { ballot, entries, heartbeat, Lone } from './lone.ts';

const members = [1, 2, 3];

function prepare(changes: Partial<Extract<Message, { type: 'prepare' }>> = {}): Message {
  return {
    type: 'prepare',
    ballot: ballot(9, 1),
    acceptedBallot: ballot(4, 1),
    logLength: 2,
    suffixFrom: 1,
    ...changes,
  };
}

function promise(changes: Partial<Extract<Message, { type: 'promise' }>> = {}): Message {
  const base = { ballot: ballot(9, 1), acceptedBallot: ballot(0, 0), logLength: 0, decidedIndex: 0, suffixFrom: 0 };
  return { type: 'promise', ...base, suffix: [], ...changes };
}

describe('rule 1: the promise', () => {
  it('is durable before the reply leaves', () => {
    const cluster = new Cluster(members, { autoPersist: false });
    cluster.campaign(1);
    expect(cluster.takeTrace()).toEqual([]);
    cluster.persist(1);
    expect(cluster.takeTrace()).toEqual([
      'n1->n2 prepare 1.n1 log 0.n0:0 from 0',
      'n1->n3 prepare 1.n1 log 0.n0:0 from 0',
    ]);
    cluster.deliver({ to: 2 });
    expect(cluster.takeTrace()).toEqual([]);
    expect(cluster.disk(2).hardState.promisedBallot.number).toBe(0);
    cluster.persist(2);
    expect(cluster.takeTrace()).toEqual(['n2->n1 promise 1.n1 log 0.n0:0 decided 0 suffix 0:[]']);
    expect(cluster.disk(2).hardState.promisedBallot).toMatchObject({ number: 1, node: 1 });
  });

  it('is given to a higher ballot, and again to the same one, in which the first answer was lost', () => {
    const replica = new Lone(2, members);
    const answer = ['written: n1 promise 9.n1 log 0.n0:0 decided 0 suffix 0:[]'];
    expect(replica.receive(1, prepare())).toEqual(answer);
    expect(replica.receive(1, prepare())).toEqual(answer);
  });

  it('is refused to a lower ballot, after a restart too', () => {
    const replica = new Lone(2, members);
    replica.receive(1, prepare());
    expect(replica.receive(3, prepare({ ballot: ballot(8, 3) }))).toEqual([]);
    const restarted = new Lone(2, members, { promised: ballot(9, 1) });
    expect(restarted.receive(3, prepare({ ballot: ballot(8, 3) }))).toEqual([]);
    expect(restarted.receive(1, prepare())).toHaveLength(1);
  });

  it('keeps out the accepts of lower ballots', () => {
    const replica = new Lone(2, members, { accepted: ballot(4, 3), log: 'a' });
    replica.receive(1, prepare());
    const old = { ballot: ballot(4, 3), from: 1, decidedIndex: 1, entries: entries('b') };
    expect(replica.receive(3, { type: 'accept', ...old })).toEqual([]);
    expect(replica.receive(3, { type: 'accept-sync', ...old, to: 2, at: 1 })).toEqual([]);
    expect(replica.receive(3, { type: 'decide', ...old })).toEqual([]);
    expect(replica.log).toBe('| a');
  });

  it('of a promise that was lost in a crash nobody has heard', () => {
    const cluster = new Cluster(members, { autoPersist: false });
    cluster.campaign(1);
    cluster.persist(1);
    cluster.deliver({ to: 2 });
    cluster.restart(2);
    expect(cluster.packets.filter((packet) => packet.from === 2)).toEqual([]);
    expect(cluster.replica(2).leaderBallot.number).toBe(0);
  });
});

describe('rule 2: a promise brings', () => {
  const disk = { accepted: ballot(5, 3), decided: 1, log: 'a b c d' };

  it('the suffix from the decided index of the leader if its own accepted ballot is higher', () => {
    expect(new Lone(2, members, disk).receive(1, prepare({ acceptedBallot: ballot(4, 1), logLength: 2 }))).toEqual([
      'written: n1 promise 9.n1 log 5.n3:4 decided 1 suffix 1:[b c d]',
    ]);
  });

  it('the suffix from the length of the leader if the accepted ballots are equal and its log is longer', () => {
    expect(new Lone(2, members, disk).receive(1, prepare({ acceptedBallot: ballot(5, 3), logLength: 2 }))).toEqual([
      'written: n1 promise 9.n1 log 5.n3:4 decided 1 suffix 2:[c d]',
    ]);
  });

  it('no suffix if the accepted ballots are equal and its log is not longer', () => {
    expect(new Lone(2, members, disk).receive(1, prepare({ acceptedBallot: ballot(5, 3), logLength: 6 }))).toEqual([
      'written: n1 promise 9.n1 log 5.n3:4 decided 1 suffix 4:[]',
    ]);
  });

  it('no suffix if its accepted ballot is lower', () => {
    expect(new Lone(2, members, disk).receive(1, prepare({ acceptedBallot: ballot(6, 1), logLength: 0 }))).toEqual([
      'written: n1 promise 9.n1 log 5.n3:4 decided 1 suffix 4:[]',
    ]);
  });

  it('the suffix from where its log begins if it has compacted what was asked for', () => {
    const compacted = { accepted: ballot(5, 3), compacted: 3, log: 'd' };
    expect(new Lone(2, members, compacted).receive(1, prepare())).toEqual([
      'written: n1 promise 9.n1 log 5.n3:4 decided 3 suffix 3:[d]',
    ]);
  });
});

describe('rule 3: the leader adopts', () => {
  const five = [1, 2, 3, 4, 5];
  const disk = { promised: ballot(8, 1), accepted: ballot(5, 3), decided: 1, log: 'a b' };

  /** Member 1 leads 9.n1 and gets these two promises. */
  function adopt(...promises: Message[]): Lone {
    const leader = new Lone(1, five, disk);
    leader.round();
    expect(leader.replica.leaderBallot).toMatchObject({ number: 9, node: 1 });
    promises.forEach((message, i) =>
      leader.receive(i + 2, { ...message, ballot: leader.replica.leaderBallot } as Message),
    );
    expect(leader.replica.leading).toBe(true);
    return leader;
  }

  it('the log of the highest accepted ballot, even a shorter one', () => {
    const higher = promise({
      acceptedBallot: ballot(6, 2),
      logLength: 2,
      decidedIndex: 1,
      suffixFrom: 1,
      suffix: entries('x'),
    });
    const longer = promise({
      acceptedBallot: ballot(5, 3),
      logLength: 4,
      decidedIndex: 1,
      suffixFrom: 2,
      suffix: entries('c d'),
    });
    expect(adopt(higher, longer).log).toBe('a | x');
    expect(adopt(longer, higher).log).toBe('a | x');
  });

  it('of equal ballots the longest log', () => {
    const longer = promise({
      acceptedBallot: ballot(5, 3),
      logLength: 3,
      decidedIndex: 1,
      suffixFrom: 2,
      suffix: entries('c'),
    });
    const longest = promise({
      acceptedBallot: ballot(5, 3),
      logLength: 4,
      decidedIndex: 1,
      suffixFrom: 2,
      suffix: entries('c d'),
    });
    expect(adopt(longer, longest).log).toBe('a | b c d');
    expect(adopt(longest, longer).log).toBe('a | b c d');
  });

  it('its own if that is the highest: its own promise counts', () => {
    const lower = promise({ acceptedBallot: ballot(4, 2), logLength: 5, suffixFrom: 5 });
    const shorter = promise({ acceptedBallot: ballot(5, 3), logLength: 1, suffixFrom: 1 });
    expect(adopt(lower, shorter).log).toBe('a | b');
  });

  it('decided is the maximum over the promises', () => {
    const ahead = promise({ acceptedBallot: ballot(5, 3), logLength: 2, decidedIndex: 2, suffixFrom: 2 });
    expect(adopt(ahead, promise()).log).toBe('a b |');
  });

  it('not before a majority has promised in its ballot', () => {
    const leader = new Lone(1, five, disk);
    leader.round();
    const current = leader.replica.leaderBallot;
    leader.receive(2, promise({ ballot: current }));
    leader.receive(2, promise({ ballot: current }));
    leader.receive(3, promise({ ballot: ballot(8, 1) }));
    expect(leader.replica.leading).toBe(false);
    leader.receive(4, promise({ ballot: current }));
    expect(leader.replica.leading).toBe(true);
    expect(leader.events).toEqual(['leading']);
  });
});

it('rule 5: adopted entries are decided in the new round without a no-op and without a new proposal', () => {
  const cluster = new Cluster(members);
  cluster.elect(1);
  cluster.propose(1, 'a');
  cluster.deliver({ from: 1, to: 2 });
  cluster.crash(1);
  cluster.drop();
  cluster.takeTrace();
  cluster.elect(3);
  expect(cluster.takeTrace()).toEqual([
    'n3->n1 prepare 2.n3 log 1.n1:0 from 0',
    'n3->n2 prepare 2.n3 log 1.n1:0 from 0',
    'n2->n3 promise 2.n3 log 1.n1:1 decided 0 suffix 0:[a]',
    'n3->n2 accept-sync 2.n3 [1,1) 1:[] decided 0',
    'n2->n3 accepted 2.n3 1',
    'n3->n2 decide 2.n3 1',
  ]);
  expect(cluster.log(3)).toBe('a |');
  expect(cluster.log(2)).toBe('a |');
});

it('rule 7: what is durable when a lone survivor restarts keeps the decided prefix', () => {
  const cluster = new Cluster(members);
  cluster.elect(1);
  cluster.propose(1, 'a', 'b');
  cluster.deliverAll();
  for (const id of members) cluster.restart(id);
  cluster.rounds(4);
  cluster.checkAll();
  expect(members.map((id) => cluster.log(id))).toEqual(['a b |', 'a b |', 'a b |']);
});

describe('rule 10: after a restart', () => {
  it('a replica with a stored promise asks, and does not vote before it is synchronized', () => {
    const replica = new Lone(2, members, { accepted: ballot(9, 1), log: 'a' });
    const accept: Message = { type: 'accept', ballot: ballot(9, 1), from: 1, entries: entries('b'), decidedIndex: 1 };
    expect(replica.receive(1, accept)).toEqual([]);
    expect(replica.receive(1, { type: 'decide', ballot: ballot(9, 1), decidedIndex: 1 })).toEqual([]);
    expect(replica.log).toBe('| a');
    expect(replica.round(new Map())).toEqual(['n1 prepare-request', 'n3 prepare-request']);
    expect(replica.round(new Map())).toEqual(['n1 prepare-request', 'n3 prepare-request']);
    expect(replica.receive(1, prepare({ acceptedBallot: ballot(9, 1) }))).toHaveLength(1);
    expect(replica.receive(1, accept)).toEqual([]);
    const sync: Message = { ...accept, type: 'accept-sync', to: 2, at: 1 };
    expect(replica.receive(1, sync)).toEqual(['written: n1 accepted 9.n1 2']);
    expect(replica.log).toBe('a | b');
    expect(replica.receive(1, { ...accept, from: 2, entries: entries('c') })).toEqual(['written: n1 accepted 9.n1 3']);
  });

  it('a synchronization below its promise does not count', () => {
    const replica = new Lone(2, members, { promised: ballot(9, 1), accepted: ballot(4, 3), log: 'a' });
    const old = { ballot: ballot(8, 3), from: 0, to: 1, at: 0, entries: entries('x'), decidedIndex: 1 };
    expect(replica.receive(3, { type: 'accept-sync', ...old })).toEqual([]);
    expect(replica.log).toBe('| a');
    expect(replica.round(new Map())).toHaveLength(2);
  });

  it('a new replica has nothing to recover', () => {
    expect(new Lone(2, members).round(new Map())).toEqual([]);
  });

  it('it is brought back by the leader that serves', () => {
    const cluster = new Cluster(members);
    cluster.elect(1);
    cluster.propose(1, 'a');
    cluster.deliverAll();
    cluster.crash(2);
    cluster.propose(1, 'b');
    cluster.deliverAll();
    cluster.restart(2);
    cluster.takeTrace();
    cluster.round([2]);
    cluster.deliverAll();
    expect(cluster.takeTrace()).toEqual([
      'n2->n1 prepare-request',
      'n2->n3 prepare-request',
      'n1->n2 prepare 1.n1 log 1.n1:2 from 2',
      'n2->n1 promise 1.n1 log 1.n1:1 decided 0 suffix 1:[]',
      'n1->n2 accept-sync 1.n1 [1,1) 1:[] decided 2',
      'n1->n2 accept 1.n1 1:[b] decided 2',
      'n2->n1 accepted 1.n1 1',
      'n2->n1 accepted 1.n1 2',
    ]);
    expect(cluster.log(2)).toBe('a b |');
  });
});

describe('ballots', () => {
  it('a restarted node never reuses a ballot that it led with', () => {
    const alone = new Cluster([5]);
    alone.elect(5);
    alone.restart(5);
    alone.elect(5);
    expect(alone.replica(5).leaderBallot.number).toBe(2);

    const cluster = new Cluster(members);
    cluster.elect(1);
    cluster.restart(1);
    cluster.takeTrace();
    for (const id of [2, 3]) cluster.restart(id);
    cluster.elect(1);
    expect(cluster.replica(1).leaderBallot).toMatchObject({ number: 2, node: 1 });
  });

  it('a candidate goes above every ballot that its neighbours have seen', () => {
    const replica = new Lone(1, members);
    const answer = (number: number) => heartbeat({ leaderBallot: ballot(number, 3) });
    replica.round(
      new Map([
        [3, answer(7)],
        [2, answer(4)],
      ]),
    );
    expect(replica.replica.leaderBallot).toMatchObject({ number: 8, node: 1 });
  });
});
