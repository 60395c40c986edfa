/**
 * Every bound of the system, in one place. A limit is part of the contract: going over it gives a typed error that names
 * it, never memory without bound.
 */
export const limits = {
  keyBytesMax: 1024,
  valueBytesMax: 1024 * 1024,
  /** One websocket message, on every link. */
  frameBytesMax: 8 * 1024 * 1024,
  /** Requests in one client frame. */
  requestsPerFrameMax: 4096,
  /** Unanswered requests of one client connection; the ones above are refused as busy. */
  requestsPerConnectionMax: 8192,
  /** Client connections of one node; the ones above are refused with a reason. */
  clientConnectionsMax: 4096,
  /** A client that has not sent its first frame by then is closed. */
  firstFrameTimeoutMs: 10_000,
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
  /** A session that was not used for this long, in log time, is gone. */
  sessionIdleMs: 10 * 60 * 1000,
  partitionsMax: 1024,
  nodesMax: 256,
  /** Hops of a forwarded request: to the leader, by way of one node that can reach it. */
  forwardHopsMax: 2,
} as const;
