/**
 * How far the searches go. Three members; n1 and n2 may stand for election, which loses nothing with two elections: members
 * differ in nothing but the order of their ballots, so every pair of candidates is like one of theirs.
 */

export const smallest = {
  members: [1, 2, 3],
  candidates: [1, 2],
  /** So often a replica stands with a ballot of its own. */
  elections: 2,
  /** Proposals that a leader takes. */
  entries: 1,
  crashes: 0,
  reads: 0,
  /** Heartbeat rounds that tell a replica what others are; those of elections are not among them. */
  rounds: 0,
  /** How many writes one replica has under way at most. */
  writes: 1,
};

/** The searches of `npm run simulate:exhaustive`. */
export const searches = [{ entries: 0, crashes: 1, writes: 2 }, { reads: 1 }, { crashes: 1 }];
