/** Rules 11, 13, 14 and 16: definite refusals, sparse ids, small groups, stop-signs. */
import { describe, expect, it } from 'vitest';
import { InvariantViolation } from '../src/invariant.ts';
import { SequencePaxos } from '../src/sequence-paxos/sequence-paxos.ts';
import { Cluster, stopSign } from './cluster.ts';
import { defaultLogLimits } from '../src/sequence-paxos/role.ts';
import { ballot, entries, heartbeat, Lone } from './lone.ts';

const members = [1, 2, 3];

describe('rule 11: a proposal or read that cannot be taken is refused at once and for good', () => {
  it('not-leader: before the first leader, on a follower, while preparing, after a step-down', () => {
    const cluster = new Cluster(members);
    const refused = (id: number) => {
      expect(cluster.propose(id, 'x')).toMatchObject([{ refusal: 'not-leader' }]);
      expect(cluster.outcomeOf(cluster.read(id))).toBe('not-leader');
    };
    refused(1);
    cluster.campaign(1);
    refused(1);
    cluster.deliverAll();
    refused(2);
    cluster.elect(2);
    refused(1);
    expect(cluster.chosen.length).toBe(0);
    cluster.propose(2, 'a');
    cluster.deliverAll();
    expect(cluster.log(1)).toBe('a |');
  });

  it('no-quorum: a leader that did not hear a majority in its last round', () => {
    const cluster = new Cluster(members);
    cluster.elect(1);
    cluster.cut(1, 2);
    cluster.cut(1, 3);
    cluster.round([1]);
    expect(cluster.propose(1, 'x')).toMatchObject([{ refusal: 'no-quorum' }]);
    expect(cluster.outcomeOf(cluster.read(1))).toBe('no-quorum');
    expect(cluster.log(1)).toBe('|');
  });

  it('stopped: nothing follows a stop-sign', () => {
    const cluster = new Cluster([1]);
    cluster.elect(1);
    expect(cluster.propose(1, 'a', stopSign('next'), 'b')).toMatchObject([
      { index: 0 },
      { index: 1 },
      { refusal: 'stopped' },
    ]);
    expect(cluster.log(1)).toBe('a !next |');
    expect(cluster.propose(1, stopSign('other'))).toMatchObject([{ refusal: 'stopped' }]);
  });

  it('every proposal of a step has its outcome in that step, in order', () => {
    const cluster = new Cluster(members);
    cluster.elect(1);
    expect(cluster.propose(1, 'a', 'b', 'c').map((outcome) => 'index' in outcome && outcome.index)).toEqual([0, 1, 2]);
  });
});

describe('rule 13: member ids are sparse', () => {
  it('any ids in any order work', () => {
    const cluster = new Cluster([4000, 7, 123_456_789]);
    cluster.rounds(2);
    expect(cluster.leaders()).toEqual([4000]);
    cluster.propose(4000, 'a');
    cluster.deliverAll();
    cluster.rounds(1);
    expect(cluster.ids.map((id) => cluster.log(id))).toEqual(['a |', 'a |', 'a |']);
  });

  it('who is no member is not heard', () => {
    const replica = new Lone(2, members);
    const prepare = { acceptedBallot: ballot(0, 0), logLength: 0, suffixFrom: 0 };
    expect(replica.receive(9, { type: 'prepare', ballot: ballot(5, 9), ...prepare })).toEqual([]);
    expect(replica.effects?.persist).toBeUndefined();
  });

  it('a replica that is no member of its group does not start', () => {
    expect(() => new SequencePaxos({ self: 9, members, limits: defaultLogLimits })).toThrow(InvariantViolation);
  });
});

