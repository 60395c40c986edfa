/**
 * The only ways in which the deterministic core touches the world. The production adapters and the simulated ones
 * implement the same interfaces and pass the same acceptance suites.
 */
import type { Address, NodeId } from './ids.ts';

/** Cancels a timer; does nothing when it has fired or was cancelled. */
export type CancelTimer = () => void;

export interface Clock {
  /** Milliseconds since an arbitrary start; never goes back. For timeouts and durations. */
  monotonicMs(): number;
  /** Milliseconds since the Unix epoch; may jump. For log time. */
  wallMs(): number;
  setTimer(delayMs: number, callback: () => void): CancelTimer;
  /** Calls back once this turn's other events have been taken in: the end of a turn of the event loop. */
  defer(callback: () => void): void;
}

export interface Random {
  /** A uniform unsigned 32-bit integer. */
  nextUint32(): number;
}

/**
 * `event` names the kind of event, such as `peer.suspected`, where it may come often: then only so many lines of one kind are
 * written about the same `peer` and `group`, and the rest is counted.
 */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export interface Peer {
  readonly id: NodeId;
  readonly address: Address;
}

export interface PeerHandlers {
  onFrame(from: NodeId, frame: Uint8Array): void;
}

/**
 * Frames between the nodes of one cluster. Delivery is best effort: a frame may be lost, repeated or overtaken, and is
 * never changed. The adapter proves cluster and node id before it hands over a frame, connects and reconnects by itself.
 *
 * A link over which nothing comes for `peerSilenceRoundsMax` heartbeat rounds is given up, though no error was seen, and
 * made again: frames get through both ways within three times as long. For a peer that does not read, frames of at most
 * `peerBacklogBytesMax` are kept, and the one that goes over it; those after them are dropped and counted in
 * `peer_frames_dropped_total`, until it reads again.
 */
export interface PeerTransport {
  /** Names the peers and where they listen; called again whenever an address changes. */
  setPeers(self: NodeId, clusterId: string, peers: readonly Peer[], handlers: PeerHandlers): void;
  /** Sends, or drops when the peer is unreachable or its queue is full. */
  send(to: NodeId, frame: Uint8Array): void;
}

/** One end of a client connection. */
export interface Connection {
  /** The other end's address, for logs. */
  readonly remote: string;
  send(frame: Uint8Array): void;
  /** Bytes handed to `send` that have not left yet. */
  backlogBytes(): number;
  close(reason: string): void;
}

export interface ConnectionHandlers {
  onOpen(): void;
  onFrame(frame: Uint8Array): void;
  /** Called once, after an error, a refusal or a close of either side; nothing is called afterwards. */
  onClose(reason: string): void;
}

/** Opens client connections: the client library's way out, and a node's way to check in. */
export interface Dialer {
  dial(address: Address, handlers: ConnectionHandlers): Connection;
}
