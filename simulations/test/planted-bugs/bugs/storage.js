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
        find: 'this.#ports.storage.commit(batch.writes, () => this.#committed(batch));',
        replace:
          'for (const { replica, outgoing } of batch.messages.splice(0)) this.#sendOf(replica, outgoing); ' +
          'this.#ports.storage.commit(batch.writes, () => this.#committed(batch));',
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
    name: 'second-commit-not-waited-for',
    breaks: 'safety',
    area: 'storage',
    wrong: 'Every second commit counts as done as soon as it was asked for.',
    scenario: 'power-3',
    edits: [
      {
        at: 'NodeLoop.#startCommit',
        find: 'this.#ports.storage.commit(batch.writes, () => this.#committed(batch));',
        replace:
          'this.commits = (this.commits ?? 0) + 1; const early = this.commits % 2 === 0; ' +
          'if (early) this.#ports.clock.defer(() => this.#committed(batch)); ' +
          'this.#ports.storage.commit(batch.writes, () => early || this.#committed(batch));',
      },
    ],
  },
  {
    name: 'receipts-of-the-next-commit',
    breaks: 'safety',
    area: 'storage',
    wrong: 'At the end of a commit what waits for the next one counts as on disk, too.',
    scenario: 'power-3',
    edits: [
      {
        at: 'NodeLoop.#committed',
        find: 'for (const [replica, receipt] of batch.receipts)',
        replace: 'for (const [replica, receipt] of [...batch.receipts, ...this.#next.receipts])',
      },
    ],
  },
  {
    name: 'messages-of-the-next-commit',
    breaks: 'safety',
    area: 'storage',
    wrong: 'At the end of a commit the messages that wait for the next one leave, too.',
    scenario: 'power-3',
    edits: [
      {
        at: 'NodeLoop.#committed',
        find: 'for (const { replica, outgoing } of batch.messages)',
        replace: 'for (const { replica, outgoing } of [...batch.messages, ...this.#next.messages.splice(0)])',
      },
    ],
  },
  {
    name: 'last-write-of-a-commit-left-out',
    breaks: 'safety',
    area: 'storage',
    wrong: 'Of several writes of a commit the last one is not handed to the storage.',
    scenario: 'power-3',
    edits: [
      {
        at: 'NodeLoop.#startCommit',
        find: 'this.#ports.storage.commit(batch.writes, () => this.#committed(batch));',
        replace:
          'this.#ports.storage.commit(batch.writes.slice(0, Math.max(1, batch.writes.length - 1)), ' +
          '() => this.#committed(batch));',
      },
    ],
  },
  {
    name: 'writes-of-a-commit-reversed',
    breaks: 'safety',
    area: 'storage',
    wrong:
      'The writes of one commit are handed to the storage in reverse order, so that an earlier one cuts off a later.',
    scenario: 'power-3',
    edits: [
      {
        at: 'CommitBatch.add',
        find: 'this.writes.push(persist.write);',
        replace: 'this.writes.unshift(persist.write);',
      },
    ],
  },
  {
    name: 'earlier-write-of-a-commit-lost',
    breaks: 'safety',
    area: 'storage',
    wrong: 'Of several writes of one group in a commit only the last is made.',
    scenario: 'power-3',
    edits: [
      {
        at: 'CommitBatch.add',
        find: 'this.writes.push(persist.write);',
        replace:
          'const place = this.writes.findIndex(({ group }) => group === persist.write.group); ' +
          'this.writes.splice(place < 0 ? this.writes.length : place, 1, persist.write);',
      },
    ],
  },
  {
    name: 'overwritten-entries-come-back',
    breaks: 'safety',
    area: 'storage',
    wrong: 'When the log is read, entries that a later append overwrote are not cut.',
    scenario: 'aimed-5',
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
        at: 'checkSeal',
        find: 'if (record.length <= CHECKSUM_BYTES || view.getUint32(0) !== crc32(body))',
        replace: 'if (record.length <= CHECKSUM_BYTES)',
      },
    ],
  },
  {
    name: 'trimmed-before-durable',
    breaks: 'safety',
    area: 'storage',
    wrong: 'The log is trimmed behind what is applied, not behind what is durably applied.',
    scenario: 'power-3',
    edits: [
      {
        at: 'LogReplica.#compact',
        find: 'const durableIndex = Math.min(this.#state.durableIndex, keep);',
        replace: 'const durableIndex = Math.min(this.#state.applied.index, keep);',
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
        at: 'Flusher.#flush',
        find: 'this.#storage.commit(mutations, () => {',
        replace:
          'this.#storage.commit(mutations.map(({ group, records }) => ({ group, records: records.slice(0, 1) })), () => undefined);\n' +
          'this.#storage.commit(mutations.map(({ group, records }) => ({ group, records: records.slice(1) })), () => {',
      },
    ],
  },
  {
    name: 'flush-waits-out-its-interval',
    breaks: 'liveness',
    area: 'storage',
    wrong: 'A group that refuses writes because too much is unwritten waits for the next regular flush.',
    scenario: 'little-unflushed',
    edits: [
      { at: 'Flusher.schedule', find: '&& urgent)', replace: '&& false)' },
      { at: 'Flusher.schedule', find: 'urgent ? 0 :', replace: 'false ? 0 :' },
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
        at: 'KeyValueMachine.get',
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
        at: 'KeyValueMachine.get',
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
        at: 'KeyValueMachine.apply',
        find: 'return applyCommand(this, command, version);',
        replace: 'return applyCommand(this, command, (this.get(command.key)?.version ?? 0) + 1);',
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
        at: 'GroupState.apply',
        find: 'revision += 1; return this.#applyCommand(command, revision, leaseMs);',
        replace: 'revision = this.#applied.revision + 1; return this.#applyCommand(command, revision, leaseMs);',
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
        find: 'if (compareBallots(ballot, this.#state.promisedBallot) > 0) {',
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
        at: 'ReplicaState.installSnapshot',
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
    edits: [
      {
        at: 'LogReplica.constructor',
        find: 'this.#noteInstalledState();',
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
        find: '? { ...known, incarnation: known.incarnation + 1 }',
        replace: '? { ...known, incarnation: known.incarnation + 1, instance: randomId(ports.random) }',
      },
    ],
  },
];
