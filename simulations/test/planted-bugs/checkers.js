/**
 * Which check a complaint of a run comes from, by its text.
 */
const checkers = [
  [/^violation:/, 'linearizability'],
  [/^unknown:/, 'linearizability, no verdict'],
  [/read your writes|monotonic|writes follow reads/, 'session guarantees'],
  [/^counter .* (lost|too often|not a count)/, 'exactly-once count'],
  [/^group \d+: n\d+ decided/, 'log agreement'],
  [/^position \d+ is .* and, on|was lost at/, 'log agreement'],
  [/the decided index of n\d|undecides/, 'decided index'],
  [/is decided but on \d+ disks only|is not on its disk/, 'durability'],
  [/^stale read/, 'linearizability'],
  [/^replicas differ|^group \d+: after \d+ entries/, 'equal replicas'],
  [/^threw InvariantViolation/, "the node's invariants"],
  [/^threw /, 'an exception'],
  [/^n\d+ is not back: (?!down)/, 'unexplained damage'],
  [/^n\d+ is not back/, 'every node is back'],
  [/^sum /, 'sums'],
  [/while a partial partition stayed/, 'latency in a partial partition'],
  [
    /^a (get|put|cas|cas-version|delete|add) of \S+ (ended|was given up|was taken|took \d+ requests)/,
    'deadlines and refusals',
  ],
  [/^\d+ operations ended early/, 'deadlines and refusals'],
  [/^no new leader|decisions resumed|leaders?: | new leaders|leader changed|still leads|deposed/, 'elections'],
  [/^no progress|did not form|did not come back|not served|has no leader/, 'progress'],
  [/has not answered/, 'forgotten requests'],
  [/frames per ms/, 'message storms'],
  [/^no .* did anything/, 'faults without effect'],
  [
    /^only \d.*(definite result|needed|overlap)|^only [\d.]+ % of|^no (operation|read|decided entry)/,
    'enough happened',
  ],
  [/still open|could not be read/, 'answered operations'],
];

/** But for `unknown`: no verdict within its bound on steps is a failure of the search. */
export const checkerNames = [...new Set(checkers.map(([, name]) => name))].filter(
  (name) => !name.includes('no verdict'),
);

export function checkerOf(complaint) {
  return checkers.find(([pattern]) => pattern.test(complaint))?.[1] ?? "the scenario's own";
}

/** The checkers that complained, without repetition. */
export function checkersOf(complaints) {
  return [...new Set(complaints.map(checkerOf))];
}

const livenessCheckers = [
  'elections',
  'progress',
  'every node is back',
  'forgotten requests',
  'message storms',
  'faults without effect',
  'enough happened',
  'answered operations',
  'deadlines and refusals',
  'latency in a partial partition',
  "the scenario's own",
];

/** Whether a complaint of the checker fits a bug that breaks 'safety' or 'liveness'. */
export function fits(checker, breaks) {
  return livenessCheckers.includes(checker) === (breaks === 'liveness');
}
