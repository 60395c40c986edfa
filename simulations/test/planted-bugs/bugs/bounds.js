/** Bugs that show in one bound of one scenario: how soon, how often, how many. */

export const boundBugs = [
  {
    name: 'followers-with-trimmed-logs-are-unhealthy',
    breaks: 'liveness',
    area: 'protocol',
    wrong: 'A follower whose log was trimmed says that its group cannot be served.',
    scenario: 'chaos-3',
    edits: [
      {
        at: 'LogReplica.healthy',
        find: 'this.leader !== 0',
        replace: 'this.leader !== 0 && (this.serves || this.#log.compactedIndex === 0)',
      },
    ],
  },
  {
    name: 'addition-answers-with-what-was-before',
    breaks: 'safety',
    area: 'session',
    wrong: 'An addition answers with the value that it found.',
    scenario: 'chaos-3',
    edits: [
      {
        at: 'commands',
        find: "return { type: 'added', version, value };",
        replace: "return { type: 'added', version, value: before };",
      },
    ],
  },
  {
    name: 'suspects-after-five-timeouts',
    breaks: 'liveness',
    area: 'protocol',
    wrong: 'A node that is gone is suspected after five election timeouts.',
    scenario: 'leader-crash',
    edits: [
      {
        at: 'FailureDetector.endRound',
        find: 'silentRounds < this.#options.silentRoundsMax',
        replace: 'silentRounds < 5 * this.#options.silentRoundsMax',
      },
    ],
  },
  {
    name: 'one-node-preferred-by-all-groups',
    breaks: 'liveness',
    area: 'routing',
    wrong:
      'The members of every group are in the order of their ids, so that one node is preferred as leader everywhere.',
    scenario: 'steady-load',
    edits: [
      {
        at: 'spreadLeaders',
        find: 'sort((a, b) => load(a) - load(b))',
        replace: 'sort((a, b) => a - b)',
      },
    ],
  },
  {
    name: 'nothing-is-trimmed',
    breaks: 'liveness',
    area: 'storage',
    wrong: 'The log is never trimmed.',
    scenario: 'snapshot-catch-up',
    edits: [{ at: 'LogReplica.#compact', find: "this.#inputs.push({ type: 'compact', index });", replace: '' }],
  },
  {
    name: 'replies-unread-without-bound',
    breaks: 'liveness',
    area: 'limits',
    wrong: 'A client that reads nothing keeps its connection, and its replies are kept for it without bound.',
    scenario: 'slow-reader',
    edits: [
      {
        at: 'ClientLink.flush',
        find: 'this.#pushedBacklogBytes > this.#backlogBytesMax',
        replace: 'this.#pushedBacklogBytes > 1e6 * this.#backlogBytesMax',
      },
    ],
  },
  {
    name: 'long-session-record-loses-a-byte',
    breaks: 'safety',
    area: 'session',
    wrong: 'The record of a session with many replies lacks its last byte.',
    scenario: 'restart-of-all',
    edits: [
      {
        at: 'encodeSession',
        find: 'return writer.finish();',
        replace:
          'const record = writer.finish();\nreturn record.length > 16 ? record.subarray(0, record.length - 1) : record;',
      },
    ],
  },
  {
    name: 'backlog-never-full',
    breaks: 'liveness',
    area: 'lab',
    wrong: 'The backlog of a simulated peer link has no bound.',
    scenario: 'full-backlog',
    edits: [
      {
        at: 'SimulatedPeerTransport.send',
        find: '> settings.limits.peerBacklogBytesMax',
        replace: '> 1e6 * settings.limits.peerBacklogBytesMax',
      },
    ],
  },
  {
    name: 'loss-of-noise-never-happens',
    breaks: 'liveness',
    area: 'lab',
    wrong: 'Noise loses one frame in a hundred of those that it says.',
    scenario: 'loss-and-duplication',
    edits: [{ at: 'Network.send', find: 'this.faults.loss', replace: 'this.faults.loss / 100' }],
  },
];
