/**
 * Every time of a node, in one object that the composition root hands down. What is counted in heartbeat rounds needs no
 * timer of its own: it is looked at when a round ends.
 */
export const defaultTimings = {
  /** How often a node asks every other one whether it is there. */
  heartbeatRoundMs: 100,
  /** A peer that has not answered for so long is suspected; a leader that is suspected is replaced. */
  electionTimeoutMs: 100,
  /** Added to the length of a round when a peer was suspected too early, and taken off again after calm rounds. */
  suspicionStepMs: 20,
  /** The longest that a round may become, as a multiple of `heartbeatRoundMs`. */
  suspicionFactorMax: 3,
  calmRounds: 100,
  /** A link to a peer over which nothing comes for so long is given up and made again; heartbeats are far denser. */
  peerSilenceRoundsMax: 30,
  /** A commit that takes longer makes a node unfit to lead. */
  stalledCommitRoundsMax: 10,
  /** Rounds without an answer to entries that were sent, after which something is taken for lost. */
  stalledAcceptRoundsMax: 3,
  /** How long a request that was passed on may be without an answer: as long as a client waits before it asks elsewhere. */
  forwardRoundsMax: 10,
  /** For how many rounds at least a repeated forward is recognised. */
  forwardMemoryRounds: 100,
  /** Rounds after which a part of a snapshot is asked for again, and after which the transfer is given up. */
  snapshotRepeatRounds: 5,
  snapshotIdleRoundsMax: 50,
  /** What was applied is written to the state storage after so long. */
  flushIntervalMs: 200,
  /** A session that was not used for this long, in log time without outages, is gone. */
  sessionIdleMs: 10 * 60 * 1000,
  /** A client that has not sent its first frame by then is closed. */
  firstFrameTimeoutMs: 10_000,
  /** How soon a node that wants to join asks again: after trouble, while the cluster is being formed, and as a spare. */
  checkInRetryMs: 200,
  formingCheckInMs: 50,
  spareCheckInMs: 2000,
  checkInAnswerMsMax: 2000,
};

export type Timings = { readonly [Name in keyof typeof defaultTimings]: number };
