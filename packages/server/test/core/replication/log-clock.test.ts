import { defaultTimings } from '@kvorum/common';
import { Noise } from '@kvorum/testing';
import { describe, expect, it } from 'vitest';
import { LogClock } from '../../../src/core/replication/log-clock.ts';

/** Longer between two turns is an outage. */
const STOOD_STILL_MS = 2 * defaultTimings.suspicionFactorMax * defaultTimings.heartbeatRoundMs;

/** A replica's clock, with a turn each so many milliseconds of real time. */
class Member {
  nowMs: number;
  readonly clock: LogClock;

  constructor(nowMs = 1000) {
    this.nowMs = nowMs;
    this.clock = new LogClock(defaultTimings, nowMs);
  }

  /** Turns go on; `serves` is what each of them ends with. */
  pass(ms: number, serves: boolean, stepMs = 50): this {
    const endMs = this.nowMs + ms;
    while (this.nowMs < endMs) {
      this.nowMs = Math.min(endMs, this.nowMs + stepMs);
      this.turn(serves);
    }
    return this;
  }

  turn(serves: boolean): this {
    this.clock.onTurn(this.nowMs);
    this.clock.onTurnEnd(serves);
    return this;
  }

  take(): [elapsedMs: number, outageMs: number] {
    this.clock.onTurn(this.nowMs);
    const { elapsedMs, outageMs } = this.clock.take(this.nowMs);
    return [elapsedMs, outageMs];
  }
}

describe('the time between two entries', () => {
  it('is what has passed since the last one that was taken', () => {
    const member = new Member().turn(true).pass(300, true);
    expect(member.take()).toEqual([300, 0]);
    expect(member.take()).toEqual([0, 0]);
    member.turn(true).pass(70, true);
    expect(member.take()).toEqual([70, 0]);
  });

  it('is counted from the start of the replica on: what was before it nobody knows', () => {
    expect(new Member(5_000_000).turn(true).pass(100, true).take()).toEqual([100, 0]);
  });

  it('is whole milliseconds, and a fraction is kept for the next one', () => {
    const member = new Member(0).turn(true);
    let sum = 0;
    for (let entry = 1; entry <= 1000; entry += 1) {
      member.nowMs = entry * 0.7;
      const [elapsedMs] = member.take();
      expect(Number.isInteger(elapsedMs)).toBe(true);
      sum += elapsedMs;
      member.clock.onTurnEnd(true);
    }
    expect(sum).toBe(700);
  });

  it('begins anew when entries of another proposer come in', () => {
    const member = new Member().turn(true).pass(400, true);
    member.clock.onReceived(member.nowMs);
    expect(member.take()).toEqual([0, 0]);
    member.turn(true).pass(30, true);
    expect(member.take()).toEqual([30, 0]);
  });

  it('never goes back, even if the clock does', () => {
    const member = new Member().turn(true).pass(100, true);
    member.nowMs -= 500;
    expect(member.take()).toEqual([100 - 100, 0]);
    member.nowMs += 400;
    expect(member.take()[0]).toBe(0);
  });
});

describe('an outage', () => {
  it('is the time in which no majority was reached', () => {
    const member = new Member().turn(true).pass(100, true).turn(false).pass(500, false).turn(true).pass(200, true);
    expect(member.take()).toEqual([800, 500]);
  });

  it('is over once it was told: the next entry has none of it', () => {
    const member = new Member().turn(false).pass(500, false);
    expect(member.take()).toEqual([500, 500]);
    member.turn(true).pass(100, true);
    expect(member.take()).toEqual([100, 0]);
  });

  it('is the time until the first majority after a start', () => {
    expect(new Member().pass(300, false).turn(true).pass(100, true).take()).toEqual([400, 300]);
  });

  it('is also the time in which a leader was not scheduled, as a whole', () => {
    const member = new Member().turn(true);
    member.nowMs += STOOD_STILL_MS + 1;
    expect(member.take()).toEqual([STOOD_STILL_MS + 1, STOOD_STILL_MS + 1]);
  });

  it('is not a pause such as heartbeat rounds have', () => {
    const member = new Member().turn(true);
    member.nowMs += STOOD_STILL_MS;
    expect(member.take()).toEqual([STOOD_STILL_MS, 0]);
  });

  it('before entries of another proposer came in is theirs to tell', () => {
    const member = new Member().pass(500, false);
    member.clock.onReceived(member.nowMs);
    member.turn(true).pass(100, true);
    expect(member.take()).toEqual([100, 0]);
  });

  it('is never more than the time itself', () => {
    const noise = new Noise(23);
    const member = new Member(0);
    for (let step = 0; step < 5000; step += 1) {
      member.nowMs += noise.below(100) / 7;
      const [elapsedMs, outageMs] = noise.below(3) === 0 ? member.take() : [0, 0];
      expect(outageMs).toBeLessThanOrEqual(elapsedMs);
      member.turn(noise.below(2) === 0);
    }
  });
});

it('the sum of all entries never runs ahead of real time, whoever proposes, and whatever clocks the members have', () => {
  for (let seed = 1; seed <= 30; seed += 1) {
    const noise = new Noise(seed);
    const offsets = [0, 1_000_000, 77.5];
    let realMs = 0;
    const members = offsets.map((offset) => new LogClock(defaultTimings, offset));
    let logMs = 0;
    for (let step = 0; step < 400; step += 1) {
      realMs += noise.below(2000) / 10;
      const place = noise.below(3);
      const leader = members[place] as LogClock;
      leader.onTurn(realMs + (offsets[place] as number));
      logMs += leader.take(realMs + (offsets[place] as number)).elapsedMs;
      leader.onTurnEnd(true);
      // It is received later than it was made.
      realMs += noise.below(300) / 10;
      for (const [other, clock] of members.entries()) {
        if (other !== place) clock.onReceived(realMs + (offsets[other] as number));
      }
      expect(logMs).toBeLessThanOrEqual(realMs);
    }
    expect(logMs).toBeGreaterThan(realMs / 4);
  }
});
