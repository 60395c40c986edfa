/**
 * What a member of a cluster hosts: its replicas of groups and what they share. Connects the parts, which own their state; the
 * data path through them is in docs/architecture.md.
 *
 * State: the cached layout and the replicas it asks for. Invariants: the layout's epoch only grows; a replica is opened once
 * the layout that asks for it is on disk, and what an earlier replica of its group wrote is, too.
 */
import type {
  Address,
  Clock,
  GroupId,
  GroupLayout,
  Layout,
  Logger,
  NodeId,
  PeerTransport,
  Random,
  Settings,
} from '@kvorum/common';
import { DecodeError, formatAddress, METADATA_GROUP, nodeName } from '@kvorum/common';
import { GroupNews } from './group-news.ts';
import { mark } from './marks.ts';
import { groupsOf, moveNode } from './membership/formation.ts';
import { answersByGroup, Heartbeats } from './membership/heartbeats.ts';
import { reconcile } from './membership/reconcile.ts';
import { isLayoutChange, layoutChange, storedLayout } from './membership/replicated-layout.ts';
import type { NodeLoop } from './node-loop.ts';
import type { NodeMeasures } from './node-measures.ts';
import type { PeerMessage } from './peer-protocol.ts';
import { decodePeerFrame } from './peer-protocol.ts';
import { Flusher } from './replication/flusher.ts';
import { GroupReplica } from './replication/group-replica.ts';
import type { ProtocolTable, ReplicaEvent } from './replication/replication-protocol.ts';
import { unknownProtocol, UnknownProtocol } from './replication/replication-protocol.ts';
import { Snapshots } from './replication/snapshots.ts';
import { Router } from './requests/router.ts';
import type { StateMachineFactory } from './state/state-machine.ts';
import type { AppliedStateStorage, ReplicatedLogStorage } from './storage/storage-ports.ts';

export interface HostPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly transport: PeerTransport;
  readonly logStorage: ReplicatedLogStorage;
  readonly stateStorage: AppliedStateStorage;
}

export interface HostOptions {
  readonly self: NodeId;
  /** How often the node was started; tells the transfers of this run from earlier ones. */
  readonly incarnation: number;
  readonly instance: string;
  /** Where this node listens now; the layout may not say so yet. */
  readonly address: Address;
  readonly layout: Layout;
  readonly settings: Settings;
  readonly protocols: ProtocolTable;
  readonly createMachine: StateMachineFactory;
  readonly measures: NodeMeasures;
  /** A newer layout was learnt: to be written down. `done` is called once it is. */
  readonly onLayout: (layout: Layout, done: () => void) => void;
}

type HeartbeatReply = Extract<PeerMessage, { type: 'heartbeat-reply' }>;

/** Of all incarnations together, how many transfers one may number. */
const TRANSFERS_PER_INCARNATION = 2 ** 20;
/** An epoch so far above the present one is damage, or comes from a program that is none of ours. */
const EPOCH_LEAP_MAX = 2 ** 32;

export class HostedGroups {
  readonly self: NodeId;
  readonly router: Router;
  readonly #ports: HostPorts;
  readonly #options: HostOptions;
  readonly #loop: NodeLoop;
  readonly #replicas = new Map<GroupId, GroupReplica>();
  readonly #heartbeats: Heartbeats;
  readonly #snapshots: Snapshots;
  readonly #flusher: Flusher;
  readonly #news: GroupNews;
  #layout: Layout;
  #badFrames = 0;
  #lastHeartbeat = 0;
  #stopped = false;

