/** Bugs on the way of a request: gateway, router, formation, and the client. */

export const routingBugs = [
  {
    name: 'reply-with-another-id',
    breaks: 'liveness',
    area: 'routing',
    wrong: 'The gateway answers with the id of the last request, not of the one that was served.',
    scenario: 'chaos-3',
    edits: [
      {
        at: 'Gateway.answer',
        find: 'this.#reply(link, { id, body });',
        replace: 'this.#reply(link, { id: link.lastRequestId, body });',
      },
    ],
  },
  {
    name: 'replies-crossed',
    breaks: 'safety',
    area: 'routing',
    wrong: "Clients whose commands share a log entry get each other's replies.",
    scenario: 'chaos-3',
    edits: [{ at: 'Proposals.propose', find: 'tickets.push(ticket);', replace: 'tickets.unshift(ticket);' }],
  },
  {
    name: 'repeated-request-served',
    breaks: 'safety',
    area: 'routing',
    wrong: 'The gateway serves a request whose id is not above the last one: a repetition by the network.',
    scenario: 'forwarding-5',
    edits: [{ at: 'Gateway.onFrame', find: 'if (request.id <= link.lastRequestId) {', replace: 'if (false) {' }],
  },
  {
    name: 'repeated-forward-served',
    breaks: 'safety',
    area: 'routing',
    wrong: 'A node serves a forwarded request each time it arrives.',
    scenario: 'forwarding-5',
    edits: [
      {
        at: 'Router.onForward',
        find: 'if (this.#taken.has(name) || this.#takenBefore.has(name)) {',
        replace: 'if (false) {',
      },
    ],
  },
  {
    name: 'forward-across-restart-served',
    breaks: 'safety',
    area: 'routing',
    wrong: 'A node serves a forwarded request that was meant for it before its restart.',
    scenario: 'forwarding-5',
    // A copy has to come right after the restart: the more turns there are, the more of them do.
    turnUsMax: 5,
    edits: [
      {
        at: 'Router.onForward',
        find: 'if (message.incarnation !== this.#host.incarnation) {',
        replace: 'if (false) {',
      },
    ],
  },
  {
    name: 'forward-id-reused',
    breaks: 'liveness',
    area: 'routing',
    wrong: 'A node numbers what it passes on from 1 again after a restart.',
    scenario: 'forwarding-5',
    edits: [
      {
        at: 'Router.constructor',
        find: 'this.#lastForward = host.incarnation * FORWARDS_PER_INCARNATION;',
        replace: 'this.#lastForward = 0;',
      },
    ],
  },
  {
    name: 'lost-forward-means-not-applied',
    breaks: 'safety',
    area: 'routing',
    wrong: 'A request that was passed on and not answered is reported as not applied.',
    scenario: 'power-3',
    edits: [
      {
        at: 'Router.onHeartbeatRound',
        find: 'noAnswer(forwarded.isRead, message)',
        replace: "refusal('unavailable', message)",
      },
    ],
  },
  {
    name: 'hops-not-counted',
    breaks: 'liveness',
    area: 'routing',
    wrong: 'A request is passed on without a limit of hops.',
    scenario: 'forwarding-5',
    edits: [
      {
        at: 'Router.#route',
        find: 'const target = hops < this.#forwardHopsMax ? this.#forwardTarget(request.group, hint) : 0;',
        replace: 'const target = this.#forwardTarget(request.group, hint);',
      },
    ],
  },
  {
    name: 'suspicion-never-ends',
    breaks: 'liveness',
    area: 'routing',
    wrong: 'A node that was suspected once stays suspected, and nothing is passed on to it any more.',
    scenario: 'forwarding-5',
    edits: [
      {
        at: 'FailureDetector.onReply',
        find: 'if (!this.#suspects.delete(from))',
        replace: 'if (!this.#suspects.has(from))',
      },
    ],
  },
  {
    name: 'moved-node-keeps-its-epoch',
    breaks: 'liveness',
    area: 'routing',
    wrong: 'The layout gets no new epoch when a node has moved, so that the others keep its old address.',
    scenario: 'new-addresses',
    edits: [{ at: 'moveNode', find: 'epoch: layout.epoch + 1, nodes };', replace: 'nodes };' }],
  },
  {
    name: 'known-by-its-address',
    breaks: 'safety',
    area: 'routing',
    wrong:
      'A node that checks in is recognised by its address: one with an empty disk takes the place of its former self.',
    scenario: 'chaos-3',
    edits: [
      {
        at: 'answerCheckIn',
        find: 'const node = layout.nodes.find((entry) => entry.instance === checkIn.instance);',
        replace:
          'const { host, port } = checkIn.address; ' +
          'const node = layout.nodes.find(({ address }) => address.host === host && address.port === port);',
      },
      { at: 'Node.#onMember', find: 'id === node && instance === this.#identity.instance', replace: 'id === node' },
    ],
  },
  {
    name: 'first-layout-kept',
    breaks: 'liveness',
    area: 'client',
    wrong: 'The client keeps the first layout it was told, whatever its epoch.',
    scenario: 'all-nodes-move',
    edits: [
      {
        at: 'Routes.#onLayout',
        find: 'if (this.#layout === undefined || reply.layout.epoch > this.#layout.epoch) {',
        replace: 'if (this.#layout === undefined) {',
      },
    ],
  },
  {
    name: 'retry-with-a-new-sequence',
    breaks: 'safety',
    area: 'client',
    wrong: 'The client repeats a command under a new sequence.',
    scenario: 'exactly-once-counter',
    edits: [
      {
        at: 'ClientCore.#request',
        find: 'if (task.maybeApplied) return this.#failWithSession(task); task.place = {',
        replace: 'task.place = {',
      },
      {
        at: 'ClientCore.#retry',
        find: 'channel.rotation += 1;',
        replace: 'channel.rotation += 1; task.place?.channel.settle(task.place.sequence); task.place = undefined;',
      },
    ],
  },
  {
    name: 'retry-in-a-new-session',
    breaks: 'safety',
    area: 'client',
    wrong: 'The client repeats a command of unknown outcome in a new session when the old one has expired.',
    scenario: 'exactly-once-counter',
    edits: [
      {
        at: 'ClientCore.#request',
        find: 'if (task.maybeApplied) return this.#failWithSession(task); task.place = {',
        replace: 'task.place = {',
      },
      {
        at: 'ClientCore.#request',
        find: 'if (task.place !== undefined && task.maybeApplied)',
        replace: 'if (false)',
      },
    ],
  },
  {
    name: 'unknown-means-not-applied',
    breaks: 'safety',
    area: 'client',
    wrong: 'The client takes the answer that the outcome is unknown for one that nothing happened.',
    scenario: 'chaos-3',
    edits: [
      {
        at: 'ClientCore.#onRefused',
        find: "case 'outcome-unknown': task.maybeApplied = true;",
        replace: "case 'outcome-unknown':",
      },
    ],
  },
  {
    name: 'lost-means-not-applied',
    breaks: 'safety',
    area: 'client',
    wrong: 'The client takes a request whose connection broke after it left for one that was not applied.',
    scenario: 'chaos-3',
    edits: [{ at: 'ClientCore.#onAnswer', find: 'task.maybeApplied ||= answer.sent;', replace: '' }],
  },
  {
    name: 'timeout-means-not-applied',
    breaks: 'safety',
    area: 'client',
    wrong: 'A command whose deadline passes while it is under way is reported as not applied.',
    scenario: 'chaos-3',
    edits: [
      { at: 'mayBeApplied', find: '(task.maybeApplied || task.attempt?.sent === true)', replace: 'task.maybeApplied' },
    ],
  },
];
