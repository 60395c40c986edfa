/** Linearizable reads without a log write: Ongaro (2014), section 6.4, carried over to ballots. */
import { describe, expect, it } from 'vitest';
import type { Message } from '../src/sequence-paxos/messages.ts';
import { Cluster } from './cluster.ts';
import { ballot, entries, heartbeat, Lone } from './lone.ts';

const members = [1, 2, 3];

/** Member 1 leads and has decided "a". */
function led(ids: readonly number[] = members): Cluster {
  const cluster = new Cluster(ids);
  cluster.elect(1);
  cluster.propose(1, 'a');
  cluster.deliverAll();
  cluster.takeTrace();
  return cluster;
}

function checked(cluster: Cluster, from: number, round: number, at = cluster.replica(1).leaderBallot): void {
  const message: Message = { type: 'read-checked', ballot: at, round };
  cluster.step(1, [{ type: 'message', from, message }]);
}

describe('a read', () => {
  it('notes the decided index, confirms the ballot with a majority, and is served', () => {
    const cluster = led();
    const ticket = cluster.read(1);
    expect(cluster.outcomeOf(ticket)).toBeUndefined();
    cluster.deliverAll();
    expect(cluster.takeTrace()).toEqual([
      'n1->n2 read-check 1.n1 #1',
      'n1->n3 read-check 1.n1 #1',
      'n2->n1 read-checked 1.n1 #1',
      'n3->n1 read-checked 1.n1 #1',
    ]);
    expect(cluster.outcomeOf(ticket)).toBe('index 1');
  });

  it('sees the index of when its round began, and writes nothing', () => {
    const cluster = led();
    const ticket = cluster.read(1);
    const checks = cluster.take({ type: 'read-check' });
    cluster.propose(1, 'b');
    cluster.deliverAll();
    expect(cluster.log(1)).toBe('a b |');
    for (const packet of checks) cluster.inject(packet);
    cluster.deliverAll();
    expect(cluster.outcomeOf(ticket)).toBe('index 1');
    expect(cluster.replica(1).logLength).toBe(2);
  });

  it('that arrives during a round waits for the next one, with its own number', () => {
    const cluster = led();
    const first = cluster.read(1);
    const checks = cluster.take({ type: 'read-check' });
    cluster.propose(1, 'b');
    cluster.deliverAll();
    cluster.takeTrace();
    const second = cluster.read(1);
    const third = cluster.read(1);
    expect(cluster.takeTrace()).toEqual([]);
    for (const packet of checks) cluster.inject(packet);
    cluster.deliver({ from: 2 });
    expect(cluster.outcomeOf(first)).toBe('index 1');
    expect(cluster.outcomeOf(second)).toBeUndefined();
    expect(cluster.trace.slice(-2)).toEqual(['n1->n2 read-check 1.n1 #2', 'n1->n3 read-check 1.n1 #2']);
    cluster.deliverAll();
    expect(cluster.outcomeOf(second)).toBe('index 2');
    expect(cluster.outcomeOf(third)).toBe('index 2');
  });

  it('shares one round with those of its step', () => {
    const cluster = led();
    cluster.step(1, [
      { type: 'read', ticket: 901 },
      { type: 'read', ticket: 902 },
    ]);
    expect(cluster.takeTrace()).toHaveLength(2);
    cluster.deliverAll();
    expect([901, 902].map((ticket) => cluster.outcomeOf(ticket))).toEqual(['index 1', 'index 1']);
  });

  it('answers count for the same round only: round numbers are never reused in a ballot', () => {
    const cluster = led();
    cluster.read(1);
    cluster.deliverAll();
    const ticket = cluster.read(1);
    checked(cluster, 2, 1);
    checked(cluster, 2, 3);
    expect(cluster.outcomeOf(ticket)).toBeUndefined();
    checked(cluster, 2, 2);
    expect(cluster.outcomeOf(ticket)).toBe('index 1');
  });

  it('answers count for the same ballot only', () => {
    const cluster = led();
    const ticket = cluster.read(1);
    checked(cluster, 2, 1, ballot(1, 2));
    checked(cluster, 2, 1, ballot(0, 1));
    expect(cluster.outcomeOf(ticket)).toBeUndefined();
  });

  it('a repeated answer counts once', () => {
    const cluster = led([1, 2, 3, 4, 5]);
    const ticket = cluster.read(1);
    for (let i = 0; i < 3; i += 1) checked(cluster, 2, 1);
    expect(cluster.outcomeOf(ticket)).toBeUndefined();
    checked(cluster, 3, 1);
    expect(cluster.outcomeOf(ticket)).toBe('index 1');
  });

  it('a lost check is repeated in the next heartbeat round, to those who did not answer', () => {
    const cluster = led([1, 2, 3, 4, 5]);
    const ticket = cluster.read(1);
    cluster.deliver({ to: 2 });
    cluster.deliver({ from: 2 });
    cluster.packets = [];
    cluster.takeTrace();
    cluster.round([1]);
    expect(cluster.takeTrace()).toEqual([3, 4, 5].map((id) => `n1->n${id} read-check 1.n1 #1`));
    cluster.deliverAll();
    expect(cluster.outcomeOf(ticket)).toBe('index 1');
  });

  it('a member that promised a higher ballot does not confirm', () => {
    const replica = new Lone(2, members, { promised: ballot(9, 3), accepted: ballot(8, 1), log: 'a' });
    expect(replica.receive(1, { type: 'read-check', ballot: ballot(8, 1), round: 1 })).toEqual([]);
    expect(replica.receive(3, { type: 'read-check', ballot: ballot(9, 3), round: 1 })).toEqual([
      'n3 read-checked 9.n3 #1',
    ]);
  });

  it('a deposed leader that does not know it serves none', () => {
    const cluster = led();
    cluster.cut(1, 2);
    cluster.cut(1, 3);
    cluster.elect(2);
    cluster.propose(2, 'b');
    cluster.deliverAll();
    expect(cluster.replica(1).leading).toBe(true);
    const ticket = cluster.read(1);
    cluster.heal();
    cluster.step(1, [{ type: 'heartbeat-round', replies: new Map([2, 3].map((id) => [id, heartbeat()])) }]);
    cluster.deliver({ type: 'read-check' });
    expect(cluster.packets.filter(({ message }) => message.type === 'read-checked')).toEqual([]);
    expect(cluster.outcomeOf(ticket)).toBeUndefined();
    cluster.rounds(1);
    expect(cluster.outcomeOf(ticket)).toMatch(/^(not-leader|no-quorum)$/);
  });

  it('reads of a round and those that wait for it are refused when the leader steps down', () => {
    const cluster = led();
    const tickets = [cluster.read(1), cluster.read(1)];
    cluster.campaign(2);
    cluster.deliverAll();
    expect(tickets.map((ticket) => cluster.outcomeOf(ticket))).toEqual(['not-leader', 'not-leader']);
  });

  it('a single member serves at once', () => {
    const cluster = new Cluster([1]);
    cluster.elect(1);
    cluster.propose(1, 'a');
    expect(cluster.outcomeOf(cluster.read(1))).toBe('index 1');
  });
});

