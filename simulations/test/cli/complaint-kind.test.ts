import { expect, it } from 'vitest';
import { complaintKind } from '../../src/cli/complaint-kind.ts';

it.each([
  ['no progress after healing within 5000 ms', 'no progress after healing within 3000 ms'],
  ['replicas differ in groups 1, 2, 4', 'replicas differ in groups 3'],
  [
    'violation: key "key-3": not linearizable; the longest order found covers 3 of 9 definite operations',
    'violation: key "a \\" b": not linearizable; the longest order found covers 1 of 2 definite operations',
  ],
  [
    'not repeatable: the trace hash was 0badcafe, then deadbee5',
    'not repeatable: the trace hash was 12345678, then 87654321',
  ],
  [
    'threw Error: entry 12 of group 3 changed\n    at here (file.ts:1:2)',
    'threw Error: entry 9 of group 1 changed\n    at there',
  ],
])('is the same for "%s" and "%s"', (one, other) => {
  expect(complaintKind(one)).toBe(complaintKind(other));
});

it.each([
  ['violation: key "a": not linearizable', 'unknown: key "a": no verdict within 5 steps'],
  ['the leader changed', 'a leader changed without a fault'],
])('differs for "%s" and "%s"', (one, other) => {
  expect(complaintKind(one)).not.toBe(complaintKind(other));
});
