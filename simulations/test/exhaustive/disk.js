/** The disk of a replica in a search: a value. `written` gives the next one, and throws where the contract of `Persist` is broken. */

export function blankDisk({ ZERO_BALLOT }) {
  const hardState = { promisedBallot: ZERO_BALLOT, acceptedBallot: ZERO_BALLOT, decidedIndex: 0 };
  return { blank: true, hardState, entries: [] };
}

export function written(disk, persist, { compareBallots }) {
  const { append, receipt, hardState = disk.hardState } = persist;
  if (persist.compactedIndex !== undefined) throw new Error('nothing was compacted, and the log begins later');
  if ((append?.from ?? 0) > disk.entries.length) throw new Error(`a hole in the log on disk before ${append.from}`);
  const entries = append === undefined ? disk.entries : [...disk.entries.slice(0, append.from), ...append.entries];
  if (entries.length !== receipt.logLength)
    throw new Error(`the log on disk ends at ${entries.length}, the receipt says ${receipt.logLength}`);
  for (const kind of ['promisedBallot', 'acceptedBallot']) {
    if (compareBallots(hardState[kind], disk.hardState[kind]) < 0) throw new Error(`the ${kind} on disk falls`);
  }
  if (compareBallots(hardState.acceptedBallot, hardState.promisedBallot) > 0)
    throw new Error('the ballot accepted on disk is above the promise on disk');
  if (hardState.decidedIndex > entries.length) throw new Error('the decided index on disk is past the log on disk');
  return { blank: false, hardState, entries };
}

/** What a replica starts from; undefined for a new one. */
export function recovered({ blank, hardState, entries }) {
  return blank ? undefined : { hardState, compactedIndex: 0, entries };
}
