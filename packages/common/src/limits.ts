/**
 * Every bound of the system. A limit is part of the contract: going over it gives a typed error that names it, never memory
 * without bound.
 *
 * Bounds of the formats are constants, because both ends of a connection and every reader of a disk must agree on them. All
 * others are values: the composition root hands one object of them down, and a simulation or a test hands down smaller ones.
 */

/** One websocket message, on every link. */
export const FRAME_BYTES_MAX = 8 * 1024 * 1024;
/** Requests in one client frame. */
export const REQUESTS_PER_FRAME_MAX = 4096;
/** Groups that hold keys. */
export const PARTITIONS_MAX = 1024;
export const NODES_MAX = 256;

export const defaultLimits = {
  keyBytesMax: 1024,
  valueBytesMax: 1024 * 1024,
  /** Unanswered requests of one client connection; the ones above are refused as busy. */
  requestsPerConnectionMax: 8192,
  /** Client connections of one node; the ones above are refused with a reason. */
  clientConnectionsMax: 4096,
  /** Replies that a client has not taken off its connection; above it the connection is closed. */
  clientBacklogBytesMax: 16 * 1024 * 1024,
  /** Frames queued for one peer; above it frames are dropped, which the protocol repairs. */
  peerBacklogBytesMax: 32 * 1024 * 1024,
  /** Proposals of one group that are not decided yet; above it new ones are refused as busy. */
  pendingBytesPerGroupMax: 4 * 1024 * 1024,
  pendingCommandsPerGroupMax: 16_384,
  pendingReadsPerGroupMax: 65_536,
  /** Values that one group reads for its clients before the other work of the node has its turn. */
  readBytesPerTurnMax: 4 * 1024 * 1024,
  /** Commands that share one log entry. */
  entryBytesMax: 1024 * 1024 + 64 * 1024,
  entryCommandsMax: 4096,
  /** Entries of one consensus message. */
  messageEntryBytesMax: 2 * 1024 * 1024,
  /** Accept messages that a follower has not answered yet. */
  acceptsInFlightMax: 64,
  /** Log entries kept behind what is durably applied, so that a slow follower needs no snapshot. */
  retainedEntriesMax: 4096,
  retainedBytesMax: 4 * 1024 * 1024,
  /** Applied data that is not in the state storage yet; above it writes are refused as busy. */
  unflushedBytesMax: 64 * 1024 * 1024,
  snapshotChunkBytes: 1024 * 1024,
  /** Log kept for a replica that is fetching a snapshot, so that it can go on by entries afterwards. */
  retainedForSnapshotBytesMax: 256 * 1024 * 1024,
  /** Open client sessions of one group; the one that was used least recently makes room. */
  sessionsPerGroupMax: 10_000,
  /** Replies kept for the retries of one session; above it its commands are refused as busy until it took some. */
  replyBytesPerSessionMax: 1024 * 1024,
  /** Replies kept for retries, all sessions of a group together. */
  sessionReplyBytesMax: 32 * 1024 * 1024,
  /** How far above its floor a session's sequences may run. */
  sessionWindowMax: 16_384,
  /** Hops of a forwarded request: to the leader, by way of one node that can reach it. */
  forwardHopsMax: 2,
};

export type Limits = { readonly [Name in keyof typeof defaultLimits]: number };
