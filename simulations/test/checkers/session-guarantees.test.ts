import { describe, expect, it } from 'vitest';
import { checkHistory, sessionComplaints, type Call } from '../../src/checkers/index.ts';
import { cas, casMismatch, casVersion, casVersionMismatch, get, lostGet, put, remove, type Interval } from './calls.ts';
import { drawFrom, falsified, randomHistory } from './random-history.ts';
import { report } from './report.ts';

const at = (start: number, length = 5): Interval => [start, start + length];

const BAD: Record<string, readonly [guarantee: string, calls: readonly Call[]]> = {
  'a read of an earlier version than written': [
    'read your writes: client 1 on key "k" saw version 1 (client 1 get -> "a" version 1 [20, 25]) ' +
      'after version 2 (client 1 put "b" -> version 2 [10, 15])',
    [put(2, at(0), 'a', 1), put(1, at(10), 'b', 2), get(1, at(20), 'a', 1)],
  ],
  'no value after a write': [
    'read your writes: client 1 on key "k" saw no value with no delete before it',
    [put(1, at(0), 'a', 1), get(1, at(10), undefined)],
  ],
  'no value after a write, with a delete only before the write': [
    'read your writes: client 1 on key "k" saw no value, as of version 2 at most',
    [put(2, at(0), 'x', 1), remove(2, at(10), 2), put(1, at(20), 'a', 3), get(1, at(30), undefined)],
  ],
  'no value after a write, with a delete only after the read': [
    'read your writes: client 1 on key "k" saw no value with no delete before it',
    [put(1, at(0), 'a', 1), get(1, at(10), undefined), remove(2, at(20), 2)],
  ],
  'no value after a write, with a failed delete': [
    'read your writes: client 1 on key "k" saw no value',
    [put(1, at(0), 'a', 1), remove(2, at(5), 'failed'), get(1, at(10), undefined)],
  ],
  'a cas from absent after a write': [
    'read your writes: client 1 on key "k" saw version 0 ',
    [put(1, at(0), 'a', 1), cas(1, at(10), undefined, 'b', 2)],
  ],
  'a mismatch that shows an earlier version than written': [
    'read your writes: client 1 on key "k" saw version 1 ',
    [put(2, at(0), 'a', 1), put(1, at(10), 'b', 2), casMismatch(1, at(20), 'x', 'a', 1)],
  ],
  'a cas by version on an earlier one than written': [
    'read your writes: client 1 on key "k" saw version 1 ',
    [put(2, at(0), 'a', 1), put(1, at(10), 'b', 2), casVersion(1, at(20), 1, 'c', 3)],
  ],
  'two reads that go back': [
    'monotonic reads: client 1 on key "k" saw version 1 (client 1 get -> "a" version 1 [30, 35]) ' +
      'after version 2 (client 1 get -> "b" version 2 [20, 25])',
    [put(2, at(0), 'a', 1), put(2, at(10), 'b', 2), get(1, at(20), 'b', 2), get(1, at(30), 'a', 1)],
  ],
  'no value after a read': [
    'monotonic reads: client 1 on key "k" saw no value with no delete before it',
    [put(2, at(0), 'a', 1), get(1, at(10), 'a', 1), get(1, at(20), undefined)],
  ],
  'a read of an earlier version than a delete found nothing at': [
    'monotonic reads: client 1 on key "k" saw version 2 ',
    [put(2, at(0), 'a', 2), remove(1, at(10), 3, false), get(1, at(20), 'a', 2)],
  ],
  'reads that go back after others that do not': [
    'monotonic reads: client 1 on key "k" saw version 3 ',
    [get(1, at(0), 'c', 3), get(1, at(10), 'e', 5), get(1, at(20), 'e', 5), get(1, at(30), 'c', 3)],
  ],
  'writes that go back': [
    'monotonic writes: client 1 on key "k" wrote version 4 (client 1 put "b" -> version 4 [10, 15]) ' +
      'after version 5 (client 1 put "a" -> version 5 [0, 5])',
    [put(1, at(0), 'a', 5), put(1, at(10), 'b', 4)],
  ],
  'writes of one version': [
    'monotonic writes: client 1 on key "k" wrote version 5 ',
    [put(1, at(0), 'a', 5), remove(1, at(10), 5)],
  ],
  'a write behind what was read': [
    'writes follow reads: client 1 on key "k" wrote version 4 (client 1 put "b" -> version 4 [20, 25]) ' +
      'after version 5 (client 1 get -> "a" version 5 [10, 15])',
    [put(2, at(0), 'a', 5), get(1, at(10), 'a', 5), put(1, at(20), 'b', 4)],
  ],
  'a write at what a mismatch showed': [
    'writes follow reads: client 1 on key "k" wrote version 5 ',
    [put(2, at(0), 'a', 5), casVersionMismatch(1, at(10), 3, 'a', 5), cas(1, at(20), 'a', 'b', 5)],
  ],
  'a cas by version that goes back from it': [
    'writes follow reads: client 1 on key "k" wrote version 4 ',
    [put(2, at(0), 'a', 5), casVersion(1, at(10), 5, 'b', 4)],
  ],
  'a client that overlaps with itself': [
    'client 1 ran two operations at a time: client 1 put "a" -> version 1 [0, 5], client 1 put "b" -> version 2 [4, 9]',
    [put(1, [0, 5], 'a', 1), put(1, [4, 9], 'b', 2)],
  ],
};

