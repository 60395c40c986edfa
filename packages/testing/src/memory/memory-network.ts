/**
 * Peer transports in memory: what one sends is queued until `deliver`, in the order it was sent.
 */
import type { NodeId, Peer, PeerHandlers, PeerTransport } from '@kvorum/common';

interface Member {
  clusterId: string;
  peers: readonly Peer[];
  handlers: PeerHandlers;
}

interface Frame {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly bytes: Uint8Array;
}

export class MemoryNetwork {
  readonly #members = new Map<NodeId, Member>();
  #frames: Frame[] = [];

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
        if (self !== undefined && this.#knows(self, to)) this.#frames.push({ from: self, to, bytes });
      },
    };
  }

  /** Delivers what waits; not what is sent in answer to it. */
  deliver(): void {
    const frames = this.#frames;
    this.#frames = [];
    for (const { from, to, bytes } of frames) {
      if (this.#knows(to, from)) this.#members.get(to)?.handlers.onFrame(from, bytes);
    }
  }

  /** The node is gone, with what was on its way to it. */
  remove(node: NodeId): void {
    this.#members.delete(node);
    this.#frames = this.#frames.filter((frame) => frame.to !== node);
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
