import { describe, expect, it } from 'vitest';
import { operationComplaint } from '../../src/checkers/index.ts';

const put = {
  name: 'put of k',
  timeoutMs: 200,
  tookMs: 100,
  stoodStillMs: 0,
  sent: 2,
  sharers: 1,
  tooLarge: false,
  isRead: false,
  error: undefined,
};
const error = (code: string, outcome: string): Parameters<typeof operationComplaint>[0]['error'] =>
  ({ code, outcome, message: 'why' }) as Parameters<typeof operationComplaint>[0]['error'];

describe('an operation', () => {
  it.each([
    ['is answered in time', put],
    ['is answered in its last sweep', { ...put, tookMs: 249 }],
    ['of a client that stood still is answered when that goes on', { ...put, tookMs: 3000, stoodStillMs: 2900 }],
    ['is given up at its deadline', { ...put, tookMs: 201, error: error('unavailable', 'not-applied') }],
    ['is given up at its deadline while it is under way', { ...put, tookMs: 220, error: error('timeout', 'unknown') }],
    ['is asked for again after pauses', { ...put, sent: 20 }],
    ['shares its client with others', { ...put, sent: 60, sharers: 2 }],
    ['is refused as too large', { ...put, tooLarge: true, error: error('too-large', 'not-applied') }],
    ['loses its session', { ...put, tookMs: 20, error: error('outcome-unknown', 'unknown') }],
  ])('%s', (_what, operation) => {
    expect(operationComplaint(operation)).toBeUndefined();
  });

  it.each([
    ['answered long after its deadline', { ...put, tookMs: 251 }, /ended after 251\.0 ms, its time is 200 ms/],
    [
      'ended long after its deadline, though the client stood still for some of it',
      { ...put, tookMs: 3000, stoodStillMs: 2000, error: error('timeout', 'unknown') },
      /ended after 3000/,
    ],
    ['asked for again and again', { ...put, sent: 80, sharers: 2 }, /took 80 requests, of 2 operations, in 100.0 ms/],
    ['taken though it is too large', { ...put, tooLarge: true }, /was taken, though/],
    ['refused as too large, which it is not', { ...put, error: error('too-large', 'not-applied') }, /too-large, which/],
    [
      'a read that ended with an unknown outcome',
      { ...put, isRead: true, error: error('outcome-unknown', 'unknown') },
      /which a read has not/,
    ],
    ['given up early', { ...put, error: error('unavailable', 'not-applied') }, /given up after 100.0 ms.*: why/],
    ['told what only the client is to know', { ...put, error: error('wrong-group', 'not-applied') }, /wrong-group/],
    ['told that the node is busy', { ...put, tookMs: 201, error: error('busy', 'not-applied') }, /no caller is to see/],
    ['unavailable, and unknown', { ...put, tookMs: 201, error: error('unavailable', 'unknown') }, /outcome unknown/],
    ['timed out, and not applied', { ...put, tookMs: 201, error: error('timeout', 'not-applied') }, /not-applied/],
  ])('%s is complained of', (_what, operation, complaint) => {
    expect(operationComplaint(operation)).toMatch(complaint);
  });
});