const GOOD: Record<string, readonly Call[]> = {
  'nothing at all': [],
  'reads and writes that go on': [
    put(1, at(0), 'a', 1),
    get(1, at(10), 'a', 1),
    get(1, at(20), 'b', 4),
    get(1, at(30), 'b', 4),
    casVersion(1, at(40), 4, 'c', 5),
    cas(1, at(50), 'c', 'd', 6),
    remove(1, at(60), 7),
    get(1, at(70), undefined),
    remove(1, at(80), 7, false),
    cas(1, at(90), undefined, 'e', 8),
  ],
  'what another client sees': [put(1, at(0), 'a', 1), put(1, at(10), 'b', 2), get(2, at(20), 'a', 1)],
  'what a client sees of another key': [put(1, at(0), 'a', 5), { ...put(1, at(10), 'b', 1), key: 'other' }],
  'the client before it had a new id': [put(1, at(0), 'a', 3), get(2, at(10), 'b', 1)],
  'no value, for another client deleted it': [
    put(1, at(0), 'a', 1),
    get(1, [10, 20], undefined),
    remove(2, [12, 30], 2),
  ],
  'no value, for a delete of unknown outcome': [
    put(1, at(0), 'a', 7),
    remove(2, at(5), 'unknown'),
    get(1, at(10), undefined),
  ],
  'what failed, and what has no known outcome': [
    put(1, at(0), 'a', 'failed'),
    put(1, at(10), 'b', 'unknown'),
    lostGet(1, 20),
    get(1, at(30), undefined),
  ],
  'operations that meet at a tick': [
    { ...put(1, [0, 5], 'a', 1), order: [1, 2] },
    { ...get(1, [5, 9], 'a', 1), order: [3, 4] },
  ],
};

describe('the session guarantees', () => {
  it.each(Object.entries(BAD))('are broken by %s', (_, [complaint, calls]) => {
    const complaints = sessionComplaints(calls);
    expect(complaints[0]).toContain(complaint);
    // Whatever breaks a guarantee is no linearizable history either, but for the recorder's own mistake.
    if (!complaint.includes('at a time')) expect(checkHistory(calls).verdict).toBe('violation');
  });

  it.each(Object.entries(GOOD))('hold for %s', (_, calls) => {
    expect(sessionComplaints(calls)).toEqual([]);
  });

  it('name the order of a tick that is not that of a client', () => {
    const calls: Call[] = [
      { ...put(1, [0, 5], 'a', 1), order: [1, 3] },
      { ...get(1, [5, 9], 'a', 1), order: [2, 4] },
    ];
    expect(sessionComplaints(calls)).toHaveLength(1);
  });

  it('hold a client to the latest it has seen, also when it has seen less since', () => {
    const reads = [get(1, at(0), 'e', 5), get(1, at(10), 'c', 3), get(1, at(20), 'd', 4)];
    expect(sessionComplaints(reads)).toHaveLength(2);
    const writes = [put(1, at(0), 'e', 5), put(1, at(10), 'c', 3), put(1, at(20), 'd', 4)];
    expect(sessionComplaints(writes)).toHaveLength(2);
  });

  it('list the first complaints and count the others', () => {
    const calls = Array.from({ length: 50 }, (_, n) => put(1, at(10 * n), 'a', 100 - n));
    const complaints = sessionComplaints(calls);
    expect(complaints).toHaveLength(21);
    expect(complaints.at(-1)).toBe('and 29 more like these');
  });
});

describe('histories of a correct key', () => {
  const SEEDS = 4_000;
  // Without sequence numbers, operations of a client that meet at a tick have an order here, but not for linearizability.
  const shape = { operations: 12, clients: 3, unknownPercent: 8, failedPercent: 8, values: 0, order: true };

  it(`keep all guarantees, ${SEEDS} times`, () => {
    for (let seed = 0; seed < SEEDS; seed++) {
      const calls = randomHistory(drawFrom(seed), { ...shape, order: seed % 2 === 0 });
      const complaints = sessionComplaints(calls);
      if (complaints.length > 0) throw new Error(`seed ${seed}: ${complaints.join('\n')}`);
    }
  });

  it('have lost linearizability wherever a guarantee is broken after a change', () => {
    let broken = 0;
    let violated = 0;
    for (let seed = 0; seed < SEEDS; seed++) {
      const draw = drawFrom(seed);
      const calls = falsified(draw, randomHistory(draw, shape));
      const complaints = sessionComplaints(calls);
      const isViolation = checkHistory(calls).verdict === 'violation';
      if (isViolation) violated++;
      if (complaints.length === 0 || complaints.some((complaint) => complaint.includes('at a time'))) continue;
      broken++;
      if (!isViolation) throw new Error(`seed ${seed}: ${complaints.join('\n')}`);
    }
    report(`of ${SEEDS} histories with one change, ${violated} are violations and ${broken} break a session guarantee`);
    expect(broken).toBeGreaterThan(SEEDS / 20);
  });
});