  /** Reads the groups' logs and states; throws CorruptRecord, UnknownFormat or UnknownProtocol when one cannot be used. */
  constructor(ports: HostPorts, loop: NodeLoop, options: HostOptions) {
    const { self, layout, settings, incarnation } = options;
    this.self = self;
    this.#ports = ports;
    this.#options = options;
    this.#loop = loop;
    this.#layout = layout;
    this.#news = new GroupNews(ports.logger, this);
    const shared = {
      send: (to: NodeId, message: PeerMessage) => loop.send(to, message),
      incarnationOf: (node: NodeId) => this.#heartbeats.incarnationOf(node),
      isAlive: (node: NodeId) => !this.suspects(node),
    };
    this.#heartbeats = new Heartbeats(
      ports.clock,
      ports.logger,
      [],
      {
        send: shared.send,
        onHeartbeatRound: (answers) => this.#onHeartbeatRound(answers),
        onSuspected: () => options.measures.suspicions.add(1),
      },
      settings.timings,
    );
    this.router = new Router({
      ...shared,
      self,
      incarnation,
      settings,
      protocols: options.protocols,
      layout: () => this.#layout,
      replica: (group) => this.#replicas.get(group),
      isLayoutChange: (request) => isLayoutChange(request, this.#layout.clusterId),
      onForward: () => options.measures.forwards.add(1),
      onRedirect: () => options.measures.redirects.add(1),
    });
    const host = {
      ...shared,
      applied: (group: GroupId) => this.#replicas.get(group)?.applied,
      onInstalled: (group: GroupId) => this.#replicas.get(group)?.input({ type: 'snapshot-installed' }),
    };
    this.#snapshots = new Snapshots(ports.stateStorage, host, incarnation * TRANSFERS_PER_INCARNATION, settings);
    const flusherHost = {
      replicas: () => this.#replicas.values(),
      retainFrom: (group: GroupId) => this.#snapshots.retainFrom(group),
    };
    this.#flusher = new Flusher(
      ports.clock,
      ports.stateStorage,
      flusherHost,
      settings.timings.flushIntervalMs,
      options.measures.checkpointDuration,
    );
    this.#openMissing();
  }

  get layout(): Layout {
    return this.#layout;
  }

  get replicas(): ReadonlyMap<GroupId, GroupReplica> {
    return this.#replicas;
  }

  get heartbeatDelayMs(): number {
    return this.#heartbeats.delayMs;
  }

  /** Peer frames and messages in them that did not decode. */
  get badFrames(): number {
    return this.#badFrames;
  }

  /** Whether every group it is a member of can be served, as far as this node sees. */
  get healthy(): boolean {
    return (
      this.#layout.nodes.some(({ id }) => id === this.self) &&
      [...this.#replicas.values()].every((replica) => replica.healthy)
    );
  }

  suspects(node: NodeId): boolean {
    return this.#heartbeats.suspects.has(node);
  }

  start(): void {
    const { clusterId, nodes, groups } = this.#layout;
    this.#connect(this.#layout);
    this.#ports.logger.info(
      `cluster ${clusterId} is formed: ${nodes.length} nodes, ${groups.length - 1} partitions; this is ${nodeName(this.self)}`,
    );
    this.#heartbeats.start(this.#ports.random);
  }

  stop(): void {
    this.#stopped = true;
    this.#heartbeats.stop();
    this.#flusher.stop();
    this.#snapshots.close();
  }

  /** A turn ends: what happened to groups in it is told. */
  endTurn(): void {
    this.#news.flush();
  }

  /** Calls back once everything applied so far is on disk. */
  flush(done: () => void): void {
    this.#flusher.flushAll(done);
  }

  // ---- what is hosted ----

  /** Opens the replicas that the layout asks for and that are not there. */
  #openMissing(): void {
    if (this.#stopped) return;
    for (const group of reconcile(this.#hosted(), this.#layout, this.self).open) this.#open(group);
  }

  /** Nothing of an earlier replica reaches the disk once the next one has read it. */
  #openWhenWritten(): void {
    if (reconcile(this.#hosted(), this.#layout, this.self).open.length === 0) return;
    // An empty commit is done after all that were asked for before it: flushes, and the ends of transfers.
    this.#loop.whenCommitted(() => this.#ports.stateStorage.commit([], () => this.#openMissing()));
  }

  #hosted(): { id: GroupId; members: readonly NodeId[] }[] {
    return [...this.#replicas.values()].map(({ group, members }) => ({ id: group, members }));
  }

  #open(layout: GroupLayout): void {
    const { settings, protocols, incarnation, createMachine } = this.#options;
    const { logStorage, stateStorage, clock } = this.#ports;
    const protocol = protocols.get(layout.protocol);
    if (protocol === undefined) throw new UnknownProtocol(layout, protocols.keys());
    const { self } = this;
    const { id: group, members } = layout;
    const nowMs = clock.monotonicMs();
    const seat = { group, self, members, incarnation, settings, logStorage, stateStorage, createMachine, nowMs };
    const replica = new GroupReplica(protocol, seat, {
      wake: (id) => this.#loop.wake(id),
      onEvent: (id, event) => this.#onEvent(id, event),
    });
    this.#replicas.set(group, replica);
  }

  #close(group: GroupId): void {
    this.#replicas.get(group)?.close();
    this.#replicas.delete(group);
    this.#snapshots.forget(group);
    this.#news.forget(group);
  }

  #connect(layout: Layout): void {
    const { peers } = reconcile(this.#hosted(), layout, this.self);
    this.#heartbeats.setPeers(peers.map((peer) => peer.id));
    this.#ports.transport.setPeers(this.self, layout.clusterId, peers, {
      onFrame: (from, frame) => this.#onFrame(from, frame),
    });
  }

  /** Takes over a newer layout: addresses, peers and replicas change with it. */
  adoptLayout(layout: Layout): void {
    if (layout.epoch <= this.#layout.epoch || layout.clusterId !== this.#layout.clusterId) return;
    const problem = this.#whyNot(layout);
    if (problem !== undefined) {
      this.#ports.logger.error(`a layout of epoch ${layout.epoch} is not taken over: ${problem}`, {
        event: 'layout.refused',
      });
      return;
    }
    const { close } = reconcile(this.#hosted(), layout, this.self);
    this.#layout = layout;
    for (const group of close) this.#close(group);
    this.#connect(layout);
    this.#ports.logger.info(`the layout has epoch ${layout.epoch} now`);
    this.#options.onLayout(layout, () => this.#openWhenWritten());
  }

  #whyNot(layout: Layout): string | undefined {
    if (layout.epoch > this.#layout.epoch + EPOCH_LEAP_MAX) return 'its epoch is far above all that can be';
    const { protocols } = this.#options;
    const own = groupsOf(layout, this.self);
    const foreign = unknownProtocol(layout, this.self, protocols);
    if (foreign !== undefined) return foreign.message;
    // What one protocol has on disk the other cannot read.
    const changed = own.find(({ id, protocol }) => (this.#replicas.get(id)?.protocol.name ?? protocol) !== protocol);
    return changed && `group ${changed.id} is to change its protocol to ${changed.protocol}, which no group can`;
  }

  // ---- peers ----

  #onFrame(from: NodeId, frame: Uint8Array): void {
    let messages;
    try {
      messages = decodePeerFrame(frame);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#onBadFrame(from, error.message);
      return;
    }
    // A question stands once in a frame. What is asked a million times over is answered once.
    let asked: Set<string> | undefined;
    for (const message of messages) {
      const question = questionOf(message);
      if (question !== undefined) {
        asked ??= new Set();
        if (asked.has(question)) continue;
        asked.add(question);
      }
      this.#onMessage(from, message);
    }
  }

  #onBadFrame(from: NodeId, reason: string): void {
    this.#badFrames += 1;
    this.#options.measures.badFrames.add(1);
    const peer = nodeName(from);
    this.#ports.logger.warn(`a frame of ${peer} does not decode and is dropped: ${reason}`, {
      event: 'peer.bad-frame',
      peer,
    });
  }

  #onMessage(from: NodeId, message: PeerMessage): void {
    switch (message.type) {
      case 'heartbeat-request':
        this.#loop.send(from, this.#heartbeatReply(from, message.round));
        return;
      case 'heartbeat-reply':
        this.#heartbeats.onReply(from, message);
        if (message.round === 0) {
          for (const { group, body } of message.groups) {
            this.#replicas.get(group)?.input({ type: 'heartbeat-news', from, body });
          }
        }
        if (message.epoch > this.#layout.epoch) this.#loop.send(from, { type: 'layout-request' });
        return;
      case 'replica':
        this.#replicas.get(message.group)?.input({ type: 'message', from, body: message.body });
        return;
      case 'forward':
        this.router.onForward(from, message);
        return;
      case 'forwarded':
        this.router.onForwarded(from, message);
        return;
      case 'layout-request':
        this.#loop.send(from, { type: 'layout', layout: this.#layout });
        return;
      case 'layout':
        this.adoptLayout(message.layout);
        return;
      case 'snapshot-request':
        this.#snapshots.onRequest(from, message);
        return;
      case 'snapshot-part':
        this.#snapshots.onPart(from, message);
        return;
      case 'snapshot-lost':
        this.#snapshots.onLost(from, message);
        return;
    }
  }

  #heartbeatReply(to: NodeId, round: number): PeerMessage {
    const shared = [...this.#replicas.values()].filter((replica) => replica.members.includes(to));
    return this.#heartbeat(round, shared);
  }

  #onHeartbeatRound(answers: Parameters<typeof answersByGroup>[0]): void {
    const byGroup = answersByGroup(answers);
    const stalled = this.#loop.onHeartbeatRound();
    for (const [group, replica] of this.#replicas) {
      replica.input({ type: 'heartbeat-round', answers: byGroup.get(group) ?? new Map(), stalled });
    }
    this.router.onHeartbeatRound();
    this.#snapshots.onHeartbeatRound();
  }

  /** An election need not wait for the next round to learn what changed. */
  #spreadNews(group: GroupId): void {
    const replica = this.#replicas.get(group);
    if (replica === undefined) return;
    for (const member of replica.members) {
      if (member !== this.self) this.#loop.send(member, this.#heartbeat(0, [replica]));
    }
  }

  #heartbeat(round: number, replicas: readonly GroupReplica[]): HeartbeatReply {
    this.#lastHeartbeat += 1;
    const groups: HeartbeatReply['groups'][number][] = [];
    for (const replica of replicas) {
      const body = replica.heartbeat();
      if (body !== undefined) groups.push({ group: replica.group, body });
    }
    const { incarnation } = this.#options;
    const number = this.#lastHeartbeat;
    return { type: 'heartbeat-reply', round, incarnation, number, epoch: this.#layout.epoch, groups };
  }

  // ---- groups ----

  #onEvent(group: GroupId, event: ReplicaEvent): void {
    switch (event.type) {
      case 'leading':
        this.#news.tell(group, event);
        if (group === METADATA_GROUP) this.#onLeadingMetadata();
        return;
      case 'heartbeat-changed':
        this.#spreadNews(group);
        return;
      case 'leader-changed':
        this.#options.measures.leaderChanges.add(1);
        this.#news.tell(group, event);
        return;
      case 'quorum-lost':
      case 'stepped-down':
      case 'implausible':
        this.#news.tell(group, event);
        return;
      case 'bad-message':
        this.#onBadFrame(event.from, event.reason);
        return;
      case 'applied':
        this.#onApplied(group);
        return;
      case 'snapshot-needed':
        if (!this.#snapshots.fetch(group, event.from, event.atLeast)) return;
        this.#options.measures.snapshotsFetched.add(1);
        this.#news.tell(group, event);
        return;
    }
  }

  #onLeadingMetadata(): void {
    // Puts the layout of the formation into the replicated state, once.
    if (this.#storedLayout() === undefined) this.#propose(this.#layout, undefined);
    // Nobody else may be there to tell the layout where this node listens.
    else this.noteAddress(this.#options.instance, this.#options.address);
  }

  #onApplied(group: GroupId): void {
    this.#flusher.schedule(this.#replicas.get(group)?.applied?.flushIsUrgent === true);
    if (group !== METADATA_GROUP) return;
    const layout = this.#storedLayout();
    if (layout !== undefined) this.adoptLayout(layout);
  }

  // ---- the replicated layout ----

  #storedLayout(): Layout | undefined {
    return storedLayout(this.#replicas.get(METADATA_GROUP)?.applied);
  }

  /** A node of the cluster may listen somewhere else than the layout says. */
  noteAddress(instance: string, address: Address): void {
    const node = this.#layout.nodes.find((entry) => entry.instance === instance);
    const moved = node && moveNode(this.#layout, node.id, address);
    if (moved === undefined) return;
    mark('layout-moved');
    this.#ports.logger.info(`${nodeName(node?.id ?? 0)} listens at ${formatAddress(address)} now`);
    // At once for this node's own connections; for the others through the metadata group.
    this.#connect(moved);
    this.proposeLayout(moved);
  }

  /** Has the layout replaced by this one, whose epoch is the next, unless another change comes first. */
  proposeLayout(next: Layout): void {
    this.#propose(next, this.#layout);
  }

  #propose(next: Layout, current: Layout | undefined): void {
    // Whoever needs the change asks again until it is made.
    this.router.submitInternal(layoutChange(next, current), { reply: () => undefined });
  }
}

/** What a message asks for, if its answer may be much longer than itself. */
function questionOf(message: PeerMessage): string | undefined {
  switch (message.type) {
    case 'heartbeat-request':
    case 'layout-request':
      return message.type;
    case 'snapshot-request':
      return `${message.type} ${message.group}`;
    default:
      return undefined;
  }
}
