import { describe, expect, it } from 'vitest';
import { prepareKey } from '../../src/checkers/key-history.ts';
import { PendingCalls } from '../../src/checkers/pending-calls.ts';
import { get, put } from './calls.ts';

/** Operation 0 runs all the time; 1 to 79 run one after another; every fourth call is indeterminate and not listed. */
function longWindow(): PendingCalls {
  const calls = [get(0, [0, 1_000], undefined)];
  for (let at = 1; at < 80; at++) {
    calls.push(get(1, [at * 10, at * 10 + 5], undefined));
    if (at % 4 === 0) calls.push(put(at + 1, [at * 10, Infinity], 'a', 'unknown'));
  }
  return new PendingCalls(
    prepareKey(
      calls,
      calls.map((_, index) => index),
    ),
  );
}

describe('the pending calls', () => {
  it('offer as candidates what is called before the first return', () => {
    const pending = longWindow();
    expect(pending.candidates()).toEqual([0, 1]);
    pending.lift(1);
    expect(pending.candidates()).toEqual([0, 2]);
    pending.lift(0);
    expect(pending.candidates()).toEqual([2]);
    pending.unlift(0);
    pending.unlift(1);
    expect(pending.candidates()).toEqual([0, 1]);
  });

  it('tell the linearized set by the words from the first pending operation on', () => {
    const pending = longWindow();
    const words = () => [...pending.window(pending.barrier())];
    const hash = pending.hash;
    expect(words()).toEqual([0]);
    for (let operation = 1; operation <= 64; operation++) pending.lift(operation);
    expect(pending.first).toBe(0);
    expect(words()).toEqual([0xfffffffe, 0xffffffff, 1]);
    pending.lift(0);
    expect(pending.first).toBe(65);
    expect(words()).toEqual([1]);
    pending.unlift(0);
    for (let operation = 64; operation >= 1; operation--) pending.unlift(operation);
    expect(words()).toEqual([0]);
    expect(pending.hash).toBe(hash);
    expect(pending.size).toBe(80);
  });

  it('end empty when everything is linearized', () => {
    const pending = longWindow();
    for (let operation = 0; operation < 80; operation++) pending.lift(operation);
    expect(pending.size).toBe(0);
    expect(pending.head).toBe(0);
    expect(pending.candidates()).toEqual([]);
  });
});
