/** Bugs of sessions: what makes a repeated command take effect once. */

export const sessionBugs = [
  {
    name: 'reply-not-remembered',
    breaks: 'safety',
    area: 'session',
    wrong: 'The reply of a command is not kept, so that a repetition of it is executed again.',
    scenario: 'exactly-once-counter',
    edits: [
      {
        at: 'GroupState.#applyCommand',
        find: "if (execution.type !== 'not-executed') admission.remember(execution);",
        replace: '',
      },
    ],
  },
  {
    name: 'reply-forgotten-at-the-floor',
    breaks: 'safety',
    area: 'session',
    wrong: 'The reply at the floor is forgotten although its client still waits for it.',
    scenario: 'chaos-3',
    edits: [{ at: 'Sessions.#forgetBelow', find: 'if (sequence >= floor)', replace: 'if (sequence > floor)' }],
  },
  {
    name: 'expired-session-served',
    breaks: 'safety',
    area: 'session',
    wrong: 'A command of an unknown or expired session is executed instead of refused.',
    scenario: 'chaos-3',
    edits: [
      {
        at: 'Sessions.admit',
        find: "return { type: 'expired' };",
        replace: "return { type: 'execute', remember: () => undefined };",
      },
    ],
  },
  {
    name: 'session-id-reused',
    breaks: 'safety',
    area: 'session',
    wrong: 'Sessions are numbered by how many there are, so that a new one gets the id of another.',
    scenario: 'chaos-3',
    edits: [
      {
        at: 'GroupState.#applyCommand',
        find: "this.#sessions.open(revision, leaseMs); return { type: 'session', session: revision };",
        replace:
          "const session = this.#sessions.size + 1; this.#sessions.open(session, leaseMs); return { type: 'session', session };",
      },
    ],
  },
  {
    name: 'flush-leaves-sessions-out',
    breaks: 'safety',
    area: 'session',
    wrong: 'Sessions are not written with the state they belong to, and are gone after a restart.',
    scenario: 'restart-of-all',
    edits: [
      {
        at: 'GroupState.startFlush',
        find: 'for (const { id, record } of this.#sessions.takeChanges()) {',
        replace: 'for (const { id, record } of []) {',
      },
    ],
  },
  {
    name: 'old-sessions-over-fetched-state',
    breaks: 'safety',
    area: 'session',
    wrong: 'When a fetched state has taken its place, the sessions of the old one are kept.',
    scenario: 'chaos-3',
    edits: [{ at: 'GroupState.reload', find: 'this.#sessions = this.#loadSessions();', replace: '' }],
  },
  {
    name: 'log-time-starts-again',
    breaks: 'safety',
    area: 'session',
    wrong: 'After a restart a replica counts the time that sessions live by from zero.',
    scenario: 'restart-of-all',
    edits: [
      {
        at: 'decodeApplied',
        find: 'logMs: reader.uint(), leaseMs: reader.uint(),',
        replace: 'logMs: reader.uint(), leaseMs: 0 * reader.uint(),',
      },
    ],
  },
  {
    name: 'time-of-who-applies',
    breaks: 'safety',
    area: 'session',
    wrong: 'The time that sessions live by is the clock of the replica that applies an entry, not what the entry says.',
    scenario: 'chaos-3',
    edits: [
      {
        at: 'LogReplica.step',
        find: 'this.#apply();',
        replace: 'this.#state.nowMs = Math.floor(nowMs); this.#apply();',
      },
      {
        at: 'GroupState.#timeAfter',
        find: 'leaseMs: this.#applied.leaseMs + elapsedMs - outageMs',
        replace: 'leaseMs: this.nowMs',
      },
    ],
  },
  {
    name: 'full-session-refuses-its-lowest',
    breaks: 'liveness',
    area: 'session',
    wrong: 'A session with its limit of kept replies refuses also the command that the others wait for.',
    scenario: 'full-sessions',
    edits: [{ at: 'Sessions.admit', find: 'if (full && sequence > session.floor)', replace: 'if (full)' }],
  },
  {
    name: 'waiters-kept-after-stepping-down',
    breaks: 'safety',
    area: 'session',
    wrong: "A former leader's waiting clients are answered with what the next leader decided at their positions.",
    scenario: 'power-3',
    edits: [
      {
        at: 'LogReplica.step',
        find: "if (event.type === 'stepped-down') this.#giveUpPending('leadership moved');",
        replace: '',
      },
    ],
  },
  {
    name: 'given-up-means-not-applied',
    breaks: 'safety',
    area: 'session',
    wrong: 'A leader that steps down says of what it had proposed that it was not applied.',
    scenario: 'chaos-3',
    edits: [
      {
        at: 'LogReplica.#giveUpPending',
        find: "const unknown = refusal('outcome-unknown',",
        replace: "const unknown = refusal('unavailable',",
      },
    ],
  },
];
