/**
 * A node's end of the simulated links to its peers, since its start: the port of the production transport, with its bounds on
 * silence and backlog.
 */
import type {
  Address,
  Clock,
  Counter,
  Gauge,
  MetricsRegistry,
  NodeId,
  Peer,
  PeerHandlers,
  PeerTransport,
  Settings,
} from '@kvorum/common';
import { nodeName } from '@kvorum/common';
import type { Network, ProcessId } from './network.ts';
import type { Fence } from './process.ts';

interface PeerLink {
  process: ProcessId;
  /** By the clock of the node. */
  heardMs: number;
  readonly dropped: Counter;
  readonly backlog: Gauge;
}

/** What the node says to its peers that it is, and what it does with what they say. */
interface Identity {
  readonly id: NodeId;
  readonly clusterId: string;
  readonly handlers: PeerHandlers;
}

/** The world around it. */
export interface TransportSurroundings {
  readonly process: ProcessId;
  readonly network: Network;
  readonly settings: Settings;
  readonly metrics: MetricsRegistry;
  readonly fence: Fence;
  /** -1 where nobody listens. */
  processAt(address: Address): ProcessId;
  /** Of the node that runs there. */
  transportOf(process: ProcessId): SimulatedPeerTransport | undefined;
  onPoint(what: string, frame: Uint8Array): void;
  /** The node knows its id. */
  onIdentified(id: NodeId): void;
}

export class SimulatedPeerTransport implements PeerTransport {
  readonly #world: TransportSurroundings;
  readonly #clock: Clock;
  readonly #links = new Map<NodeId, PeerLink>();
  #identity: Identity | undefined;

  constructor(world: TransportSurroundings) {
    this.#world = world;
    this.#clock = world.fence.clock();
  }

  get id(): NodeId | undefined {
    return this.#identity?.id;
  }

  get clusterId(): string | undefined {
    return this.#identity?.clusterId;
  }

  setPeers(id: NodeId, clusterId: string, peers: readonly Peer[], handlers: PeerHandlers): void {
    for (const known of this.#links.keys()) if (!peers.some((peer) => peer.id === known)) this.#links.delete(known);
    for (const peer of peers) {
      const process = this.#world.processAt(peer.address);
      const known = this.#links.get(peer.id);
      if (known === undefined) this.#link(peer.id, process);
      else known.process = process;
    }
    this.#identity = { id, clusterId, handlers };
    this.#world.onIdentified(id);
  }

  send(to: NodeId, frame: Uint8Array): void {
    const { network, process, settings } = this.#world;
    const link = this.#links.get(to);
    const identity = this.#identity;
    if (link === undefined || link.process < 0 || identity === undefined) return;
    const target = link.process;
    this.#giveUpIfSilent(link);
    if (network.backlogBytes(process, target) > settings.limits.peerBacklogBytesMax) {
      link.dropped.add(1);
      network.drop(process, target, frame);
      return;
    }
    this.#world.onPoint('frame: before', frame);
    network.send(process, target, frame, () => {
      const other = this.#world.transportOf(target);
      // Both have proved who they are before.
      if (other === undefined || other.id !== to || other.clusterId !== identity.clusterId) return undefined;
      return (bytes, taken) => other.#receive(identity.id, process, bytes, taken);
    });
    this.#world.onPoint('frame: sent', frame);
  }

  /** Brings the gauges of its links up to date. */
  collect(): void {
    const { network, process } = this.#world;
    for (const link of this.#links.values()) link.backlog.set(network.backlogBytes(process, link.process));
  }

  #receive(from: NodeId, at: ProcessId, frame: Uint8Array, taken: () => void): void {
    const link = this.#links.get(from) ?? this.#link(from, at);
    // Whoever dialled: a connection carries frames both ways.
    link.process = at;
    this.#world.fence.enter(() => {
      taken();
      link.heardMs = this.#clock.monotonicMs();
      this.#identity?.handlers.onFrame(from, frame);
    });
  }

  #link(id: NodeId, process: ProcessId): PeerLink {
    const { metrics } = this.#world;
    const peer = nodeName(id);
    const link = {
      process,
      heardMs: this.#clock.monotonicMs(),
      dropped: metrics.counter('peer_frames_dropped_total', { peer }),
      backlog: metrics.gauge('peer_backlog_bytes', { peer }),
    };
    this.#links.set(id, link);
    return link;
  }

  /** A node sends at least once in a heartbeat round, so that it is soon enough to look then. */
  #giveUpIfSilent(link: PeerLink): void {
    const { network, process, settings } = this.#world;
    if (!network.isSilent(process, link.process)) return;
    const { heartbeatRoundMs, peerSilenceRoundsMax } = settings.timings;
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - link.heardMs <= heartbeatRoundMs * peerSilenceRoundsMax) return;
    network.renewLink(process, link.process);
    link.heardMs = nowMs;
  }
}
