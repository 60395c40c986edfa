import type { NodeId, Timings } from '@kvorum/common';
import { settingsWith } from '@kvorum/common';
import { countingRandom, ListLogger, ManualClock } from '@kvorum/testing';
import { describe, expect, it } from 'vitest';
import type { HeartbeatHost } from '../../../src/core/membership/heartbeats.ts';
import { answersByGroup, Heartbeats } from '../../../src/core/membership/heartbeats.ts';
import type { PeerMessage } from '../../../src/core/index.ts';
import { b } from '../values.ts';

/** One for both, so that rounds without an answer are suspicions. */
const ROUND_MS = 100;

type Reply = Extract<PeerMessage, { type: 'heartbeat-reply' }>;

class Rig {
  readonly clock = new ManualClock();
  readonly logger = new ListLogger();
  readonly asked: { to: NodeId; round: number }[] = [];
  readonly rounds: ReadonlyMap<NodeId, Reply>[] = [];
  readonly beats: Heartbeats;

  constructor(timings: Partial<Timings> = {}) {
    const host: HeartbeatHost = {
      send: (to, message) => {
        if (message.type === 'heartbeat-request') this.asked.push({ to, round: message.round });
      },
      onHeartbeatRound: (answers) => this.rounds.push(answers),
    };
    const all = settingsWith({
      timings: { heartbeatRoundMs: ROUND_MS, electionTimeoutMs: ROUND_MS, ...timings },
    }).timings;
    this.beats = new Heartbeats(this.clock, this.logger, [2, 3], host, all);
    this.beats.start(countingRandom());
    this.clock.advance(ROUND_MS - 1);
    expect(this.asked).toHaveLength(2);
  }

  get round(): number {
    return this.asked.at(-1)?.round ?? 0;
  }

  #number = 0;

