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
  [/found damage that its disk did not suffer/, 'unexplained damage'],
  [/while a partial partition stayed/, 'latency in a partial partition'],
  [
    /^a (get|put|cas|cas-version|delete|add) of \S+ (ended|was given up|was taken|took \d+ requests)/,
    'deadlines and refusals',
  ],
  [/^no progress|decisions resumed|did not form|did not come back|were not served|has no leader/, 'progress'],
  [/still open|has not answered|got a definite result|could not be read/, 'answered operations'],
  [/acknowledged without a majority|the leader changed|a leader changed|still leads/, "the scenario's own"],
];

export function checkerOf(complaint) {
  return checkers.find(([pattern]) => pattern.test(complaint))?.[1] ?? "the scenario's own";
}

/** The checkers that complained, without repetition. */
export function checkersOf(complaints) {
  return [...new Set(complaints.map(checkerOf))];
}

const livenessCheckers = [
  'progress',
  'answered operations',
  'deadlines and refusals',
  'latency in a partial partition',
  "the scenario's own",
];

/** Whether a complaint of the checker fits a bug that breaks 'safety' or 'liveness'. */
export function fits(checker, breaks) {
  return livenessCheckers.includes(checker) === (breaks === 'liveness');
}
