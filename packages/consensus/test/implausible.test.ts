/**
 * Numbers of peers are bounded before they are stored: one message with a ballot near 2^53 once made a promise that nobody could
 * read again, and destroyed the cluster.
 */
import { decodeAll, DecodeError, Writer } from '@kvorum/common';
import { describe, expect, it } from 'vitest';
import type { Ballot } from '../src/index.ts';
import { BALLOT_NUMBER_MAX, sequencePaxosCodec } from '../src/index.ts';
import { LeaderElection } from '../src/sequence-paxos/leader-election.ts';
import { ballot, heartbeat, Lone } from './lone.ts';

const members = [1, 2, 3];
const far = ballot(BALLOT_NUMBER_MAX, 3);
const near = ballot(2 ** 32, 3);
const emptyLog = { acceptedBallot: ballot(0, 0), logLength: 0, suffixFrom: 0 };

describe('a ballot far above all that is known', () => {
  it('is not promised, and told', () => {
    const replica = new Lone(2, members);
    expect(replica.receive(3, { type: 'prepare', ballot: far, ...emptyLog })).toEqual([]);
    expect(replica.effects?.persist).toBeUndefined();
    expect(replica.events).toContain('implausible');
    expect(replica.replica.promisedBallot.number).toBe(0);
    // Nothing is lost by it: a true candidate is promised to.
    expect(replica.receive(3, { type: 'prepare', ballot: near, ...emptyLog })).toHaveLength(1);
  });

  it('is not stood against, whether a heartbeat or its news names it', () => {
    const replica = new Lone(1, members);
    replica.step({
      type: 'heartbeat-news',
      from: 3,
      heartbeat: heartbeat({ ballot: far, leaderBallot: far, happy: true }),
    });
    expect(replica.events).toContain('implausible');
    replica.round(new Map([[3, heartbeat({ leaderBallot: far })]]));
    expect(replica.events).toContain('implausible');
    replica.round();
    expect(replica.replica.leaderBallot).toMatchObject({ number: 1, node: 1 });
  });

  it('makes a snapshot one that is not taken', () => {
    const { replica } = new Lone(2, members);
    expect(replica.isPlausible(far)).toBe(false);
    expect(replica.isPlausible(near)).toBe(true);
  });
});

describe('the last number there is', () => {
  it('is never gone beyond', () => {
    const election = new LeaderElection(1, 3, 3, ballot(BALLOT_NUMBER_MAX, 2));
    for (let round = 0; round < 10; round += 1) {
      election.onHeartbeatRound(new Map([2, 3].map((peer) => [peer, heartbeat()])));
    }
    expect(election.elected).toBe(false);
    expect(election.ownBallot.number).toBe(0);
  });

  it('is what the codec reads, and what it writes', () => {
    const encode = (proof: Ballot): Uint8Array => {
      const writer = new Writer();
      sequencePaxosCodec.writeProof(writer, proof);
      return writer.finish();
    };
    const read = (bytes: Uint8Array): Ballot => decodeAll(bytes, (reader) => sequencePaxosCodec.readProof(reader));
    expect(read(encode(far))).toEqual(far);
    expect(() => encode(ballot(BALLOT_NUMBER_MAX + 1, 3))).toThrow(RangeError);
    expect(() =>
      read(
        new Writer()
          .uint(BALLOT_NUMBER_MAX + 1)
          .uint(0)
          .uint(3)
          .finish(),
      ),
    ).toThrow(DecodeError);
  });
});