  answer(from: NodeId, part: Partial<Reply> = {}): void {
    this.beats.onReply(from, {
      type: 'heartbeat-reply',
      round: this.round,
      incarnation: 1,
      number: (this.#number += 1),
      epoch: 1,
      groups: [],
      ...part,
    });
  }
}

const beat = (group: number, number: number) => ({ group, body: b(`${number}`) });

describe('rounds', () => {
  it('ask every peer once, and hand over the answers that came in time', () => {
    const rig = new Rig();
    expect(rig.asked.map(({ to }) => to)).toEqual([2, 3]);
    rig.answer(2, { groups: [beat(1, 5)] });
    rig.clock.advance(ROUND_MS);
    expect(rig.rounds).toHaveLength(1);
    expect([...(rig.rounds[0]?.keys() ?? [])]).toEqual([2]);
    expect(rig.asked.map(({ round }) => round)).toEqual([1, 1, 2, 2]);
    expect([...rig.beats.suspects]).toEqual([3]);
    expect(rig.logger.lines).toEqual(['warn node n3 is suspected: no heartbeat for 100 ms']);
  });

  it('restore a peer that answers again', () => {
    const rig = new Rig();
    rig.clock.advance(ROUND_MS);
    expect(rig.beats.suspects.size).toBe(2);
    rig.answer(2);
    expect([...rig.beats.suspects]).toEqual([3]);
    expect(rig.logger.lines.at(-1)).toBe('info node n2 is back');
  });

  it('take news as part of the answer of this round, not as an answer', () => {
    const rig = new Rig();
    rig.answer(2, { groups: [beat(1, 5), beat(2, 6)] });
    rig.answer(2, { round: 0, groups: [beat(2, 9)] });
    rig.answer(3, { round: 0, groups: [beat(1, 9)] });
    rig.clock.advance(ROUND_MS);
    expect(rig.rounds[0]?.get(2)?.groups).toEqual([beat(1, 5), beat(2, 9)]);
    expect(rig.rounds[0]?.has(3)).toBe(false);
    expect([...rig.beats.suspects]).toEqual([3]);
  });

  // aimed-3, seed 113: a copy from before an election, a second late, made a member give up a leader that was well.
  it('take neither news nor a repeated answer that is older than what came before', () => {
    const rig = new Rig();
    rig.answer(2, { number: 8, groups: [beat(1, 5)] });
    rig.answer(2, { number: 7, round: 0, groups: [beat(1, 3)] });
    rig.answer(3, { number: 2, incarnation: 4, groups: [beat(1, 5)] });
    rig.answer(3, { number: 9, incarnation: 3, round: 0, groups: [beat(1, 3)] });
    rig.answer(3, { number: 4, incarnation: 4, round: 0, groups: [beat(1, 6)] });
    rig.answer(3, { number: 2, incarnation: 4, groups: [beat(1, 5)] });
    rig.clock.advance(ROUND_MS);
    expect(rig.rounds[0]?.get(2)?.groups).toEqual([beat(1, 5)]);
    expect(rig.rounds[0]?.get(3)?.groups).toEqual([beat(1, 6)]);
  });

  it('end after the answers that arrived while the node was busy have been taken in', () => {
    const rig = new Rig();
    rig.clock.standStill(2 * ROUND_MS, () => {
      rig.answer(2);
      rig.answer(3);
    });
    expect(rig.rounds).toHaveLength(1);
    expect(rig.rounds[0]?.size).toBe(2);
    expect(rig.beats.suspects.size).toBe(0);
  });

  it('remember how often a peer was started', () => {
    const rig = new Rig();
    expect(rig.beats.incarnationOf(2)).toBe(0);
    rig.answer(2, { incarnation: 4 });
    rig.answer(2, { incarnation: 3, round: 0 });
    expect(rig.beats.incarnationOf(2)).toBe(4);
  });
});

describe('a node that stood still', () => {
  it('judges nobody, and asks anew', () => {
    const rig = new Rig();
    rig.clock.standStill(3 * ROUND_MS + 100);
    expect(rig.rounds).toEqual([]);
    expect(rig.beats.suspects.size).toBe(0);
    expect(rig.asked.map(({ round }) => round)).toEqual([1, 1, 2, 2]);
    rig.answer(2);
    rig.clock.advance(ROUND_MS);
    expect([...rig.beats.suspects]).toEqual([3]);
  });

  it('for less than a few rounds judges as ever', () => {
    const rig = new Rig();
    rig.clock.standStill(2 * ROUND_MS);
    expect(rig.beats.suspects.size).toBe(2);
  });
});

describe('the peers', () => {
  it('can be others from the next round on; who is gone is neither asked nor suspected, nor its answer handed over', () => {
    const rig = new Rig();
    rig.answer(2, { groups: [beat(1, 5)] });
    rig.beats.setPeers([3, 4]);
    rig.clock.advance(ROUND_MS);
    expect([...(rig.rounds[0]?.keys() ?? [])]).toEqual([]);
    expect(rig.asked.slice(2).map(({ to }) => to)).toEqual([3, 4]);
    for (const peer of [2, 3, 4]) rig.answer(peer);
    rig.clock.advance(ROUND_MS);
    expect([...(rig.rounds[1]?.keys() ?? [])]).toEqual([3, 4]);
    expect(rig.beats.suspects.size).toBe(0);
  });

  it('are suspected after the election timeout, however many rounds that has', () => {
    const rig = new Rig({ electionTimeoutMs: 5 * ROUND_MS });
    for (let round = 0; round < 4; round += 1) {
      rig.answer(3);
      rig.clock.advance(ROUND_MS);
      expect([...rig.beats.suspects]).toEqual([]);
    }
    rig.answer(3);
    rig.clock.advance(ROUND_MS);
    expect([...rig.beats.suspects]).toEqual([2]);
    expect(rig.logger.lines).toEqual(['warn node n2 is suspected: no heartbeat for 500 ms']);
  });
});

it('a stopped node asks no more', () => {
  const rig = new Rig();
  rig.beats.stop();
  rig.clock.advance(10 * ROUND_MS);
  expect(rig.asked).toHaveLength(2);
  expect(rig.rounds).toEqual([]);
});

it('answers are told apart by group', () => {
  const answers = new Map([
    [
      2,
      {
        type: 'heartbeat-reply' as const,
        round: 1,
        incarnation: 1,
        number: 1,
        epoch: 1,
        groups: [beat(1, 5), beat(4, 6)],
      },
    ],
    [3, { type: 'heartbeat-reply' as const, round: 1, incarnation: 1, number: 1, epoch: 1, groups: [beat(4, 7)] }],
  ]);
  const byGroup = answersByGroup(answers);
  expect([...byGroup.keys()]).toEqual([1, 4]);
  expect([...(byGroup.get(4) ?? [])]).toEqual([
    [2, b('6')],
    [3, b('7')],
  ]);
});
