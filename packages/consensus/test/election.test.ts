/** Ballot leader election: Ng, Haridi and Carbone (EuroSys 2023), section 5. */
import type { NodeId } from '@kvorum/common';
import { describe, expect, it } from 'vitest';
import type { Ballot } from '../src/sequence-paxos/ballot.ts';
import { compareBallots, maxBallot, sameBallot, ZERO_BALLOT } from '../src/sequence-paxos/ballot.ts';
import { formatTerm } from '../src/replicated-log.ts';
import { LeaderElection } from '../src/sequence-paxos/leader-election.ts';
import { majorityOf } from '../src/quorum.ts';
import type { GroupHeartbeat } from '../src/sequence-paxos/types.ts';
import { Cluster } from './cluster.ts';
import { ballot, heartbeat } from './lone.ts';

function answers(...list: [NodeId, Partial<GroupHeartbeat>][]): Map<NodeId, GroupHeartbeat> {
  return new Map(list.map(([id, changes]) => [id, heartbeat(changes)]));
}

/** The preferred member of three or five, which is the first to move. */
function first(members = 3, promised: Ballot = ZERO_BALLOT): LeaderElection {
  return new LeaderElection(1, members, members, promised);
}

function leads(leader: Ballot, happy = true): Partial<GroupHeartbeat> {
  return { ballot: leader, leaderBallot: leader, happy };
}

describe('ballots', () => {
  it('are ordered by number, then priority, then node', () => {
    const sorted: Ballot[] = [
      ZERO_BALLOT,
      { number: 1, priority: 0, node: 9 },
      { number: 1, priority: 2, node: 1 },
      { number: 1, priority: 2, node: 3 },
      { number: 2, priority: 0, node: 1 },
    ];
    sorted.forEach((a, i) => {
      sorted.forEach((b, j) => expect(Math.sign(compareBallots(a, b))).toBe(Math.sign(i - j)));
      expect(sameBallot(a, { ...a })).toBe(true);
    });
    expect(maxBallot(sorted[1] as Ballot, sorted[2] as Ballot)).toBe(sorted[2]);
    expect(formatTerm(ballot(7, 2))).toBe('7.n2');
  });

  it('a majority is more than half', () => {
    expect([1, 2, 3, 4, 5, 6].map(majorityOf)).toEqual([1, 2, 2, 3, 3, 4]);
  });
});

describe('only a quorum-connected node may lead', () => {
  it('a node that sees a minority does not raise its ballot', () => {
    const election = first(5);
    for (let i = 0; i < 10; i += 1) election.onHeartbeatRound(answers([2, {}]));
    expect(election.ownBallot.number).toBe(0);
    election.onHeartbeatRound(answers([2, {}], [3, {}]));
    expect(election.elected).toBe(true);
  });

  it('a leader that loses its majority is no longer happy', () => {
    const election = first(5);
    election.onHeartbeatRound(answers([2, {}], [3, {}]));
    election.onHeartbeatRound(answers([2, {}], [3, {}]));
    expect(election.happy).toBe(true);
    election.onHeartbeatRound(answers([2, {}]));
    expect(election.happy).toBe(false);
  });

  it('a leader whose majority follows a higher one that it never meets yields to that one, and stands again once that is gone', () => {
    const election = first(3);
    election.onHeartbeatRound(answers([2, {}], [3, {}]));
    const higher = ballot(5, 3);
    election.onHeartbeatRound(answers([2, { leaderBallot: higher, happy: true }]));
    expect([election.elected, election.happy, election.leaderBallot]).toEqual([false, false, higher]);
    election.onHeartbeatRound(answers([2, { leaderBallot: higher, happy: true }]));
    expect([election.elected, election.ownBallot.number]).toEqual([false, 1]);
    election.onHeartbeatRound(answers([2, { leaderBallot: higher, happy: false }]));
    expect(election.ownBallot.number).toBe(6);
  });
});

describe('who no longer sees a quorum-connected leader raises its own ballot', () => {
  const leader = ballot(4, 2);

  it('not while the leader says that it is happy', () => {
    const election = first();
    for (let i = 0; i < 10; i += 1)
      election.onHeartbeatRound(answers([2, leads(leader)], [3, { leaderBallot: leader }]));
    expect(election.leaderBallot).toEqual(leader);
    expect(election.happy).toBe(true);
    expect(election.elected).toBe(false);
  });

  it('when the leader says that it is not: above the ballot of that leader', () => {
    const election = first();
    election.onHeartbeatRound(answers([2, leads(leader)], [3, { leaderBallot: leader }]));
    election.onHeartbeatRound(answers([2, leads(leader, false)], [3, { leaderBallot: leader }]));
    expect(election.elected).toBe(true);
    expect(election.ownBallot).toEqual({ number: 5, priority: 3, node: 1 });
  });

  it('when the leader does not answer', () => {
    const election = first();
    election.onHeartbeatRound(answers([2, leads(leader)], [3, { leaderBallot: leader }]));
    election.onHeartbeatRound(answers([3, { leaderBallot: leader }]));
    expect(election.elected).toBe(true);
  });

  it('not while a neighbour is happy: it sees a leader that this node does not', () => {
    const election = first();
    for (let i = 0; i < 10; i += 1) election.onHeartbeatRound(answers([3, { leaderBallot: leader, happy: true }]));
    expect(election.happy).toBe(false);
    expect(election.elected).toBe(false);
    expect(election.ownBallot.number).toBe(0);
  });

  it('a leader of a lower ballot than one that it knows is not followed', () => {
    const election = first(3, ballot(9, 3));
    election.onHeartbeatRound(answers([2, leads(leader, false)], [3, {}]));
    expect(election.leaderBallot.number).toBe(10);
    const follower = first(3, ballot(9, 3));
    follower.onHeartbeatRound(answers([2, leads(leader)]));
    expect(follower.leaderBallot).toEqual(ballot(9, 3));
  });

  it('the leader that is known only grows', () => {
    const election = first();
    election.onPromised(ballot(7, 3));
    election.onPromised(ballot(3, 2));
    expect(election.leaderBallot).toEqual(ballot(7, 3));
    election.onHeartbeatRound(answers([2, leads(leader)], [3, leads(ballot(7, 3))]));
    expect(election.leaderBallot).toEqual(ballot(7, 3));
  });
});

describe('priority', () => {
  it('only breaks ties: among equal numbers the preferred member wins', () => {
    for (const ids of [
      [1, 2, 3],
      [3, 1, 2],
      [9, 4, 7, 1, 30],
    ]) {
      const cluster = new Cluster(ids);
      cluster.rounds(2 + ids.length);
      expect(cluster.leaders()).toEqual([ids[0]]);
      cluster.rounds(10);
      expect(cluster.replica(ids[0] as NodeId).leaderBallot.number).toBe(1);
    }
  });

  it('a higher number wins over a higher priority, and stays when the preferred member is back', () => {
    const cluster = new Cluster([1, 2, 3]);
    cluster.crash(1);
    cluster.rounds(6);
    expect(cluster.leaders()).toEqual([2]);
    cluster.restart(1);
    cluster.rounds(10);
    expect(cluster.leaders()).toEqual([2]);
  });
});

it('a healthy leader is never replaced', () => {
  const cluster = new Cluster([1, 2, 3, 4, 5]);
  cluster.rounds(8);
  const events = cluster.events.length;
  cluster.rounds(50);
  expect(cluster.events.slice(events)).toEqual([]);
});
