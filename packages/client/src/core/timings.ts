/**
 * Every time of the client's engine, in one object that whoever creates it hands down.
 */
export const defaultClientTimings = {
  /** An attempt without an answer is made elsewhere after that. */
  attemptTimeoutMs: 1000,
  /** A node may have moved while nothing was asked of it: a client at work asks for the layout this often. */
  layoutAgeMsMax: 5000,
  /** The pause before another attempt grows from the first to the second. */
  backoffMsMin: 10,
  backoffMsMax: 60,
  connectTimeoutMs: 1000,
  /** So long after a failure a node that is out of reach is tried again. One that closed a standing connection is there: at once. */
  probeAfterMs: 500,
  /** How often deadlines are looked at. */
  sweepMs: 25,
  /** Hints to a new leader that are followed without a pause. */
  redirectsAtOnceMax: 2,
};

export type ClientTimings = { readonly [Name in keyof typeof defaultClientTimings]: number };
