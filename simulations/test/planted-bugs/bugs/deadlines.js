/** Bugs in how a client keeps its deadlines, and in what it lets its caller see. */

export const deadlineBugs = [
  {
    name: 'ends-as-unknown-at-the-first-trouble',
    breaks: 'liveness',
    area: 'client',
    wrong: 'An operation of which a copy may have been executed ends as unknown instead of being asked for again.',
    scenario: 'chaos-5',
    edits: [
      {
        at: 'ClientCore.#retry',
        find: 'task.lastTrouble = trouble;',
        replace:
          "if (task.maybeApplied) return this.#fail(task, 'outcome-unknown', trouble);\ntask.lastTrouble = trouble;",
      },
    ],
  },
  {
    name: 'hints-followed-without-count',
    breaks: 'liveness',
    area: 'client',
    wrong: 'Hints to a leader are followed at once, however many there were.',
    scenario: 'chaos-5',
    edits: [
      {
        at: 'ClientCore.#onRefused',
        find: 'task.redirects < this.#ports.timings.redirectsAtOnceMax',
        replace: 'task.redirects >= 0',
      },
    ],
  },
  {
    name: 'tries-again-without-a-pause',
    breaks: 'liveness',
    area: 'client',
    wrong: 'What was refused is asked for again at once.',
    scenario: 'chaos-3',
    edits: [
      {
        at: 'ClientCore.#retry',
        find: 'backoffMs(this.#ports, task.attempts)',
        replace: '0',
      },
    ],
  },
  {
    name: 'pause-does-not-grow',
    breaks: 'liveness',
    area: 'client',
    wrong: 'The pause between two attempts is a millisecond, however many there were.',
    scenario: 'chaos-limits',
    edits: [
      {
        at: 'ClientCore.#retry',
        find: 'backoffMs(this.#ports, task.attempts)',
        replace: '1',
      },
    ],
  },
  {
    name: 'deadline-of-a-second-at-least',
    breaks: 'liveness',
    area: 'client',
    wrong: 'An operation has a second at least, however little its caller gave it.',
    scenario: 'chaos-3',
    edits: [
      {
        at: 'ClientCore.submit',
        find: 'deadlineMs: now + timeoutMs,',
        replace: 'deadlineMs: now + Math.max(timeoutMs, 1000),',
      },
    ],
  },
  {
    name: 'deadline-from-the-last-attempt',
    breaks: 'liveness',
    area: 'client',
    wrong: 'Each attempt begins the time of its operation anew.',
    scenario: 'chaos-3',
    edits: [
      {
        at: 'ClientCore.#sweep',
        find: 'if (now >= task.deadlineMs) this.#timeOut(task);',
        replace: 'if (now >= task.deadlineMs && (task.attempts < 2 || now >= task.attemptEndsMs)) this.#timeOut(task);',
      },
    ],
  },
  {
    name: 'deadlines-looked-at-once-a-second',
    breaks: 'liveness',
    area: 'client',
    wrong: 'Deadlines are looked at once a second.',
    scenario: 'chaos-3',
    edits: [
      {
        at: 'ClientCore.#sweepLater',
        find: 'this.#ports.clock.setTimer(this.#ports.timings.sweepMs, () => {',
        replace: 'this.#ports.clock.setTimer(40 * this.#ports.timings.sweepMs, () => {',
      },
    ],
  },
  {
    name: 'sweep-ends-with-the-first-timeout',
    breaks: 'liveness',
    area: 'client',
    wrong: 'Once a deadline has passed nobody looks at the others until the next operation begins.',
    scenario: 'chaos-3',
    edits: [
      {
        at: 'ClientCore.#sweep',
        find: 'for (const task of this.#tasks) {',
        replace: 'for (const task of [...this.#tasks].slice(0, 1)) {',
      },
    ],
  },
  {
    name: 'gives-up-after-five-attempts',
    breaks: 'liveness',
    area: 'client',
    wrong: 'A client gives an operation up after five attempts, though it has time.',
    scenario: 'chaos-3',
    edits: [
      {
        at: 'ClientCore.#retry',
        find: 'task.lastTrouble = trouble;',
        replace: 'task.lastTrouble = trouble; if (task.attempts >= 5) { this.#timeOut(task); return; }',
      },
    ],
  },
  {
    name: 'busy-told-to-the-caller',
    breaks: 'liveness',
    area: 'client',
    wrong: 'A caller is told that a node is too busy, instead of trying again.',
    scenario: 'chaos-3',
    edits: [
      {
        at: 'ClientCore.#onRefused',
        find: "case 'busy': this.#retry(task, channel, refused.message); return;",
        replace: "case 'busy': this.#fail(task, refused.code, refused.message); return;",
      },
    ],
  },
  {
    name: 'expired-session-told-to-the-caller',
    breaks: 'liveness',
    area: 'client',
    wrong: 'A caller is told that a session of which it knows nothing has expired.',
    scenario: 'exactly-once-counter',
    edits: [
      {
        at: 'ClientCore.#onRefused',
        find: 'channel.sessionLost(); this.#attempt(task); return;',
        replace: 'channel.sessionLost(); this.#fail(task, refused.code, refused.message); return;',
      },
    ],
  },
  {
    name: 'late-timeout-says-not-applied',
    breaks: 'liveness',
    area: 'client',
    wrong: 'An operation that ran out of time is told as unavailable, whatever may have become of it.',
    scenario: 'chaos-3',
    edits: [
      {
        at: 'ClientCore.#timeOut',
        find: "mayBeApplied(task) ? 'timeout' : 'unavailable'",
        replace: "'unavailable'",
      },
    ],
  },
];