describe('no read before every inherited entry is decided', () => {
  it('an entry that the earlier leader acknowledged may not be known as decided yet', () => {
    const leader = new Lone(1, members, { accepted: ballot(5, 3), log: 'a' });
    leader.round();
    const promise = {
      acceptedBallot: ballot(5, 3),
      logLength: 2,
      decidedIndex: 0,
      suffixFrom: 1,
      suffix: entries('b'),
    };
    leader.receive(2, { type: 'promise', ballot: leader.replica.leaderBallot, ...promise });
    expect(leader.log).toBe('| a b');
    const index = () => leader.effects?.reads;
    expect(leader.step({ type: 'read', ticket: 1 })).toEqual([]);
    leader.written();
    leader.receive(2, { type: 'accepted', ballot: leader.replica.leaderBallot, acceptedIndex: 1 });
    expect(leader.log).toBe('a | b');
    leader.receive(2, { type: 'read-checked', ballot: leader.replica.leaderBallot, round: 1 });
    leader.receive(3, { type: 'read-checked', ballot: leader.replica.leaderBallot, round: 1 });
    expect(index()).toEqual([]);
    expect(leader.receive(2, { type: 'accepted', ballot: leader.replica.leaderBallot, acceptedIndex: 2 })).toEqual([
      'n2 decide 6.n1 2',
      'n2 read-check 6.n1 #1',
      'n3 read-check 6.n1 #1',
    ]);
    leader.receive(2, { type: 'read-checked', ballot: leader.replica.leaderBallot, round: 1 });
    expect(index()).toEqual([{ ticket: 1, index: 2 }]);
  });

  it('entries of its own round need not be decided', () => {
    const cluster = led();
    cluster.propose(1, 'b');
    cluster.drop();
    const ticket = cluster.read(1);
    cluster.deliver({ type: 'read-check' });
    cluster.deliver({ type: 'read-checked' });
    expect(cluster.outcomeOf(ticket)).toBe('index 1');
  });

  it('nor while preparing', () => {
    const cluster = led();
    cluster.campaign(2);
    expect(cluster.outcomeOf(cluster.read(2))).toBe('not-leader');
  });
});
