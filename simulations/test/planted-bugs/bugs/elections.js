/** Bugs of leader election and of linearizable reads. */

export const electionBugs = [
  {
    name: 'shared-ballot',
    breaks: 'safety',
    area: 'protocol',
    wrong: 'Ballots are compared by their number alone, so two members can lead with the same one.',
    scenario: 'chaos-3',
    edits: [
      {
        at: 'compareBallots',
        find: 'return a.number - b.number || a.priority - b.priority || a.node - b.node;',
        replace: 'return a.number - b.number;',
      },
    ],
  },
  {
    name: 'minority-stands',
    breaks: 'liveness',
    area: 'protocol',
    wrong: 'A member stands for election although it reaches no majority.',
    scenario: 'aimed-3',
    edits: [
      {
        at: 'LeaderElection.onHeartbeatRound',
        find: 'if (this.#happy || !this.#isMajority(answers.length) || answers.some((answer) => answer.happy))',
        replace: 'if (this.#happy || answers.some((answer) => answer.happy))',
      },
    ],
  },
  {
    name: 'happy-without-followers',
    breaks: 'liveness',
    area: 'protocol',
    wrong: 'A leader that lost its majority still tells that all is well, so nobody takes over.',
    scenario: 'quorum-loss-5',
    edits: [
      {
        at: 'LeaderElection.#seesLeader',
        find: 'return this.#hasFollowers;',
        replace: 'return true;',
      },
    ],
  },
  {
    name: 'leads-on-without-followers',
    breaks: 'liveness',
    area: 'protocol',
    wrong: 'A leader whose followers have a higher one that it cannot see goes on as a leader that decides nothing.',
    scenario: 'chained-5',
    edits: [{ at: 'LeaderElection.#yield', find: 'this.#leaderBallot = leaderBallot;', replace: '' }],
  },
  {
    name: 'neighbours-word-not-heeded',
    breaks: 'liveness',
    area: 'protocol',
    wrong: 'A member stands for election although a neighbour sees a leader that is at work.',
    scenario: 'chained-5',
    edits: [
      {
        at: 'LeaderElection.onHeartbeatRound',
        find: 'if (this.#happy || !this.#isMajority(answers.length) || answers.some((answer) => answer.happy))',
        replace: 'if (this.#happy || !this.#isMajority(answers.length))',
      },
    ],
  },
  {
    name: 'left-behind-for-good',
    breaks: 'liveness',
    area: 'protocol',
    wrong:
      'A leader does not raise its ballot for a member that promised a higher one, whose owner never came to lead.',
    scenario: 'random-schedules',
    edits: [
      {
        at: 'LeaderElection.onHeartbeatRound',
        find: 'answers.some((answer) => this.#isLeftBehind(answer))',
        replace: 'false',
      },
    ],
  },
  {
    name: 'heartbeats-of-a-former-life',
    breaks: 'liveness',
    area: 'protocol',
    wrong: 'What a node said before its restart counts as newer than what it says after it.',
    scenario: 'leader-crash',
    edits: [
      {
        at: 'isLater',
        find: 'return a.incarnation > b.incarnation || (a.incarnation === b.incarnation && a.number > b.number);',
        replace: 'return a.number > b.number;',
      },
    ],
  },
  {
    name: 'hung-disk-leads-on',
    breaks: 'liveness',
    area: 'protocol',
    wrong: 'A node whose disk hangs goes on leading.',
    scenario: 'stalled-disk',
    edits: [
      {
        at: 'NodeLoop.onHeartbeatRound',
        find: 'return this.#commitRounds > this.#ports.stalledCommitRoundsMax;',
        replace: 'return false;',
      },
    ],
  },
  {
    name: 'read-quorum-of-one-less',
    breaks: 'safety',
    area: 'protocol',
    wrong: 'A read is served when one member less than a majority has confirmed the leader.',
    scenario: 'random-schedules',
    edits: [
      {
        at: 'ReadRounds.finish',
        find: 'round.confirmed.size + 1 < this.#majority',
        replace: 'round.confirmed.size + 2 < this.#majority',
      },
    ],
  },
  {
    name: 'read-joins-round-under-way',
    breaks: 'safety',
    area: 'protocol',
    wrong: 'A read that arrives during a round is served with it, at an index noted before the read came.',
    scenario: 'random-schedules',
    edits: [
      {
        at: 'ReadRounds.add',
        find: 'this.#waiting.push(ticket);',
        replace: '(this.#current?.tickets ?? this.#waiting).push(ticket);',
      },
    ],
  },
  {
    name: 'read-round-number-reused',
    breaks: 'safety',
    area: 'protocol',
    wrong: 'All read rounds have the same number, so an answer to an earlier one confirms a later one.',
    scenario: 'random-schedules',
    edits: [
      {
        at: 'ReadRounds.start',
        find: 'this.#lastRound += 1;',
        replace: 'this.#lastRound = 1;',
      },
    ],
  },
  {
    name: 'read-confirmed-after-higher-promise',
    breaks: 'safety',
    area: 'protocol',
    wrong: 'A member confirms reads of a leader although it has promised a higher ballot.',
    scenario: 'random-schedules',
    edits: [
      {
        at: 'Follower.onReadCheck',
        find: 'if (!sameBallot(message.ballot, this.#state.promisedBallot)) return;',
        replace: '',
      },
    ],
  },
  {
    name: 'read-before-inherited-decided',
    breaks: 'safety',
    area: 'protocol',
    wrong: 'A new leader serves reads before it knows that every entry it inherited is decided.',
    scenario: 'power-3',
    edits: [
      {
        at: 'Leader.#serveReads',
        find: 'if (state.decidedIndex < adoptedLength) {',
        replace: 'if (false) {',
      },
    ],
  },
  {
    name: 'read-before-applied',
    breaks: 'safety',
    area: 'protocol',
    wrong: 'A confirmed read is answered before the index it was confirmed for is applied.',
    scenario: 'power-5',
    edits: [
      {
        at: 'LogReplica.#answerReads',
        find: 'if (index > applied) break;',
        replace: '',
      },
    ],
  },
];
