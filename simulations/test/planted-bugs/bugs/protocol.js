/** Bugs of Sequence Paxos itself: promises, accepts, decisions. */

export const protocolBugs = [
  {
    name: 'promise-before-disk',
    breaks: 'safety',
    area: 'protocol',
    wrong: 'A follower sends its promise before the promise is on disk, and may forget it in a crash.',
    scenario: 'random-schedules',
    edits: [
      {
        at: 'Follower.onPrepare',
        find: "this.#outbox.sendAfterPersist(from, { type: 'promise',",
        replace: "this.#outbox.send(from, { type: 'promise',",
      },
    ],
  },
  {
    name: 'accepted-before-disk',
    breaks: 'safety',
    area: 'protocol',
    wrong: 'A follower answers that it accepted entries before they are on disk.',
    scenario: 'restart-of-all',
    edits: [
      {
        at: 'Follower.#answerAccepted',
        find: "this.#outbox.sendAfterPersist(to, { type: 'accepted',",
        replace: "this.#outbox.send(to, { type: 'accepted',",
      },
    ],
  },
  {
    name: 'leader-counts-itself-early',
    breaks: 'safety',
    area: 'protocol',
    wrong: "The leader's own acceptance counts before its disk write.",
    scenario: 'random-schedules',
    edits: [
      {
        at: 'Leader.#decideAccepted',
        find: 'const accepted = [this.#phase.durableLength];',
        replace: 'const accepted = [this.#state.log.length];',
      },
    ],
  },
  {
    name: 'earlier-round-counts-as-durable',
    breaks: 'safety',
    area: 'protocol',
    wrong: 'The leader counts a disk write of an earlier round as its acceptance in the present one.',
    scenario: 'random-schedules',
    edits: [
      {
        at: 'Leader.onPersisted',
        find: "if (this.#phase.type !== 'accepting' || !sameBallot(receipt.acceptedBallot, this.ballot))",
        replace: "if (this.#phase.type !== 'accepting')",
      },
    ],
  },
  {
    name: 'longest-log-wins',
    breaks: 'safety',
    area: 'protocol',
    wrong: 'A new leader adopts the longest log, whatever ballot it was accepted in.',
    scenario: 'random-schedules',
    edits: [
      {
        at: 'Leader.#adopt',
        find: 'const order = compareBallots(promise.acceptedBallot, highest.acceptedBallot);',
        replace: 'const order = 0;',
      },
      {
        at: 'Leader.#suffixStart',
        find: 'const order = compareBallots(promised.acceptedBallot, acceptedBallot);',
        replace: 'const order = 0;',
      },
      {
        at: 'Follower.#suffixStart',
        find: 'const order = compareBallots(acceptedBallot, message.acceptedBallot);',
        replace: 'const order = 0;',
      },
    ],
  },
  {
    name: 'own-log-not-considered',
    breaks: 'safety',
    area: 'protocol',
    wrong: 'A new leader adopts the highest log of the others and leaves its own out of the comparison.',
    scenario: 'power-3',
    edits: [
      {
        at: 'Leader.#adopt',
        find: 'acceptedBallot: state.acceptedBallot, logLength: state.log.length,',
        replace: 'acceptedBallot: { number: 0, priority: 0, node: 0 }, logLength: state.log.length,',
      },
    ],
  },
  {
    name: 'promise-quorum-of-one-less',
    breaks: 'safety',
    area: 'protocol',
    wrong: 'A new leader goes on with one promise less than a majority.',
    scenario: 'chaos-3',
    edits: [
      {
        at: 'Leader.#adoptIfPromised',
        find: 'if (complete.length + 1 < this.#majority)',
        replace: 'if (complete.length + 2 < this.#majority)',
      },
    ],
  },
  {
    name: 'commit-quorum-of-one-less',
    breaks: 'safety',
    area: 'protocol',
    wrong: 'An entry counts as decided with one acceptance less than a majority.',
    scenario: 'chaos-3',
    edits: [
      {
        at: 'Leader.#decideAccepted',
        find: 'this.#state.decide(accepted[this.#majority - 1]);',
        replace: 'this.#state.decide(accepted[this.#majority - 2]);',
      },
    ],
  },
  {
    name: 'late-promise-keeps-its-tail',
    breaks: 'safety',
    area: 'protocol',
    wrong: 'A member that promises late keeps a tail beyond the adopted log: its accept-sync starts at its own length.',
    scenario: 'power-3',
    edits: [
      {
        at: 'Leader.#syncFrom',
        find: 'return Math.max(promised.decidedIndex, Math.min(promised.logLength, adoptedLength));',
        replace: 'return Math.max(promised.decidedIndex, promised.logLength);',
      },
    ],
  },
  {
    name: 'same-ballot-not-asked',
    breaks: 'safety',
    area: 'protocol',
    wrong:
      'An accept-sync starts at the shorter of the two lengths although the logs were accepted in different ballots.',
    scenario: 'random-schedules',
    edits: [
      {
        at: 'Leader.#syncFrom',
        find: 'if (!sameBallot(promised.acceptedBallot, adoptedBallot)) return promised.decidedIndex;',
        replace: '',
      },
    ],
  },
  {
    name: 'late-accept-sync-truncates',
    breaks: 'safety',
    area: 'protocol',
    wrong: 'An accept-sync that arrives late or twice cuts entries that were accepted after it.',
    scenario: 'random-schedules',
    edits: [
      {
        at: 'Follower.onAcceptSync',
        find: 'if (sameBallot(state.acceptedBallot, message.ballot)) {',
        replace: 'if (false) {',
      },
    ],
  },
  {
    name: 'gap-accepted',
    breaks: 'safety',
    area: 'protocol',
    wrong: 'A follower takes an accept although entries before it are missing.',
    scenario: 'loss-and-duplication',
    edits: [
      {
        at: 'Follower.onAccept',
        find: 'if (!sameBallot(state.acceptedBallot, message.ballot) || message.from > length)',
        replace: 'if (!sameBallot(state.acceptedBallot, message.ballot))',
      },
    ],
  },
  {
    name: 'repeated-accept-appended',
    breaks: 'safety',
    area: 'protocol',
    wrong: 'A follower appends all entries of an accept, also those it has already.',
    scenario: 'loss-and-duplication',
    edits: [
      {
        at: 'Follower.onAccept',
        find: 'state.append(message.entries.slice(length - message.from));',
        replace: 'state.append(message.entries);',
      },
    ],
  },
  {
    name: 'accept-of-unsynchronized-log',
    breaks: 'safety',
    area: 'protocol',
    wrong: "A follower takes accepts of the promised ballot before it was synchronized: its log is another ballot's.",
    scenario: 'random-schedules',
    edits: [
      {
        at: 'Follower.onAccept',
        find: 'if (!sameBallot(state.acceptedBallot, message.ballot) || message.from > length)',
        replace: 'if (message.from > length)',
      },
    ],
  },
  {
    name: 'decided-in-another-ballot',
    breaks: 'safety',
    area: 'protocol',
    wrong: "A follower takes the leader's decided index for its log although that was accepted in another ballot.",
    scenario: 'power-3',
    edits: [
      {
        at: 'Follower.#learnDecided',
        find: 'if (!sameBallot(word.ballot, state.acceptedBallot)) return;',
        replace: '',
      },
    ],
  },
  {
    name: 'decided-index-falls',
    breaks: 'safety',
    area: 'protocol',
    wrong: 'An older message takes the decided index back.',
    scenario: 'random-schedules',
    edits: [
      {
        at: 'ReplicaState.decide',
        find: 'this.#decidedIndex = Math.max(this.#decidedIndex, Math.min(index, this.log.length));',
        replace: 'this.#decidedIndex = Math.min(index, this.log.length);',
      },
    ],
  },
  {
    name: 'truncated-still-durable',
    breaks: 'safety',
    area: 'protocol',
    wrong: 'After a cut, the entries that replace the old ones count as on disk because the old ones were.',
    scenario: 'random-schedules',
    edits: [
      {
        at: 'ReplicaState.acceptRound',
        find: 'this.#durableLength = Math.min(this.#durableLength, from);',
        replace: '',
      },
    ],
  },
  {
    name: 'accepted-ballot-not-with-its-entries',
    breaks: 'safety',
    area: 'protocol',
    wrong: 'A write that has entries leaves out the ballots that changed with them, and they are never written.',
    scenario: 'random-schedules',
    edits: [
      {
        at: 'ReplicaState.takePersist',
        find: 'hardState: this.#hardStateChanged ? hardState : undefined,',
        replace: 'hardState: this.#hardStateChanged && from === undefined ? hardState : undefined,',
      },
    ],
  },
  {
    name: 'applied-ahead-of-own-log',
    breaks: 'safety',
    area: 'protocol',
    wrong: "A replica applies what is decided before it is in the log on the replica's own disk.",
    scenario: 'power-3',
    edits: [
      {
        at: 'ReplicaState.applicableIndex',
        find: 'return Math.min(this.#decidedIndex, this.#durableLength);',
        replace: 'return this.#decidedIndex;',
      },
    ],
  },
  {
    name: 'prepare-before-own-promise',
    breaks: 'safety',
    area: 'protocol',
    wrong: 'A candidate sends its prepare before its own promise is on disk.',
    scenario: 'random-schedules',
    hard: 'the candidate loses power before its promise is written, and others promise to it and accept under the number that it uses again; the exhaustive search finds it: `npm run simulate:exhaustive -- --elections 2 --crashes 1 --writes 2 --entries 0 --bugs prepare-before-own-promise`',
    edits: [
      {
        at: 'Leader.start',
        find: 'this.#outbox.sendAfterPersist(member, this.#prepare());',
        replace: 'this.#outbox.send(member, this.#prepare());',
      },
    ],
  },
  {
    name: 'promise-lost-in-restart',
    breaks: 'safety',
    area: 'protocol',
    wrong: 'After a restart the ballots that a replica leads with start below the promise on its disk.',
    scenario: 'restart-of-all',
    edits: [
      {
        at: 'SequencePaxos.constructor',
        find: 'new LeaderElection(self, members.length - place, members.length, promised)',
        replace: 'new LeaderElection(self, members.length - place, members.length, ZERO_BALLOT)',
      },
    ],
  },
  {
    name: 'prepare-not-repeated',
    breaks: 'liveness',
    area: 'protocol',
    wrong: 'A lost prepare or promise is not noticed: the prepare is sent once.',
    scenario: 'chaos-3',
    edits: [
      {
        at: 'Leader.onHeartbeatRound',
        find: "if (this.#phase.type === 'preparing') { for (const member of this.#others) {",
        replace: "if (this.#phase.type === 'preparing') { for (const member of []) {",
      },
    ],
  },
  {
    name: 'standstill-not-noticed',
    breaks: 'liveness',
    area: 'protocol',
    wrong:
      'A lost accept, or its answer, is not noticed by the leader: it waits for a follower that has nothing to say.',
    scenario: 'chaos-3',
    edits: [
      {
        at: 'isStalled',
        find: 'return progress.stalledRounds >= roundsMax;',
        replace: 'return false;',
      },
    ],
  },
  {
    name: 'promise-parts-of-two-logs',
    breaks: 'safety',
    area: 'protocol',
    wrong: 'Parts of a promise are joined although the log that is promised has changed between them.',
    scenario: 'random-schedules',
    hard: 'nothing, as far as can be read from the code: who has promised a ballot changes its log only in that ballot, which begins when its leader has all parts; a fetched state ends the collection anyway',
    edits: [
      {
        at: 'Leader.#collect',
        find: 'soFar !== undefined && sameLog(soFar, message) ? soFar : undefined',
        replace: 'soFar',
      },
    ],
  },
];
