/** The eventually perfect failure detector: Cachin, Guerraoui and Rodrigues, section 2.6.4, "increasing timeout". */
import { describe, expect, it } from 'vitest';
import { FailureDetector } from '../src/failure-detector.ts';

const options = { delayMs: 100, delayStepMs: 50, delayMsMax: 220, calmRounds: 3, silentRoundsMax: 1 };
const peers = [4, 40, 7];

function detector(): FailureDetector {
  return new FailureDetector(peers, options);
}

/** One round in which these peers answer in time. */
function round(fd: FailureDetector, ...answering: number[]): readonly number[] {
  const { round: number } = fd.startRound();
  for (const peer of answering) fd.onReply(peer, number);
  return fd.endRound().suspected;
}

/** One round in which all answer but 7, whose answer comes in the next round. Returns the delay after that. */
function lateRound(fd: FailureDetector): number {
  const { round: number } = fd.startRound();
  for (const peer of [4, 40]) fd.onReply(peer, number);
  fd.endRound();
  fd.startRound();
  fd.onReply(7, number);
  return fd.delayMs;
}

describe('the failure detector', () => {
  it('asks every peer once a round, with the number of the round', () => {
    const fd = detector();
    expect(fd.startRound()).toEqual({ round: 1, ask: peers });
    fd.endRound();
    expect(fd.startRound()).toEqual({ round: 2, ask: peers });
  });

  it('suspects who did not answer in the round, and says so once', () => {
    const fd = detector();
    expect(round(fd, 4, 40)).toEqual([7]);
    expect([...fd.suspects]).toEqual([7]);
    expect(round(fd, 4, 40)).toEqual([]);
    expect(round(fd, 4)).toEqual([40]);
    expect([...fd.suspects]).toEqual([7, 40]);
  });

  it('tells who is alive in this round', () => {
    const fd = detector();
    const { round: number } = fd.startRound();
    expect(fd.onReply(40, number)).toBe(false);
    expect([...fd.endRound().alive]).toEqual([40]);
    fd.startRound();
    expect([...fd.endRound().alive]).toEqual([]);
  });

  it('with a longer election timeout suspects only who has been silent for so many rounds', () => {
    const fd = new FailureDetector(peers, { ...options, silentRoundsMax: 3 });
    expect(round(fd, 4, 40, 7)).toEqual([]);
    expect(round(fd, 4, 40)).toEqual([]);
    expect(round(fd, 4, 40)).toEqual([]);
    expect(round(fd, 4)).toEqual([7]);
    expect(round(fd, 4, 40)).toEqual([]);
  });

  it('forgets who is no peer any more', () => {
    const fd = detector();
    round(fd, 4);
    expect([...fd.suspects].sort()).toEqual([40, 7].sort());
    fd.setPeers([4, 7]);
    expect([...fd.suspects]).toEqual([7]);
    expect(fd.knows(40)).toBe(false);
    expect(round(fd, 4, 40)).toEqual([]);
  });

  it('restores who answers again, and does not take an absence for a short delay', () => {
    const fd = detector();
    round(fd, 4, 40);
    const { round: number } = fd.startRound();
    expect(fd.onReply(7, number)).toBe(true);
    expect(fd.suspects.size).toBe(0);
    expect(fd.delayMs).toBe(100);
    expect(fd.endRound().suspected).toEqual([4, 40]);
  });

  it('restores who answers late, and then lengthens the delay', () => {
    const fd = detector();
    expect(lateRound(fd)).toBe(150);
    expect(fd.suspects.size).toBe(0);
  });

  it('a late answer is no answer to the present round', () => {
    const fd = detector();
    lateRound(fd);
    const { alive, suspected } = fd.endRound();
    expect(alive.has(7)).toBe(false);
    expect(suspected).toContain(7);
  });

  it('a late answer of a peer that is not suspected changes nothing', () => {
    const fd = detector();
    round(fd, ...peers);
    fd.startRound();
    expect(fd.onReply(4, 1)).toBe(false);
    expect(fd.delayMs).toBe(100);
  });

  it('the delay is bounded', () => {
    const fd = detector();
    expect([1, 2, 3, 4, 5].map(() => lateRound(fd))).toEqual([150, 200, 220, 220, 220]);
  });

  it('shrinks slowly when calm, never below its start', () => {
    const fd = detector();
    for (let i = 0; i < 3; i += 1) lateRound(fd);
    const delays = Array.from({ length: 12 }, () => {
      round(fd, ...peers);
      return fd.delayMs;
    });
    expect(delays).toEqual([220, 220, 170, 170, 170, 120, 120, 120, 100, 100, 100, 100]);
  });

  it('a false suspicion ends the calm', () => {
    const fd = detector();
    lateRound(fd);
    fd.endRound();
    expect(lateRound(fd)).toBe(200);
    fd.endRound();
    round(fd, ...peers);
    expect(fd.delayMs).toBe(200);
    round(fd, ...peers);
    expect(fd.delayMs).toBe(150);
  });

  it('is eventually accurate: with answers that take 180 ms the suspicions end', () => {
    const fd = detector();
    let falseSuspicions = 0;
    let late: number | undefined;
    for (let i = 0; i < 60; i += 1) {
      const { round: number } = fd.startRound();
      if (late !== undefined) fd.onReply(7, late);
      late = undefined;
      for (const peer of [4, 40]) fd.onReply(peer, number);
      if (fd.delayMs >= 180) fd.onReply(7, number);
      else late = number;
      falseSuspicions += fd.endRound().suspected.length;
    }
    // Each time the delay has shrunk below 180 ms it takes one suspicion to lengthen it again.
    expect(falseSuspicions).toBeLessThanOrEqual(60 / (options.calmRounds + 1) + 2);
    expect(fd.delayMs).toBeGreaterThanOrEqual(150);
  });

  it('is complete: who crashed stays suspected', () => {
    const fd = detector();
    for (let i = 0; i < 20; i += 1) round(fd, 4, 40);
    expect([...fd.suspects]).toEqual([7]);
    expect(fd.delayMs).toBe(100);
  });
});
