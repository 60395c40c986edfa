/**
 * Peer transports in memory: what one sends is queued until `deliver`, in the order it was sent. Each `deliver` takes a
 * millisecond.
 */
import type { NodeId, Peer, PeerHandlers, PeerTransport, Settings } from '@kvorum/common';
import { defaultSettings } from '@kvorum/common';

interface Member {
  clusterId: string;
  peers: readonly Peer[];
  handlers: PeerHandlers;
}

interface Frame {
  readonly link: MemoryLink;
  readonly bytes: Uint8Array;
}

/** How long it takes to make a link again. */
const REDIAL_MS = 20;

/** One direction between two nodes. */
export class MemoryLink {
  readonly from: NodeId;
  readonly to: NodeId;
  /** Carries nothing, and nobody knows. */
  silent = false;
  /** When it is made: what is sent before is lost. */
  madeMs = 0;
  sentMs: number;
  heardMs: number;
  backlogBytes = 0;
  dropped = 0;

  constructor(from: NodeId, to: NodeId, nowMs: number) {
    this.from = from;
    this.to = to;
    this.sentMs = nowMs;
    this.heardMs = nowMs;
  }
}

export class MemoryNetwork {
  readonly #backlogBytesMax: number;
  readonly #silenceMsMax: number;
  readonly #members = new Map<NodeId, Member>();
  readonly #links = new Map<string, MemoryLink>();
  readonly #standStill = new Set<NodeId>();
  #frames: Frame[] = [];
  #nowMs = 0;

  constructor({ limits, timings }: Settings = defaultSettings) {
    this.#backlogBytesMax = limits.peerBacklogBytesMax;
    this.#silenceMsMax = timings.peerSilenceRoundsMax * timings.heartbeatRoundMs;
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Frames that wait. */
  get waiting(): number {
    return this.#frames.length;
  }

  /** For one node; which one it says itself when it names its peers. */
  transport(): PeerTransport {
    let self: NodeId | undefined;
    return {
      setPeers: (node, clusterId, peers, handlers) => {
        self = node;
        this.#members.set(node, { clusterId, peers, handlers });
      },
      send: (to, bytes) => {
        if (self !== undefined && this.#knows(self, to)) this.#send(this.link(self, to), bytes);
      },
    };
  }

  link(from: NodeId, to: NodeId): MemoryLink {
    const name = `${from} ${to}`;
    let link = this.#links.get(name);
    if (link === undefined) {
      link = new MemoryLink(from, to, this.#nowMs);
      this.#links.set(name, link);
    }
    return link;
  }

  standStill(node: NodeId): void {
    this.#standStill.add(node);
  }

  goOn(node: NodeId): void {
    this.#standStill.delete(node);
  }

  /** Delivers what waits; not what is sent in answer to it. */
  deliver(): void {
    this.#nowMs += 1;
    const frames = this.#frames;
    this.#frames = frames.filter(({ link }) => this.#standStill.has(link.to));
    for (const { link, bytes } of frames) {
      const { from, to } = link;
      if (this.#standStill.has(to)) continue;
      link.backlogBytes -= bytes.length;
      if (link.silent || !this.#knows(to, from)) continue;
      link.heardMs = this.#nowMs;
      this.#members.get(to)?.handlers.onFrame(from, bytes);
    }
    for (const link of this.#links.values()) if (this.isGivenUp(link, this.#silenceMsMax)) this.renew(link);
  }

  /** The node is gone, with what was on its way to it. */
  remove(node: NodeId): void {
    this.#members.delete(node);
    for (const link of this.#links.values()) if (link.to === node) link.backlogBytes = 0;
    this.#frames = this.#frames.filter(({ link }) => link.to !== node);
  }

  #send(link: MemoryLink, bytes: Uint8Array): void {
    link.sentMs = this.#nowMs;
    if (this.#nowMs < link.madeMs) return;
    if (this.isFull(link, this.#backlogBytesMax)) {
      link.dropped += 1;
      return;
    }
    link.backlogBytes += bytes.length;
    this.#frames.push({ link, bytes });
  }

  /** Whether no frame is taken for the link any more. */
  protected isFull(link: MemoryLink, backlogBytesMax: number): boolean {
    return link.backlogBytes > backlogBytesMax;
  }

  /** Whether the node at the end of the link gives it up. */
  protected isGivenUp(link: MemoryLink, silenceMsMax: number): boolean {
    return !this.#standStill.has(link.to) && this.#nowMs - link.heardMs > silenceMsMax;
  }

  /** Another link between the two takes the place of this one, both ways. */
  protected renew({ from, to }: MemoryLink): void {
    for (const link of [this.link(from, to), this.link(to, from)]) {
      this.#frames = this.#frames.filter((frame) => frame.link !== link);
      link.backlogBytes = 0;
      link.silent = false;
      link.madeMs = this.#nowMs + REDIAL_MS;
      link.heardMs = link.madeMs;
    }
  }

  /** Whether one of them has named the other as a peer of its own cluster. */
  #knows(node: NodeId, other: NodeId): boolean {
    const member = this.#members.get(node);
    return (
      member !== undefined &&
      member.peers.some(({ id }) => id === other) &&
      (this.#members.get(other)?.clusterId ?? member.clusterId) === member.clusterId
    );
  }
}
