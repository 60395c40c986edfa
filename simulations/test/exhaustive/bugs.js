/**
 * Bugs for the exhaustive search to find, in the form of simulations/test/planted-bugs/bugs: some of those, by their names,
 * and some more. `bounds` are those to look within, where the smallest do not do. `actions` is how many a shortest path has,
 * of the bugs that are found; the test repeats those with short ones.
 */
import { bugs as planted } from '../planted-bugs/bugs/index.js';

const furtherBugs = [
  {
    name: 'promise-not-written',
    actions: 7,
    bounds: { crashes: 1 },
    wrong: 'A promise stays in memory: a crash takes it back.',
    edits: [{ at: 'ReplicaState.promise', find: 'this.#hardStateChanged = true;', replace: '' }],
  },
  {
    name: 'accepted-of-any-ballot-counted',
    wrong: 'A leader counts acceptances of ballots that it led before.',
    edits: [
      {
        at: 'Leader.onAccepted',
        find: "!sameBallot(message.ballot, this.ballot) || member?.stage !== 'accepting'",
        replace: "member?.stage !== 'accepting'",
      },
    ],
  },
  {
    name: 'promise-of-any-ballot-counted',
    wrong: 'A leader counts promises of ballots that it stood with before.',
    edits: [{ at: 'Leader.onPromise', find: 'if (!sameBallot(message.ballot, this.ballot)) return;', replace: '' }],
  },
  {
    name: 'lowest-log-adopted',
    actions: 18,
    wrong: 'A new leader adopts the log with the lowest accepted ballot.',
    edits: [{ at: 'Leader.#adopt', find: 'if (order > 0 ||', replace: 'if (order < 0 ||' }],
  },
  {
    name: 'accepted-ballot-forgotten',
    actions: 10,
    bounds: { crashes: 1 },
    wrong: 'After a restart the log counts as accepted in no ballot.',
    edits: [
      {
        at: 'ReplicaState.constructor',
        find: 'this.#acceptedBallot = hardState.acceptedBallot;',
        replace: 'this.#acceptedBallot = { number: 0, priority: 0, node: 0 };',
      },
    ],
  },
  {
    name: 'decide-of-any-ballot-believed',
    wrong: "A follower believes any leader's decided index, whatever it has promised and accepted since.",
    edits: [
      {
        at: 'Follower.#learnDecided',
        find: 'if (this.#recovering || !sameBallot(word.ballot, state.promisedBallot)) return;',
        replace: '',
      },
      {
        at: 'Follower.#learnDecided',
        find: 'if (!sameBallot(word.ballot, state.acceptedBallot)) return;',
        replace: '',
      },
    ],
  },
  {
    name: 'lower-prepare-promised',
    wrong: 'A follower promises a ballot below its promise.',
    edits: [{ at: 'Follower.onPrepare', find: 'if (order < 0) return;', replace: '' }],
  },
  {
    name: 'synchronized-below-promise',
    actions: 19,
    wrong: 'A follower takes the log of a leader below its promise, as one of its promised ballot.',
    edits: [
      {
        at: 'Follower.onAcceptSync',
        find: 'if (!sameBallot(message.ballot, state.promisedBallot)) return;',
        replace: 'message = { ...message, ballot: state.promisedBallot };',
      },
    ],
  },
  {
    name: 'sent-counts-as-accepted',
    actions: 8,
    wrong: 'A leader counts entries as accepted by a member when it has sent them.',
    edits: [
      {
        at: 'Leader.#decideAccepted',
        find: "accepted.push(member.stage === 'accepting' ? member.acceptedIndex : 0);",
        replace: "accepted.push(member.stage === 'accepting' ? member.sentIndex : 0);",
      },
    ],
  },
  {
    name: 'log-forgotten',
    actions: 12,
    bounds: { crashes: 1 },
    wrong: 'After a restart the promise is there and the log is not.',
    edits: [
      {
        at: 'ReplicaState.constructor',
        find: 'this.log = new Log(compactedIndex, recovered.entries);',
        replace: 'this.log = new Log(compactedIndex, []);',
      },
    ],
  },
  {
    name: 'incomplete-promise-adopted',
    actions: 18,
    wrong: 'A new leader goes on without the entries of the promise that it lacks: it keeps its own log.',
    edits: [
      {
        at: 'Leader.#adopt',
        find: 'if (order > 0 || (order === 0 && promise.logLength > highest.logLength)) highest = promise;',
        replace: '',
      },
    ],
  },
];

/** Of the simulator's list, with the bounds and the shortest path here. */
const known = [
  { name: 'promise-quorum-of-one-less', actions: 13 },
  { name: 'commit-quorum-of-one-less', actions: 8 },
  { name: 'accepted-before-disk', actions: 12 },
  { name: 'leader-counts-itself-early', actions: 12 },
  { name: 'late-accept-sync-truncates', actions: 15 },
  { name: 'accept-of-unsynchronized-log', actions: 13 },
  { name: 'decided-index-falls', actions: 15 },
  { name: 'applied-ahead-of-own-log', actions: 18 },
  { name: 'prepare-before-own-promise', actions: 8, bounds: { entries: 0, crashes: 1, writes: 2 } },
  { name: 'promise-lost-in-restart', actions: 5, bounds: { entries: 0, crashes: 1 } },
  { name: 'promise-parts-of-two-logs' },
  { name: 'longest-log-wins' },
  { name: 'own-log-not-considered', actions: 23 },
  { name: 'promise-before-disk', actions: 19, bounds: { crashes: 1 } },
  { name: 'read-quorum-of-one-less', actions: 20, bounds: { reads: 1 } },
  { name: 'read-confirmed-after-higher-promise', actions: 21, bounds: { reads: 1 } },
  { name: 'read-before-inherited-decided', actions: 21, bounds: { reads: 1 } },
];

export const searchedBugs = [
  ...furtherBugs,
  ...known.map(({ name, ...found }) => ({ ...planted.find((bug) => bug.name === name), ...found })),
];
