/**
 * The PeerTransport port on websockets: one connection per pair of nodes, whoever dialled it. Both sides dial while they
 * have none; where both succeed, the one that the lower node id dialled stays.
 */
import type { IncomingMessage } from 'node:http';
import type {
  Address,
  Counter,
  Gauge,
  LogFields,
  Logger,
  Metrics,
  NodeId,
  Peer,
  PeerHandlers,
  PeerTransport,
  Settings,
} from '@kvorum/common';
import { formatAddress, FRAME_BYTES_MAX, nodeName } from '@kvorum/common';
import { WebSocket } from 'ws';
import type { PeerIdentity } from './peer-handshake.ts';
import { PEER_PATH, PEER_SUBPROTOCOL, peerHeaders, readPeerHeaders } from './peer-handshake.ts';
import { readRefusal } from './read-refusal.ts';

const REDIAL_MS_MIN = 50;
const REDIAL_MS_MAX = 1000;
const HANDSHAKE_TIMEOUT_MS = 1000;

interface Link {
  readonly id: NodeId;
  address: Address;
  socket: WebSocket | undefined;
  /** Who dialled the socket. */
  dialler: NodeId;
  dialling: WebSocket | undefined;
  redialMs: number;
  redialTimer: NodeJS.Timeout | undefined;
  heardMs: number;
  lastTrouble: string;
  readonly backlog: Gauge;
  readonly dropped: Counter;
}

/** What is logged of a link that broke: at most once per link and interval, should it flap. */
function connectionLost({ id, address }: Link): [string, LogFields] {
  const peer = nodeName(id);
  return [
    `the connection to ${peer} at ${formatAddress(address)} is lost; it is made again`,
    { event: 'peer.lost', peer },
  ];
}

export class WsPeerTransport implements PeerTransport {
  readonly #logger: Logger;
  readonly #backlogBytesMax: number;
  /** Without a frame for so long the other end is gone, even if the connection does not know it. */
  readonly #silenceMsMax: number;
  readonly #metrics: Metrics;
  readonly #links = new Map<NodeId, Link>();
  #self: PeerIdentity | undefined;
  #listening: Address;
  #handlers: PeerHandlers | undefined;
  #silenceTimer: NodeJS.Timeout | undefined;
  #closed = false;
  /** Frames that did not leave because a queue was full. */
  #dropped = 0;

  constructor(logger: Logger, listening: Address, metrics: Metrics, { limits, timings }: Settings) {
    this.#backlogBytesMax = limits.peerBacklogBytesMax;
    this.#silenceMsMax = timings.peerSilenceRoundsMax * timings.heartbeatRoundMs;
    this.#logger = logger;
    this.#metrics = metrics;
    this.#listening = listening;
  }

  get dropped(): number {
    return this.#dropped;
  }

  setPeers(self: NodeId, clusterId: string, peers: readonly Peer[], handlers: PeerHandlers): void {
    this.#self = { clusterId, node: self, address: this.#listening };
    this.#handlers = handlers;
    this.#silenceTimer ??= setInterval(() => this.#dropSilent(), this.#silenceMsMax / 3);
    for (const [id, link] of this.#links) if (!peers.some((peer) => peer.id === id)) this.#forget(link);
    for (const { id, address } of peers) {
      const link = this.#links.get(id);
      if (link !== undefined) {
        link.address = address;
        continue;
      }
      const fresh: Link = {
        id,
        address,
        socket: undefined,
        dialler: 0,
        dialling: undefined,
        redialMs: REDIAL_MS_MIN,
        redialTimer: undefined,
        heardMs: 0,
        lastTrouble: '',
        backlog: this.#metrics.gauge('peer_backlog_bytes', { peer: nodeName(id) }),
        dropped: this.#metrics.counter('peer_frames_dropped_total', { peer: nodeName(id) }),
      };
      this.#links.set(id, fresh);
      this.#dial(fresh);
    }
  }

  /** The node is no peer any more. */
  #forget(link: Link): void {
    this.#links.delete(link.id);
    clearTimeout(link.redialTimer);
    link.dialling?.terminate();
    link.socket?.terminate();
  }

  send(to: NodeId, frame: Uint8Array): void {
    const link = this.#links.get(to);
    const socket = link?.socket;
    if (socket?.readyState !== WebSocket.OPEN) return;
    if (socket.bufferedAmount > this.#backlogBytesMax) {
      this.#dropped += 1;
      link?.dropped.add(1);
      return;
    }
    socket.send(frame, { binary: true });
  }

