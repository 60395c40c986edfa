import { describe, expect, it } from 'vitest';
import { checkHistory, checkKey, type Call } from '../../src/checkers/index.ts';
import { isLinearizable } from './brute-force.ts';
import {
  KEY,
  cas,
  casMismatch,
  casVersion,
  casVersionMismatch,
  get,
  lostGet,
  put,
  remove,
  type Interval,
} from './calls.ts';

const at = (start: number, length = 5): Interval => [start, start + length];

const GOOD: Record<string, readonly Call[]> = {
  'nothing at all': [],
  'an absent key': [get(1, at(0), undefined)],
  'write and read back': [put(1, at(0), 'a', 1), get(1, at(10), 'a', 1)],
  'versions may skip numbers': [put(1, at(0), 'a', 3), put(1, at(10), 'b', 40), get(1, at(20), 'b', 40)],
  'a read concurrent with a write sees the old value': [
    put(1, at(0), 'a', 1),
    put(1, [10, 20], 'b', 2),
    get(2, [12, 15], 'a', 1),
  ],
  'a read concurrent with a write sees the new value': [
    put(1, at(0), 'a', 1),
    put(1, [10, 20], 'b', 2),
    get(2, [12, 15], 'b', 2),
  ],
  'equal times are concurrent': [put(1, [0, 10], 'a', 1), get(2, [10, 20], undefined)],
  'cas applies once, then mismatches': [
    put(1, at(0), 'a', 1),
    cas(1, at(10), 'a', 'b', 2),
    casMismatch(2, at(20), 'a', 'b', 2),
  ],
  'cas from absent': [cas(1, at(0), undefined, 'a', 1), casMismatch(2, at(10), undefined, 'a', 1)],
  'cas on an absent key mismatches': [casMismatch(1, at(0), 'a', undefined)],
  'cas by version': [
    casVersion(1, at(0), 0, 'a', 4),
    casVersionMismatch(2, at(10), 3, 'a', 4),
    casVersion(2, at(20), 4, 'b', 5),
    casVersionMismatch(1, at(30), 0, 'b', 5),
  ],
  'delete, then absent, then versions go on': [
    put(1, at(0), 'a', 1),
    remove(1, at(10), 2),
    get(1, at(20), undefined),
    casVersionMismatch(1, at(30), 2, undefined),
    put(1, at(40), 'a', 3),
  ],
  'a delete that finds nothing takes a new version': [remove(1, at(0), 1, false), put(1, at(10), 'a', 2)],
  'a delete that finds nothing repeats the latest version': [
    put(1, at(0), 'a', 1),
    remove(1, at(10), 2),
    remove(1, at(20), 2, false),
  ],
  'a failed write is not there': [put(1, at(0), 'a', 'failed'), get(1, at(10), undefined)],
  'an indeterminate write that never happens': [put(1, at(0), 'a', 'unknown'), get(2, at(10), undefined)],
  'an indeterminate write that happens late': [
    put(1, at(0), 'a', 'unknown'),
    get(2, at(10), undefined),
    put(2, at(20), 'b', 1),
    get(2, at(30), 'a', 2),
  ],
  'an indeterminate cas that happens': [
    put(1, at(0), 'a', 1),
    cas(1, at(10), 'a', 'b', 'unknown'),
    get(2, at(20), 'b', 2),
  ],
  'an indeterminate delete that happens': [
    put(1, at(0), 'a', 1),
    remove(1, at(10), 'unknown'),
    get(2, at(20), undefined),
    put(2, at(30), 'a', 3),
  ],
  'an indeterminate cas by version after an indeterminate write': [
    put(1, at(0), 'a', 'unknown'),
    casVersion(2, at(10), 7, 'b', 'unknown'),
    get(3, at(20), 'b', 9),
  ],
  'a chain of indeterminate writes between two reads': [
    put(1, at(0), 'a', 1),
    cas(2, at(10), 'b', 'c', 'unknown'),
    cas(3, at(10), 'a', 'b', 'unknown'),
    get(4, at(20), 'c', 3),
  ],
  'an indeterminate write nobody saw explains a version': [
    put(1, at(0), 'a', 'unknown'),
    casVersion(2, at(10), 3, 'b', 4),
    get(2, at(20), 'b', 4),
  ],
  'two reads settle the versions of two indeterminate writes of one value': [
    put(1, at(0), 'a', 'unknown'),
    put(2, at(0), 'a', 'unknown'),
    get(3, [10, 30], 'a', 7),
    get(4, [10, 30], 'a', 5),
  ],
  'an indeterminate write is kept for where nothing else will do': [
    put(1, at(0), 'a', 1),
    put(2, at(10), 'x', 'unknown'),
    cas(3, at(11), 'a', 'x', 'unknown'),
    get(4, at(20), 'x', 2),
    put(4, at(30), 'b', 3),
    put(4, at(40), 'c', 4),
    get(4, at(50), 'x', 5),
  ],
  // Found by searching for a history on which forgetting what a repeated dead end missed gives a false violation.
  'a dead end met again under other indeterminate writes': [
    put(2, at(2), 'v2', 'unknown'),
    put(4, at(6), 'v2', 'unknown'),
    casVersion(3, at(5), 3, 'v0', 'unknown'),
    cas(6, [12, 13], 'v0', 'v0', 5),
    cas(5, at(12), 'v1', 'v2', 'unknown'),
    cas(1, at(10), undefined, 'v1', 'unknown'),
    cas(7, at(13), 'v0', 'v1', 'unknown'),
    get(8, [16, 18], 'v2', 11),
    put(9, [17, 18], 'v1', 12),
    casVersion(10, [16, 18], 7, 'v1', 9),
    get(9, [18, 19], 'v1', 12),
    get(10, [21, 24], 'v2', 14),
    casMismatch(8, [23, 26], undefined, 'v2', 15),
  ],
  'an indeterminate read means nothing': [put(1, at(0), 'a', 1), lostGet(1, 10), get(2, at(20), 'a', 1)],
};

