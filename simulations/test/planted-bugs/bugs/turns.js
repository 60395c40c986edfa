/** Bugs that show only when several inputs meet in one turn. */

export const turnBugs = [
  {
    name: 'one-refusal-for-an-entry',
    breaks: 'liveness',
    area: 'protocol',
    wrong: 'Of the commands of a proposal that is refused only the first one is answered.',
    scenario: 'chaos-3',
    edits: [
      {
        at: 'LogReplica.#noteProposals',
        find: 'this.#replyAll(this.#proposals.refused(outcome.ticket), this.#refuse(outcome.refusal));',
        replace: 'this.#replyAll(this.#proposals.refused(outcome.ticket).slice(0, 1), this.#refuse(outcome.refusal));',
      },
    ],
  },
  {
    name: 'last-change-of-a-turn-written',
    breaks: 'safety',
    area: 'protocol',
    wrong: 'When the log changes twice in a turn, what is written begins at the later change.',
    scenario: 'chaos-3',
    edits: [
      {
        at: 'ReplicaState.#noteChange',
        find: 'this.#changedFrom = Math.min(from, this.#changedFrom ?? from);',
        replace: 'this.#changedFrom = from;',
      },
    ],
  },
  {
    name: 'inputs-of-a-turn-reversed',
    breaks: 'safety',
    area: 'protocol',
    wrong: 'A replica takes the inputs of a turn last first.',
    scenario: 'chaos-3',
    edits: [
      {
        at: 'LogReplica.step',
        find: 'for (const input of inputs) this.#take(input);',
        replace: 'for (const input of [...inputs].reverse()) this.#take(input);',
      },
    ],
  },
  {
    name: 'last-read-of-a-turn-kept',
    breaks: 'liveness',
    area: 'protocol',
    wrong: 'Of the reads that come in one turn only the last one is served.',
    scenario: 'chaos-3',
    edits: [{ at: 'ReadRounds.add', find: 'this.#waiting.push(ticket);', replace: 'this.#waiting = [ticket];' }],
  },
  {
    name: 'first-receipt-of-a-turn-kept',
    breaks: 'liveness',
    area: 'storage',
    wrong: 'Of the writes of a replica in one commit only the first one is told to be on disk.',
    scenario: 'chaos-3',
    edits: [
      {
        at: 'CommitBatch.add',
        find: 'this.receipts.set(replica, persist.receipt);',
        replace: 'if (!this.receipts.has(replica)) this.receipts.set(replica, persist.receipt);',
      },
    ],
  },
  {
    name: 'one-message-of-a-frame-heard',
    breaks: 'liveness',
    area: 'routing',
    wrong: 'Of the forwarded requests in a frame only the first one is heard.',
    scenario: 'forwarding-5',
    edits: [
      {
        at: 'HostedGroups.#onFrame',
        find: 'for (const message of messages) {',
        replace:
          "for (const [place, message] of messages.entries()) { if (place > 0 && message.type === 'forward') continue;",
      },
    ],
  },
  {
    name: 'one-command-of-a-turn-proposed',
    breaks: 'liveness',
    area: 'protocol',
    wrong: 'Of the commands of a turn that do not fit into one entry the others are forgotten.',
    scenario: 'chaos-3',
    edits: [
      {
        at: 'Proposals.propose',
        find: 'proposals.push({ ticket: this.#lastProposal, payload });',
        replace: 'proposals.push({ ticket: this.#lastProposal, payload }); break;',
      },
    ],
  },
];