  /** Takes down what is only worth looking at when somebody asks. */
  collect(): void {
    for (const { socket, backlog } of this.#links.values()) backlog.set(socket?.bufferedAmount ?? 0);
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#silenceTimer);
    for (const link of this.#links.values()) this.#forget(link);
  }

  // ---- handshake ----

  /** Headers that prove who this node is. */
  headers(): readonly string[] {
    if (this.#self === undefined) return [];
    return Object.entries(peerHeaders(this.#self)).map(([name, value]) => `${name}: ${value}`);
  }

  /** Why the node behind the request is not welcome; undefined if it is. */
  check(request: IncomingMessage): string | undefined {
    if (this.#self === undefined) return 'this node is not a member of a cluster yet';
    return this.#refusal(readPeerHeaders(request.headers));
  }

  #refusal(peer: PeerIdentity | undefined): string | undefined {
    const self = this.#self;
    if (peer === undefined) return 'the handshake does not say which node of which cluster this is';
    if (peer.clusterId !== self?.clusterId) {
      return `this is a node of cluster ${self?.clusterId ?? '?'}, you are one of cluster ${peer.clusterId}`;
    }
    return this.#links.has(peer.node)
      ? undefined
      : `cluster ${peer.clusterId} has no node ${nodeName(peer.node)} besides this one`;
  }

  /** A peer dialled; `check` has let it in. */
  accept(socket: WebSocket, request: IncomingMessage): void {
    const peer = readPeerHeaders(request.headers);
    const link = peer && this.#links.get(peer.node);
    if (link === undefined || peer === undefined || this.#closed) {
      socket.terminate();
      return;
    }
    link.address = peer.address;
    this.#adopt(link, socket, link.id);
  }

  #dial(link: Link): void {
    const self = this.#self;
    if (this.#closed || self === undefined || link.socket !== undefined || link.dialling !== undefined) return;
    const socket = this.#open(link, self);
    if (socket === undefined) return;
    link.dialling = socket;
    let answer: PeerIdentity | undefined;
    socket.on('upgrade', (response) => {
      answer = readPeerHeaders(response.headers);
    });
    socket.on('open', () => {
      link.dialling = undefined;
      const refusal = answer?.node === link.id ? this.#refusal(answer) : `it is not ${nodeName(link.id)}`;
      if (refusal === undefined) {
        this.#adopt(link, socket, self.node);
        return;
      }
      this.#report(link, refusal);
      socket.terminate();
      this.#redialLater(link);
    });
    const failed = (): void => {
      if (link.dialling !== socket) return;
      link.dialling = undefined;
      this.#redialLater(link);
    };
    socket.on('unexpected-response', (request, response) => {
      readRefusal(request, response, (reason) => {
        this.#report(link, reason);
        failed();
      });
    });
    socket.on('error', failed);
  }

  /** Undefined where the address cannot be one; the layout may have another one later. */
  #open(link: Link, self: PeerIdentity): WebSocket | undefined {
    try {
      return new WebSocket(`ws://${formatAddress(link.address)}${PEER_PATH}`, PEER_SUBPROTOCOL, {
        headers: peerHeaders(self),
        perMessageDeflate: false,
        maxPayload: FRAME_BYTES_MAX,
        handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
        skipUTF8Validation: true,
        // Masking protects proxies from browsers. Between nodes a zero mask saves a pass over every byte.
        generateMask: (mask) => void mask.fill(0),
      });
    } catch (error) {
      this.#report(link, `it cannot be an address: ${(error as Error).message}`);
      this.#redialLater(link);
      return undefined;
    }
  }

  /** Makes the socket the link's, unless the present one has precedence. */
  #adopt(link: Link, socket: WebSocket, dialler: NodeId): void {
    const present = link.socket;
    // Of two that cross each other, the lower id's stays; from the same dialler, the newer one.
    if (present?.readyState === WebSocket.OPEN && link.dialler < dialler) {
      socket.terminate();
      return;
    }
    link.socket = socket;
    link.dialler = dialler;
    link.redialMs = REDIAL_MS_MIN;
    link.heardMs = performance.now();
    link.lastTrouble = '';
    present?.terminate();
    socket.on('message', (data, isBinary) => this.#onMessage(link, socket, data as Buffer, isBinary));
    socket.on('error', () => socket.terminate());
    socket.on('close', () => {
      if (link.socket !== socket) return;
      link.socket = undefined;
      if (!this.#closed) this.#logger.info(...connectionLost(link));
      this.#redialLater(link);
    });
  }

  #onMessage(link: Link, socket: WebSocket, data: Buffer, isBinary: boolean): void {
    if (!isBinary) {
      socket.close(1003, 'binary frames only');
      return;
    }
    link.heardMs = performance.now();
    this.#handlers?.onFrame(link.id, data);
  }

  #redialLater(link: Link): void {
    if (this.#closed || this.#links.get(link.id) !== link) return;
    clearTimeout(link.redialTimer);
    // Some spread, so that two nodes do not keep crossing each other.
    const delayMs = link.redialMs * (0.5 + Math.random() / 2);
    link.redialMs = Math.min(link.redialMs * 2, REDIAL_MS_MAX);
    link.redialTimer = setTimeout(() => this.#dial(link), delayMs);
  }

  #report(link: Link, trouble: string): void {
    if (link.lastTrouble === trouble) return;
    link.lastTrouble = trouble;
    this.#logger.warn(
      `${formatAddress(link.address)}, where ${nodeName(link.id)} should be, does not take this node: ${trouble}`,
      { event: 'peer.refused', peer: nodeName(link.id) },
    );
  }

  #dropSilent(): void {
    const now = performance.now();
    for (const link of this.#links.values()) {
      if (link.socket !== undefined && now - link.heardMs > this.#silenceMsMax) link.socket.terminate();
    }
  }
}
