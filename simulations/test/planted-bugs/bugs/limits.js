/** Bugs that show where a limit is reached, or in groups of another size than three or five. */

export const limitBugs = [
  {
    name: 'longest-value-refused',
    breaks: 'liveness',
    area: 'limits',
    wrong: 'A value that is as long as it may be is too long.',
    scenario: 'chaos-limits',
    edits: [
      {
        at: 'operationProblem',
        find: 'value.length > limits.valueBytesMax',
        replace: 'value.length >= limits.valueBytesMax',
      },
    ],
  },
  {
    name: 'key-longer-by-a-byte-taken',
    breaks: 'liveness',
    area: 'limits',
    wrong: 'A key may be one byte longer than its limit.',
    scenario: 'chaos-limits',
    edits: [
      {
        at: 'operationProblem',
        find: 'key.length > limits.keyBytesMax',
        replace: 'key.length > limits.keyBytesMax + 1',
      },
    ],
  },
  {
    name: 'half-is-a-majority',
    breaks: 'safety',
    area: 'limits',
    wrong: 'Half of a group is a majority of it.',
    scenario: 'chaos-limits',
    edits: [{ at: 'majorityOf', find: 'Math.floor(members / 2) + 1', replace: 'Math.ceil(members / 2)' }],
  },
  {
    name: 'lone-member-waits-for-another',
    breaks: 'liveness',
    area: 'limits',
    wrong: 'A majority is two members at least, also of a group of one.',
    scenario: 'chaos-limits',
    edits: [
      { at: 'majorityOf', find: 'Math.floor(members / 2) + 1', replace: 'Math.max(2, Math.floor(members / 2) + 1)' },
    ],
  },
  {
    name: 'first-read-must-fit-its-turn',
    breaks: 'liveness',
    area: 'limits',
    wrong: 'A value larger than what is read in a turn is never read.',
    scenario: 'chaos-limits',
    edits: [
      {
        at: 'LogReplica.#answerReads',
        find: 'bytes > this.#limits.readBytesPerTurnMax',
        replace: 'bytes + 200 > this.#limits.readBytesPerTurnMax',
      },
    ],
  },
  {
    name: 'first-entry-must-fit-its-message',
    breaks: 'liveness',
    area: 'limits',
    wrong: 'An entry larger than the entries of a message may be together is never sent.',
    scenario: 'chaos-limits',
    edits: [
      {
        at: 'Leader.#replicate',
        find: 'const entries = log.chunk(from, this.#limits.messageEntryBytesMax);',
        replace:
          'const entries = log.chunk(from, this.#limits.messageEntryBytesMax);\n' +
          'if (entries[0].payload?.length > this.#limits.messageEntryBytesMax) return;',
      },
    ],
  },
  {
    name: 'last-accept-in-flight-kept-back',
    breaks: 'liveness',
    area: 'limits',
    wrong: 'One accept fewer is on its way than may be: none where one may be.',
    scenario: 'chaos-limits',
    edits: [
      {
        at: 'Leader.#replicate',
        find: 'progress.inFlight.length < this.#limits.acceptsInFlightMax',
        replace: 'progress.inFlight.length + 1 < this.#limits.acceptsInFlightMax',
      },
    ],
  },
  {
    name: 'session-window-one-short',
    breaks: 'liveness',
    area: 'limits',
    wrong: 'A session takes one command fewer at a time than it may: none where it may one.',
    scenario: 'chaos-limits',
    edits: [
      {
        at: 'Sessions.admit',
        find: 'sequence >= session.floor + this.#limits.sessionWindowMax',
        replace: 'sequence + 1 >= session.floor + this.#limits.sessionWindowMax',
      },
    ],
  },
];