describe('rule 14: small groups', () => {
  it('one member decides alone, with its write', () => {
    const cluster = new Cluster([5], { autoPersist: false });
    cluster.round();
    expect(cluster.propose(5, 'a')).toMatchObject([{ index: 0 }]);
    expect(cluster.log(5)).toBe('| a');
    cluster.persistAll();
    expect(cluster.log(5)).toBe('a |');
    expect(cluster.trace).toEqual([]);
    cluster.restart(5);
    cluster.round();
    cluster.persistAll();
    expect(cluster.log(5)).toBe('a |');
  });

  it('two members need both', () => {
    const cluster = new Cluster([5, 3]);
    cluster.rounds(2);
    expect(cluster.leaders()).toEqual([5]);
    cluster.propose(5, 'a');
    cluster.crash(3);
    cluster.deliverAll();
    cluster.rounds(6);
    expect(cluster.log(5)).toBe('| a');
    expect(cluster.propose(5, 'b')).toMatchObject([{ refusal: 'no-quorum' }]);
    cluster.restart(3);
    cluster.rounds(5);
    expect(cluster.log(3)).toBe('a |');
  });
});

describe('rule 16: a stop-sign', () => {
  it('is decided like any entry, at the end of the log', () => {
    const cluster = new Cluster(members);
    cluster.elect(1);
    cluster.propose(1, 'a', stopSign('next'));
    cluster.deliverAll();
    expect(members.map((id) => cluster.log(id))).toEqual(['a !next |', 'a !next |', 'a !next |']);
  });

  it('that is not decided may be overwritten', () => {
    const cluster = new Cluster(members);
    cluster.elect(1);
    cluster.rounds(1);
    cluster.cut(1, 2);
    cluster.cut(1, 3);
    cluster.propose(1, stopSign('next'));
    cluster.elect(2);
    cluster.propose(2, 'a', 'b');
    cluster.deliverAll();
    cluster.heal();
    cluster.rounds(4);
    expect(cluster.log(1)).toBe('a b |');
    expect(cluster.propose(2, 'c')).toMatchObject([{ index: 2 }]);
  });

  it('that is adopted stops the next leader too', () => {
    const cluster = new Cluster(members);
    cluster.elect(1);
    cluster.propose(1, stopSign('next'));
    cluster.deliverAll();
    cluster.elect(2);
    expect(cluster.propose(2, 'a')).toMatchObject([{ refusal: 'stopped' }]);
  });
});

describe('roles', () => {
  it('a leader that sees a higher ballot in a heartbeat steps down', () => {
    const cluster = new Cluster(members);
    cluster.elect(1);
    const higher = ballot(9, 2);
    cluster.step(1, [
      {
        type: 'heartbeat-round',
        replies: new Map([[2, heartbeat({ ballot: higher, leaderBallot: higher, happy: true })]]),
      },
    ]);
    expect(cluster.leaders()).toEqual([]);
    expect(cluster.replica(1).leaderBallot).toEqual(higher);
    expect(cluster.events.slice(-2)).toEqual(['n1 stepped-down', 'n1 leader-changed']);
  });

  it('a leader that loses touch with the majority says so once, and refuses the reads that wait', () => {
    const cluster = new Cluster(members);
    cluster.elect(1);
    const ticket = cluster.read(1);
    cluster.cut(1, 2);
    cluster.cut(1, 3);
    cluster.events.length = 0;
    cluster.round([1]);
    cluster.round([1]);
    expect(cluster.events.filter((event) => event === 'n1 quorum-lost')).toHaveLength(1);
    expect(cluster.outcomeOf(ticket)).toBe('no-quorum');
    expect(cluster.replica(1).leading).toBe(true);
  });

  it('a change of its heartbeat is worth telling at once', () => {
    const replica = new Lone(1, members);
    replica.round(new Map());
    expect(replica.events).toEqual([]);
    replica.round();
    expect(replica.events).toContain('heartbeat-changed');
    replica.round();
    expect(replica.events).not.toContain('heartbeat-changed');
    replica.round(new Map());
    expect(replica.events).toContain('heartbeat-changed');
  });

  it('a deposed leader keeps its log until the next leader synchronizes it', () => {
    const leader = new Lone(1, [1]);
    leader.round();
    leader.propose('a b');
    leader.written();
    expect(leader.replica.entries(0, 2)).toEqual(entries('a b'));
    expect(() => leader.replica.entries(0, 3)).toThrow(RangeError);
  });
});
