/** Bugs of the log on disk, of the applied state and of snapshots. */

export const storageBugs = [
  {
    name: 'messages-leave-with-the-commit',
    breaks: 'safety',
    area: 'storage',
    wrong: 'Messages that depend on a write leave when the commit begins, not when it is done.',
    scenario: 'power-3',
    edits: [
      {
        at: 'NodeLoop.#startCommit',
        find: 'this.#ports.storage.commit(batch.mutations, () => this.#committed(batch));',
        replace:
          'for (const { group, outgoing } of batch.messages.splice(0)) this.#sendConsensus(group, outgoing); ' +
          '        this.#ports.storage.commit(batch.mutations, () => this.#committed(batch));',
      },
    ],
  },
  {
    name: 'nothing-to-write-nothing-to-wait-for',
    breaks: 'safety',
    area: 'storage',
    wrong: 'A message without a write of its own does not wait for the commit under way, which it may depend on.',
    scenario: 'power-3',
    edits: [
      {
        at: 'NodeLoop.#releaseIfNothingToWrite',
        find: 'const holder = this.#committing;',
        replace: 'const holder = undefined;',
      },
    ],
  },
  {
    name: 'joined-appends-not-cut',
    breaks: 'safety',
    area: 'storage',
    wrong: 'Two appends of one commit are joined without cutting the first where the second begins.',
    scenario: 'power-3',
    hard: 'nothing, as far as can be read from the code: who is told to cut its log has promised before, and that promise is on disk, in a commit of its own, before the answer to it can come; so a cut is never in one commit with what it cuts',
    edits: [
      {
        at: 'joinAppends',
        find: 'earlier.entries.slice(0, later.from - earlier.from)',
        replace: 'earlier.entries',
      },
    ],
  },
  {
    name: 'overwritten-entries-come-back',
    breaks: 'safety',
    area: 'storage',
    wrong: 'When the log is read, entries that a later append overwrote are not cut.',
    scenario: 'power-3',
    edits: [
      {
        at: 'joinSegments',
        find: 'entries.length = Math.max(0, segment.from - compactedIndex);',
        replace: '',
      },
    ],
  },
  {
    name: 'checksum-not-verified',
    breaks: 'safety',
    area: 'storage',
    wrong: 'The checksum of a record is not compared when it is read.',
    scenario: 'chaos-3',
    edits: [
      {
        at: 'unseal',
        find: 'if (record.length < 4 || view.getUint32(0) !== crc32(body))',
        replace: 'if (record.length < 4)',
      },
    ],
  },
  {
    name: 'trimmed-before-durable',
    breaks: 'liveness',
    area: 'storage',
    wrong: 'The log is trimmed behind what is applied, not behind what is durably applied.',
    scenario: 'power-3',
    edits: [
      {
        at: 'GroupReplica.onFlushed',
        find: 'const durableIndex = Math.min(this.state.durableIndex, keep);',
        replace: 'const durableIndex = Math.min(this.state.applied.index, keep);',
      },
    ],
  },
  {
    name: 'later-index-counts-as-flushed',
    breaks: 'safety',
    area: 'storage',
    wrong: 'At the end of a flush everything applied by then counts as durable, not what the flush began with.',
    scenario: 'power-3',
    edits: [
      {
        at: 'GroupState.startFlush',
        find: 'this.#durableIndex = Math.max(this.#durableIndex, applied.index);',
        replace: 'this.#durableIndex = this.#applied.index;',
      },
    ],
  },
  {
    name: 'index-committed-before-data',
    breaks: 'safety',
    area: 'storage',
    wrong: 'The applied index is committed first and the data after it, not both in one transaction.',
    scenario: 'restart-of-all',
    edits: [
      {
        at: 'StateFlusher.#flush',
        find: 'this.#storage.commit(mutations, done);',
        replace:
          'this.#storage.commit(mutations.map(({ group, records }) => ({ group, records: records.slice(0, 1) })), () => ' +
          'this.#storage.commit(mutations.map(({ group, records }) => ({ group, records: records.slice(1) })), done));',
      },
    ],
  },
  {
    name: 'flush-hides-its-values',
    breaks: 'safety',
    area: 'storage',
    wrong: 'While a flush is under way, reads miss the values that it is about to write.',
    scenario: 'steady-load',
    edits: [
      {
        at: 'GroupState.get',
        find: 'for (const overlay of [this.#overlay, this.#flushing]) {',
        replace: 'for (const overlay of [this.#overlay]) {',
      },
    ],
  },
  {
    name: 'deleted-value-read-from-disk',
    breaks: 'safety',
    area: 'storage',
    wrong: 'A key whose deletion is not flushed yet is read from the disk, where it still is.',
    scenario: 'steady-load',
    edits: [
      {
        at: 'GroupState.get',
        find: 'if (found !== undefined || overlay.has(name))',
        replace: 'if (found !== undefined)',
      },
    ],
  },
  {
    name: 'version-starts-again',
    breaks: 'safety',
    area: 'storage',
    wrong: 'Versions count per key and start again after a delete.',
    scenario: 'steady-load',
    edits: [
      {
        at: 'write',
        find: "function write(state, key, value, revision) { state.set(key, revision, value); return { type: 'written', version: revision };",
        replace:
          "function write(state, key, value) { const version = (state.get(key)?.version ?? 0) + 1; state.set(key, version, value); return { type: 'written', version };",
      },
    ],
  },
  {
    name: 'version-per-entry',
    breaks: 'safety',
    area: 'storage',
    wrong: 'All commands of one log entry get the same version.',
    scenario: 'chaos-3',
    edits: [
      {
        at: 'applyBatch',
        find: 'revision += 1; return applyCommand(state, command, revision, timeMs);',
        replace: 'revision = state.applied.revision + 1; return applyCommand(state, command, revision, timeMs);',
      },
    ],
  },
  {
    name: 'snapshot-promises-nothing',
    breaks: 'safety',
    area: 'storage',
    wrong: 'A replica that installs a snapshot does not promise the ballot in which that was decided.',
    scenario: 'random-schedules',
    edits: [
      {
        at: 'SequencePaxos.#onSnapshotInstalled',
        find: 'if (compareBallots(ballot, this.#acceptor.promisedBallot) > 0) {',
        replace: 'if (false) {',
      },
    ],
  },
  {
    name: 'snapshot-drops-accepted-suffix',
    breaks: 'safety',
    area: 'storage',
    wrong: 'Installing a snapshot throws away entries beyond it that were accepted and counted.',
    scenario: 'random-schedules',
    edits: [
      {
        at: 'Acceptor.installSnapshot',
        find: 'this.log.compact(index); this.#decidedIndex = index;',
        replace:
          'if (index < this.log.length) this.log.truncate(index); this.log.compact(index); this.#decidedIndex = index;',
      },
    ],
  },
  {
    name: 'snapshot-part-skipped',
    breaks: 'safety',
    area: 'storage',
    wrong: 'A repeated request for a part of a snapshot is answered with the next part under the same number.',
    scenario: 'power-3',
    edits: [
      {
        at: 'Snapshots.onRequest',
        find: 'if (message.part === sending.part + 1) {',
        replace: 'if (message.part >= sending.part) {',
      },
    ],
  },
  {
    name: 'snapshot-without-sessions',
    breaks: 'safety',
    area: 'session',
    wrong: 'A snapshot holds the keys and not the sessions.',
    scenario: 'chaos-3',
    edits: [
      {
        at: 'Snapshots.onRequest',
        find: '.filter((record) => !isInstalledRecord(record));',
        replace: '.filter((record) => !isInstalledRecord(record) && record.key[0] !== 0x73);',
      },
    ],
  },
  {
    name: 'flush-over-fetched-state',
    breaks: 'safety',
    area: 'storage',
    wrong: 'A flush goes on while a fetched state takes the place of the one it writes.',
    scenario: 'power-3',
    edits: [
      {
        at: 'GroupState.hasUnflushed',
        find: 'return !this.#beingReplaced && this.#applied.index > this.#durableIndex;',
        replace: 'return this.#applied.index > this.#durableIndex;',
      },
    ],
  },
  {
    name: 'installed-state-not-noted',
    breaks: 'safety',
    area: 'storage',
    wrong: 'After a restart the log is not told of a state that was installed right before.',
    scenario: 'power-3',
    hard: 'power fails between the installation of a state and the write of the log that goes with it, at a replica that follows a leader which was superseded without its knowing',
    edits: [
      {
        at: 'Member.#createReplica',
        find: 'replica.noteInstalledState();',
        replace: '',
      },
    ],
  },
  {
    name: 'new-identity-each-start',
    breaks: 'liveness',
    area: 'storage',
    wrong: 'A node makes itself a new identity at each start instead of keeping the one on its disk.',
    scenario: 'formation',
    edits: [
      {
        at: 'Node.constructor',
        find: '? { ...known, starts: known.starts + 1 }',
        replace: '? { ...known, starts: known.starts + 1, instance: randomId(ports.random) }',
      },
    ],
  },
];