const BAD: Record<string, readonly Call[]> = {
  'stale read': [put(1, at(0), 'a', 1), put(1, at(10), 'b', 2), get(2, at(20), 'a', 1)],
  'stale read of an absent key': [put(1, at(0), 'a', 1), get(2, at(10), undefined)],
  'lost update': [
    put(1, at(0), '1', 1),
    cas(1, [10, 20], '1', '2', 2),
    cas(2, [10, 20], '1', '2', 3),
    get(1, at(30), '2', 3),
  ],
  'lost write': [put(1, at(0), 'a', 1), put(2, at(10), 'b', 2), casMismatch(1, at(20), 'x', 'a', 1)],
  'cas applied twice': [
    put(1, at(0), 'a', 1),
    cas(1, at(10), 'a', 'b', 2),
    put(1, at(20), 'a', 3),
    get(2, at(30), 'b', 4),
  ],
  'indeterminate cas applied twice': [
    put(1, at(0), 'a', 1),
    cas(1, at(10), 'a', 'b', 'unknown'),
    get(2, at(20), 'b', 2),
    put(2, at(30), 'a', 3),
    get(2, at(40), 'b', 4),
  ],
  'value out of thin air': [put(1, at(0), 'a', 1), get(2, at(10), 'z', 1)],
  'read before its write': [get(1, at(0), 'a', 1), put(2, at(10), 'a', 1)],
  'read that goes back in time': [
    put(1, at(0), 'a', 1),
    put(1, [10, 40], 'b', 2),
    get(2, [12, 15], 'b', 2),
    get(3, [20, 25], 'a', 1),
  ],
  'two readers see two orders': [
    put(1, [0, 50], 'a', 1),
    put(2, [0, 50], 'b', 2),
    get(3, at(5), 'a', 1),
    get(3, at(15), 'b', 2),
    get(4, at(5), 'b', 2),
    get(4, at(15), 'a', 1),
  ],
  'failed write that is visible': [put(1, at(0), 'a', 1), put(1, at(10), 'b', 'failed'), get(2, at(20), 'b', 2)],
  'failed cas that is visible': [put(1, at(0), 'a', 1), cas(1, at(10), 'a', 'b', 'failed'), get(2, at(20), 'b', 2)],
  'failed cas by version that is visible': [
    put(1, at(0), 'a', 1),
    casVersion(1, at(10), 1, 'b', 'failed'),
    casMismatch(2, at(20), 'x', 'b', 2),
  ],
  'mismatched cas that is visible': [
    put(1, at(0), 'a', 1),
    casMismatch(1, at(10), 'x', 'a', 1),
    get(2, at(20), 'unused', 2),
  ],
  'failed write that a cas builds on': [
    put(1, at(0), 'a', 1),
    put(1, at(10), 'b', 'failed'),
    cas(2, at(20), 'b', 'c', 3),
  ],
  'failed write that is visible while it runs': [put(1, [0, 30], 'b', 'failed'), get(2, at(10), 'b', 1)],
  'write applied twice in a row': [put(1, at(0), 'a', 1), get(2, at(10), 'a', 1), get(2, at(20), 'a', 2)],
  'write applied again over another one': [put(1, at(0), 'a', 1), put(2, at(10), 'b', 2), get(2, at(20), 'a', 3)],
  'indeterminate write applied twice': [
    put(1, at(0), 'a', 'unknown'),
    put(2, at(10), 'b', 2),
    get(2, at(20), 'a', 3),
    put(2, at(30), 'c', 4),
    get(2, at(40), 'a', 5),
  ],
  'delete applied twice': [
    put(1, at(0), 'a', 1),
    remove(1, at(10), 2),
    put(2, at(20), 'b', 3),
    get(2, at(30), undefined),
  ],
  'failed delete that is visible': [put(1, at(0), 'a', 1), remove(1, at(10), 'failed'), get(2, at(20), undefined)],
  'indeterminate write seen, then unseen': [
    put(1, at(0), 'a', 1),
    put(1, at(10), 'b', 'unknown'),
    get(2, at(20), 'b', 2),
    get(2, at(30), 'a', 1),
  ],
  'one indeterminate write too few': [
    put(1, at(0), 'a', 1),
    put(2, at(10), 'x', 'unknown'),
    cas(3, at(11), 'a', 'x', 'unknown'),
    get(4, at(20), 'x', 2),
    put(4, at(30), 'b', 3),
    get(4, at(40), 'x', 4),
    put(4, at(50), 'c', 5),
    get(4, at(60), 'x', 6),
  ],
  'indeterminate write seen before its invocation': [get(2, at(0), 'a', 1), put(1, at(10), 'a', 'unknown')],
  'indeterminate delete undone': [
    put(1, at(0), 'a', 1),
    remove(1, at(10), 'unknown'),
    get(2, at(20), undefined),
    get(2, at(30), 'a', 1),
  ],
  'version regression of writes': [put(1, at(0), 'a', 5), put(1, at(10), 'b', 4)],
  'version regression of reads': [
    put(1, at(0), 'a', 5),
    put(2, at(10), 'a', 6),
    get(1, at(20), 'a', 6),
    get(1, at(30), 'a', 5),
  ],
  'version given twice': [put(1, at(0), 'a', 5), put(1, at(10), 'b', 5)],
  'version restarts after a delete': [put(1, at(0), 'a', 1), remove(1, at(10), 2), put(1, at(20), 'a', 1)],
  'version of a read is not that of its write': [put(1, at(0), 'a', 5), get(1, at(10), 'a', 6)],
  'version of an indeterminate write changes': [
    put(1, at(0), 'a', 'unknown'),
    get(1, at(10), 'a', 5),
    get(1, at(20), 'a', 6),
  ],
  'no room for the version of an indeterminate write': [
    put(1, at(0), 'a', 1),
    put(1, at(10), 'b', 'unknown'),
    cas(2, at(20), 'b', 'c', 2),
  ],
  'version that is no version': [put(1, at(0), 'a', 0)],
  'present without a version': [put(1, at(0), 'a', 1), get(1, at(10), 'a')],
  'cas mismatch with a value that never was': [put(1, at(0), 'a', 1), casMismatch(2, at(10), 'b', 'c', 1)],
  'cas mismatch that reports the expected value': [put(1, at(0), 'a', 1), casMismatch(2, at(10), 'a', 'a', 1)],
  'cas applied on another value': [put(1, at(0), 'a', 1), cas(2, at(10), 'b', 'c', 2)],
  'cas from absent applied on a present key': [put(1, at(0), 'a', 1), cas(2, at(10), undefined, 'c', 2)],
  'cas by version applied on an older version': [
    put(1, at(0), 'a', 1),
    put(1, at(10), 'b', 2),
    casVersion(2, at(20), 1, 'c', 3),
  ],
  'cas by version 0 applied on a present key': [put(1, at(0), 'a', 1), casVersion(2, at(10), 0, 'c', 2)],
  'cas by version applied on a deleted key': [
    put(1, at(0), 'a', 1),
    remove(1, at(10), 2),
    casVersion(2, at(20), 2, 'c', 3),
  ],
  'cas by version mismatches on its own version': [put(1, at(0), 'a', 1), casVersionMismatch(2, at(10), 1, 'a', 1)],
  'cas by version applied twice': [
    put(1, at(0), 'a', 1),
    casVersion(1, [10, 20], 1, 'b', 2),
    casVersion(2, [10, 20], 1, 'c', 3),
  ],
  'delete resurrected': [
    put(1, at(0), 'a', 1),
    remove(1, at(10), 2),
    get(2, at(20), undefined),
    get(2, at(30), 'a', 1),
  ],
  'delete finds a deleted key': [put(1, at(0), 'a', 1), remove(1, at(10), 2), remove(2, at(20), 3)],
  'delete misses a present key': [put(1, at(0), 'a', 1), remove(1, at(10), 2, false)],
  'delete of a present key without a new version': [put(1, at(0), 'a', 1), remove(1, at(10), 1)],
};

describe('linearizable histories', () => {
  it.each(Object.entries(GOOD))('%s', (_, calls) => {
    const result = checkKey(calls);
    expect(result).toMatchObject({ verdict: 'linearizable' });
    expect(result.explanation).toBeUndefined();
    expect(isLinearizable(calls)).toBe(true);
  });
});

describe('violations', () => {
  it.each(Object.entries(BAD))('%s', (_, calls) => {
    // A key that is fine does not cover up for the one that is not.
    const fine = [put(1, at(0), 'a', 1), get(2, at(10), 'a', 1)].map((call) => ({ ...call, key: 'fine' }));
    const result = checkHistory([...fine, ...calls]);
    expect(result.verdict).toBe('violation');
    expect(result.findings.map(({ key }) => key)).toEqual([KEY]);
    expect(result.findings[0]?.explanation).toContain(`key "${KEY}": not linearizable`);
    expect(isLinearizable(calls)).toBe(false);
  });
});
