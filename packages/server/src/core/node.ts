/**
 * A node: everything between the ports. Runs unchanged in production and in simulation.
 *
 * State: the identity and the membership; once there is a layout, the group replicas, the router and the heartbeats. Its
 * parts each own their state; this file only connects them, see docs/architecture.md.
 */
import type {
  Address,
  Clock,
  Connection,
  Dialer,
  GroupId,
  Layout,
  Logger,
  NodeId,
  PeerTransport,
  Random,
  ReplyBody,
  RequestBody,
} from '@kvorum/common';
import {
  decodeAll,
  DecodeError,
  encodeUtf8,
  formatAddress,
  METADATA_GROUP,
  nodeName,
  readLayout,
} from '@kvorum/common';
import type { LogEvent, Recovered } from '@kvorum/consensus';
import { formatBallot, SequencePaxos } from '@kvorum/consensus';
import { CHECK_IN_RETRY_MS, CheckInLoop } from './check-in.ts';
import type { CheckIn, FormationOptions, Membership } from './formation.ts';
import { answerCheckIn, Formation, groupsOf, moveNode } from './formation.ts';
import type { ClientLink } from './gateway.ts';
import { Gateway } from './gateway.ts';
import { GroupReplica } from './group-replica.ts';
import { GroupState } from './group-state.ts';
import { answersByGroup, Heartbeats } from './heartbeats.ts';
import type { Identity } from './identity.ts';
import {
  encodeIdentity,
  encodeLayout,
  encodeRoster,
  IDENTITY_RECORD,
  LAYOUT_RECORD,
  randomId,
  readIdentity,
  readRoster,
  readStoredLayout,
  ROSTER_RECORD,
} from './identity.ts';
import { seal } from './log-record.ts';
import { NodeLoop } from './node-loop.ts';
import type { PeerMessage } from './peer-protocol.ts';
import { decodePeerFrame } from './peer-protocol.ts';
import { Router } from './router.ts';
import { Snapshots } from './snapshots.ts';
import { StateFlusher } from './state-flusher.ts';
import type { LogStorage, StateStorage } from './storage.ts';

export interface NodePorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly transport: PeerTransport;
  readonly dialer: Dialer;
  readonly logStorage: LogStorage;
  readonly stateStorage: StateStorage;
}

export interface NodeOptions extends FormationOptions {
  /** Where this node listens. */
  readonly address: Address;
  /** A node of the cluster to join; undefined: this is the bootstrap node. */
  readonly join: Address | undefined;
  /** The cluster will not have this node: nothing is left to do but to stop. */
  readonly onRejected: (reason: string) => void;
}

/** While the cluster is formed: how soon a node learns that the last one came. */
const FORMING_CHECK_IN_MS = 50;
/** A spare waits for a place; it asks seldom. */
const SPARE_CHECK_IN_MS = 2000;

/** Where the layout stands in the state of the metadata group. */
const LAYOUT_KEY = encodeUtf8('layout');

/** What can be seen of a replica from outside. */
export type GroupView = Pick<
  GroupReplica,
  'leading' | 'leader' | 'ballot' | 'decidedIndex' | 'logLength' | 'compactedIndex'
>;

/** Everything that exists once the node is a member. */
interface Running {
  readonly self: NodeId;
  layout: Layout;
  readonly replicas: ReadonlyMap<GroupId, GroupReplica>;
  readonly router: Router;
  readonly snapshots: Snapshots;
  readonly heartbeats: Heartbeats;
  readonly flusher: StateFlusher;
  /** Who led each group before its present leader; 0 for nobody. */
  readonly formerLeaders: Map<GroupId, NodeId>;
}

export class Node {
  readonly #ports: NodePorts;
  readonly #options: NodeOptions;
  readonly #loop: NodeLoop;
  readonly #gateway: Gateway;
  #identity: Identity;
  #membership: Membership;
  #running: Running | undefined;
  #checkIn: CheckInLoop | undefined;
  #becomingMember = false;
  #spare = false;
  #badFrames = 0;

  /** Reads what is on disk; throws CorruptRecord when that is damaged. */
  constructor(ports: NodePorts, options: NodeOptions) {
    this.#ports = ports;
    this.#options = options;
    this.#loop = new NodeLoop({
      clock: ports.clock,
      transport: ports.transport,
      storage: ports.logStorage,
      replica: (group) => this.#running?.replicas.get(group),
      flushReplies: () => this.#gateway.flush(),
    });
    this.#gateway = new Gateway(
      (body, reply) => this.#onRequest(body, reply),
      () => this.#loop.schedule(),
    );
    const known = readIdentity(ports.logStorage);
    this.#identity = known
      ? { ...known, starts: known.starts + 1 }
      : { instance: randomId(ports.random), clusterId: '', node: 0, starts: 1 };
    this.#membership = this.#recoverMembership();
  }

  get id(): NodeId {
    return this.#identity.node;
  }

  get clusterId(): string {
    return this.#identity.clusterId;
  }

  #recoverMembership(): Membership {
    const { logStorage } = this.#ports;
    const layout = readStoredLayout(logStorage);
    if (layout !== undefined) return { type: 'member', layout };
    const roster = readRoster(logStorage);
    if (this.#options.join !== undefined && roster === undefined) {
      return { type: 'joining', bootstrap: this.#options.join };
    }
    const clusterId = this.#identity.clusterId || randomId(this.#ports.random);
    return { type: 'bootstrap', clusterId, formation: new Formation(this.#options, roster ?? []) };
  }

  start(): void {
    switch (this.#membership.type) {
      case 'member':
        this.#persistIdentity();
        this.#run(this.#membership.layout);
        this.#announce(this.#membership.layout);
        return;
      case 'joining':
        this.#persistIdentity();
        this.#startCheckIn([this.#membership.bootstrap]);
        return;
      case 'bootstrap': {
        this.#identity = { ...this.#identity, clusterId: this.#membership.clusterId, node: 1 };
        this.#persistIdentity();
        this.#addToRoster(this.#membership.formation, this.#identity.instance, this.#options.address, () => undefined);
        const { clusterSize } = this.#options;
        if (clusterSize > 1) this.#ports.logger.info(`waiting for ${clusterSize - 1} more nodes to check in`);
        return;
      }
    }
  }

  /** Stops taking part; what is on disk stays as it is. Afterwards no port is called. */
  stop(): void {
    this.#loop.stop();
    this.#checkIn?.stop();
    this.#running?.heartbeats.stop();
    this.#running?.flusher.stop();
    this.#running?.snapshots.close();
  }

  /** Writes applied data that is only in memory, so that the next start has less to replay. */
  flush(done: () => void): void {
    if (this.#running === undefined) done();
    else this.#running.flusher.flushAll(done);
  }

  openClient(connection: Connection): ClientLink {
    return this.#gateway.open(connection);
  }

  onClientFrame(link: ClientLink, frame: Uint8Array): void {
    this.#gateway.onFrame(link, frame);
  }

  onClientClose(link: ClientLink): void {
    this.#gateway.onClose(link);
  }

  /** What the node knows about itself, for people and tools. */
  status(): Record<string, unknown> {
    const running = this.#running;
    const layout = running?.layout;
    const formation = this.#membership.type === 'bootstrap' ? this.#membership.formation : undefined;
    return {
      node: this.#identity.node,
      clusterId: this.#identity.clusterId,
      address: formatAddress(this.#options.address),
      state: running ? 'member' : this.#spare ? 'spare' : 'forming',
      starts: this.#identity.starts,
      epoch: layout?.epoch ?? 0,
      present: formation?.roster.length,
      wanted: formation?.wanted,
      nodes: layout?.nodes.map((node) => ({
        id: node.id,
        address: formatAddress(node.address),
        suspected: running?.heartbeats.suspects.has(node.id) ?? false,
      })),
      heartbeatDelayMs: running?.heartbeats.delayMs,
      clients: this.#gateway.connections,
      badFrames: this.#gateway.badFrames + this.#badFrames,
      groups: [...(running?.replicas ?? [])].map(([group, replica]) => ({
        group,
        members: replica.members,
        ...replica.describe(),
      })),
    };
  }

  /** This node's replica of the group, as others may see it; undefined when it is no member. */
  group(group: GroupId): GroupView | undefined {
    return this.#running?.replicas.get(group);
  }

  /** Whether it serves: every group it is a member of knows a leader. */
  get healthy(): boolean {
    return this.#running !== undefined && [...this.#running.replicas.values()].every((replica) => replica.leader !== 0);
  }

  #onRequest(body: RequestBody, reply: (body: ReplyBody) => void): void {
    switch (body.type) {
      case 'layout':
        reply({ type: 'layout', layout: this.#running?.layout ?? this.#spareLayout });
        return;
      case 'status':
        reply({ type: 'status', json: JSON.stringify(this.status()) });
        return;
      case 'group':
        if (this.#running !== undefined) this.#running.router.submit(body.request, body.forward, { reply });
        else
          reply({
            type: 'refused',
            code: 'unavailable',
            message: 'this node is not a member yet',
            leader: 0,
            epoch: 0,
          });
        return;
      case 'check-in':
        this.#onCheckIn(body, reply);
        return;
    }
  }

  /** What a spare tells clients: where the members are. */
  #spareLayout: Layout | undefined;

  // ---- formation ----

  #onCheckIn(checkIn: CheckIn, reply: (body: ReplyBody) => void): void {
    const membership = this.#membership;
    const answer = (): void => reply(answerCheckIn(this.#membership, checkIn));
    const foreign = checkIn.clusterId !== undefined && checkIn.clusterId !== this.#identity.clusterId;
    if (membership.type === 'bootstrap' && !foreign) {
      this.#addToRoster(membership.formation, checkIn.instance, checkIn.address, answer);
      return;
    }
    if (membership.type === 'member' && !foreign) this.#noteAddress(checkIn);
    answer();
  }

  #addToRoster(formation: Formation, instance: string, address: Address, done: () => void): void {
    if (!formation.add(instance, address)) {
      this.#formIfComplete(done);
      return;
    }
    const { roster, wanted } = formation;
    this.#loop.persistRecord(ROSTER_RECORD, encodeRoster(roster), () => {
      const node = formation.find(instance)?.id ?? 0;
      this.#ports.logger.info(
        `node ${nodeName(node)} at ${formatAddress(address)} checked in, ${roster.length} of ${wanted}`,
      );
      this.#formIfComplete(done);
    });
  }

  #formIfComplete(done: () => void): void {
    const membership = this.#membership;
    if (membership.type !== 'bootstrap' || !membership.formation.complete || this.#becomingMember) done();
    else this.#becomeMember(membership.formation.computeLayout(membership.clusterId), this.#identity.node, done);
  }

  /** The first layout this node is in: on disk before it takes part, and before anyone else is told. */
  #becomeMember(layout: Layout, node: NodeId, done: () => void): void {
    this.#becomingMember = true;
    this.#identity = { ...this.#identity, clusterId: layout.clusterId, node };
    this.#persistIdentity();
    this.#persistLayout(layout, () => {
      this.#membership = { type: 'member', layout };
      this.#run(layout);
      done();
    });
  }

  #persistIdentity(): void {
    this.#loop.persistRecord(IDENTITY_RECORD, encodeIdentity(this.#identity), () => undefined);
  }

  #persistLayout(layout: Layout, done: () => void): void {
    this.#loop.persistRecord(LAYOUT_RECORD, seal(encodeLayout(layout)), done);
  }

  #startCheckIn(targets: readonly Address[]): void {
    const { clusterId, instance } = this.#identity;
    this.#checkIn = new CheckInLoop(this.#ports, targets, {
      request: () => ({
        type: 'check-in',
        instance,
        clusterId: clusterId === '' ? undefined : clusterId,
        address: this.#options.address,
      }),
      onAnswer: (answer, from) => this.#onCheckedIn(answer, from),
    });
    this.#checkIn.start();
  }

  /** Returns when to ask again. */
  #onCheckedIn(answer: Extract<ReplyBody, { type: 'checked-in' }>, from: Address): number | undefined {
    const { state } = answer;
    switch (state.type) {
      case 'forming':
        return FORMING_CHECK_IN_MS;
      case 'elsewhere':
        this.#checkIn?.redirect(state.address);
        return CHECK_IN_RETRY_MS;
      case 'member':
        if (!this.#becomingMember && this.#running === undefined)
          this.#becomeMember(state.layout, answer.node, () => undefined);
        else this.#adoptLayout(state.layout);
        // Until the layout has the address this node listens at.
        return moveNode(state.layout, answer.node, this.#options.address) && CHECK_IN_RETRY_MS;
      case 'spare':
        if (!this.#spare) {
          const { layout } = state;
          const nodes = `${layout.nodes.length} nodes`;
          this.#ports.logger.warn(
            `cluster ${layout.clusterId} is complete with its ${nodes}; this node waits as a spare`,
          );
        }
        this.#spare = true;
        this.#spareLayout = state.layout;
        return SPARE_CHECK_IN_MS;
      case 'rejected':
        this.#options.onRejected(`${formatAddress(from)} refused this node: ${state.reason}`);
        return undefined;
    }
  }

  /** Tells the cluster where this node listens now, and learns the layout if it changed meanwhile. */
  #announce(layout: Layout): void {
    const { join, address } = this.#options;
    const self = layout.nodes.find((node) => node.id === this.#identity.node);
    const moved = self !== undefined && formatAddress(self.address) !== formatAddress(address);
    if (join === undefined && !moved) return;
    const others = layout.nodes.filter((node) => node !== self).map((node) => node.address);
    const targets = join === undefined ? others : [join, ...others];
    if (targets.length > 0) this.#startCheckIn(targets);
  }

  /** A member that checks in again may listen at another address. */
  #noteAddress(checkIn: CheckIn): void {
    const running = this.#running;
    const node = running?.layout.nodes.find((entry) => entry.instance === checkIn.instance);
    const moved = running && node && moveNode(running.layout, node.id, checkIn.address);
    if (moved === undefined) return;
    this.#ports.logger.info(`node ${nodeName(node?.id ?? 0)} listens at ${formatAddress(checkIn.address)} now`);
    // At once for this node's own connections; for the others through the metadata group.
    this.#setPeers(moved);
    this.#proposeLayout(moved, running?.layout);
  }

  // ---- running ----

  #run(layout: Layout): void {
    const self = this.#identity.node;
    const { clock, logger } = this.#ports;
    const send = (to: NodeId, message: PeerMessage): void => this.#loop.send(to, message);
    const peers = layout.nodes.map((node) => node.id).filter((id) => id !== self);
    const replicas = new Map(
      groupsOf(layout, self).map((group) => [group.id, this.#createReplica(group.id, group.members)]),
    );
    const heartbeats = new Heartbeats(clock, logger, peers, { send, onRound: (answers) => this.#onRound(answers) });
    const router = new Router({
      self,
      layout: () => this.#running?.layout,
      replica: (group) => replicas.get(group),
      isAlive: (node) => !heartbeats.suspects.has(node),
      send,
    });
    const firstTransfer = this.#identity.starts * 2 ** 20;
    const snapshots = new Snapshots(
      this.#ports.stateStorage,
      {
        send,
        beginReplacement: (group, atLeast) => replicas.get(group)?.beginReplacement(atLeast) ?? false,
        onInstalled: (group) => replicas.get(group)?.onSnapshotInstalled(),
      },
      firstTransfer,
    );
    const flusher = new StateFlusher(clock, this.#ports.stateStorage, [...replicas.values()]);
    this.#running = { self, layout, replicas, router, snapshots, heartbeats, flusher, formerLeaders: new Map() };
    this.#setPeers(layout);
    const { clusterId, nodes, groups } = layout;
    logger.info(
      `cluster ${clusterId} is formed: ${nodes.length} nodes, ${groups.length - 1} partitions; this is ${nodeName(self)}`,
    );
    heartbeats.start(this.#ports.random);
  }

  #createReplica(group: GroupId, members: readonly NodeId[]): GroupReplica {
    const self = this.#identity.node;
    const state = new GroupState(group, this.#ports.stateStorage);
    const recovered = recoverLog(this.#ports.logStorage, group, state.applied.index);
    const log = new SequencePaxos(recovered === undefined ? { self, members } : { self, members, recovered });
    const replica = new GroupReplica(group, members, log, state, {
      self,
      wallMs: () => this.#ports.clock.wallMs(),
      wake: (id) => this.#loop.wake(id),
      onEvent: (id, event) => this.#onLogEvent(id, event),
      onApplied: (id) => this.#onApplied(id),
    });
    // The state reaches beyond the log: the node stopped after it installed a snapshot and before it noted that.
    if (state.applied.index > log.logLength) replica.onSnapshotInstalled();
    return replica;
  }

  #setPeers(layout: Layout): void {
    const peers = layout.nodes.filter((node) => node.id !== this.#identity.node);
    this.#ports.transport.setPeers(this.#identity.node, layout.clusterId, peers, {
      onFrame: (from, frame) => this.#onPeerFrame(from, frame),
    });
  }

  #onPeerFrame(from: NodeId, frame: Uint8Array): void {
    let messages;
    try {
      messages = decodePeerFrame(frame);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#badFrames += 1;
      this.#ports.logger.warn(`a frame of node ${nodeName(from)} does not decode and is dropped: ${error.message}`);
      return;
    }
    for (const message of messages) this.#onPeerMessage(from, message);
  }

  #onPeerMessage(from: NodeId, message: PeerMessage): void {
    const running = this.#running;
    if (running === undefined) return;
    switch (message.type) {
      case 'heartbeat-request':
        this.#loop.send(from, this.#heartbeatReply(running, from, message.round));
        return;
      case 'heartbeat-reply':
        running.heartbeats.onReply(from, message);
        if (message.epoch > running.layout.epoch) this.#loop.send(from, { type: 'layout-request' });
        return;
      case 'consensus':
        running.replicas.get(message.group)?.onMessage(from, message.message);
        return;
      case 'forward':
        running.router.onForward(from, message);
        return;
      case 'forwarded':
        running.router.onForwarded(from, message);
        return;
      case 'layout-request':
        this.#loop.send(from, { type: 'layout', layout: running.layout });
        return;
      case 'layout':
        this.#adoptLayout(message.layout);
        return;
      case 'snapshot-request':
        if (running.replicas.has(message.group)) running.snapshots.onRequest(from, message);
        return;
      case 'snapshot-part':
        running.snapshots.onPart(from, message);
        return;
    }
  }

  #heartbeatReply(running: Running, to: NodeId, round: number): PeerMessage {
    const groups = [...running.replicas.values()]
      .filter((replica) => replica.members.includes(to))
      .map((replica) => ({ group: replica.group, ...replica.heartbeat() }));
    return { type: 'heartbeat-reply', round, epoch: running.layout.epoch, groups };
  }

  /** An election need not wait for the next round to learn what changed. */
  #spreadNews(running: Running, group: GroupId): void {
    const replica = running.replicas.get(group);
    if (replica === undefined) return;
    const { epoch } = running.layout;
    const groups = [{ group, ...replica.heartbeat() }];
    for (const member of replica.members) {
      if (member !== running.self) this.#loop.send(member, { type: 'heartbeat-reply', round: 0, epoch, groups });
    }
  }

  #onRound(answers: ReadonlyMap<NodeId, Extract<PeerMessage, { type: 'heartbeat-reply' }>>): void {
    const running = this.#running;
    if (running === undefined) return;
    const byGroup = answersByGroup(answers);
    for (const [group, replica] of running.replicas) replica.onRound(byGroup.get(group) ?? new Map());
    running.router.onRound();
    running.snapshots.onRound();
  }

  #onLogEvent(group: GroupId, event: LogEvent): void {
    const running = this.#running;
    if (running === undefined) return;
    const { logger } = this.#ports;
    switch (event.type) {
      case 'leading':
        logger.info(
          `leads group ${group} with ballot ${formatBallot(event.ballot)}${whyLeaderChanged(running, group)}`,
        );
        if (group === METADATA_GROUP) this.#proposeFirstLayout(running);
        return;
      case 'quorum-lost':
        logger.warn(`leads group ${group} with ballot ${formatBallot(event.ballot)}, but reaches no majority of it`);
        return;
      case 'heartbeat-changed':
        this.#spreadNews(running, group);
        return;
      case 'stepped-down':
        logger.info(`no longer leads group ${group}: a higher ballot than ${formatBallot(event.ballot)} was seen`);
        return;
      case 'leader-changed':
        running.formerLeaders.set(group, event.former.node);
        logger.debug(`group ${group} follows ballot ${formatBallot(event.ballot)}`);
        return;
      case 'snapshot-needed':
        logger.info(
          `fetches a snapshot of group ${group} from ${nodeName(event.from)}: the log no longer reaches back far enough`,
        );
        running.snapshots.fetch(group, event.from, event.atLeast);
        return;
    }
  }

  #onApplied(group: GroupId): void {
    const running = this.#running;
    if (running === undefined) return;
    running.flusher.schedule();
    if (group !== METADATA_GROUP) return;
    const layout = this.#replicatedLayout(running);
    if (layout !== undefined) this.#adoptLayout(layout);
  }

  #replicatedLayout(running: Running): Layout | undefined {
    const found = running.replicas.get(METADATA_GROUP)?.state.get(LAYOUT_KEY);
    return found && decodeAll(found.value, readLayout);
  }

  /** Puts the layout of the formation into the replicated state, once. */
  #proposeFirstLayout(running: Running): void {
    if (this.#replicatedLayout(running) === undefined) this.#proposeLayout(running.layout, undefined);
  }

  /** Replaces the layout of the metadata group if it still is `current`; undefined: if there is none yet. */
  #proposeLayout(next: Layout, current: Layout | undefined): void {
    const running = this.#running;
    const expected = current && encodeLayout(current);
    running?.router.submitInternal(
      {
        type: 'execute',
        group: METADATA_GROUP,
        session: 0,
        sequence: 0,
        floor: 0,
        command: { type: 'cas', key: LAYOUT_KEY, expected, next: encodeLayout(next) },
      },
      { reply: () => undefined },
    );
  }

  /** Takes over a newer layout. Who is a member of what does not change, addresses do. */
  #adoptLayout(layout: Layout): void {
    const running = this.#running;
    if (running === undefined || layout.epoch <= running.layout.epoch) return;
    if (layout.clusterId !== running.layout.clusterId) return;
    running.layout = layout;
    this.#membership = { type: 'member', layout };
    this.#persistLayout(layout, () => undefined);
    this.#setPeers(layout);
    this.#ports.logger.info(`the layout has epoch ${layout.epoch} now`);
  }
}

/** The log as it was on disk. What is applied was decided, even where the disk does not say so. */
function recoverLog(storage: LogStorage, group: GroupId, appliedIndex: number): Recovered | undefined {
  const recovered = storage.readGroup(group);
  if (recovered === undefined) return undefined;
  const logLength = recovered.compactedIndex + recovered.entries.length;
  return { ...recovered, decidedIndex: Math.max(recovered.decidedIndex, Math.min(appliedIndex, logLength)) };
}

function whyLeaderChanged(running: Running, group: GroupId): string {
  const former = running.formerLeaders.get(group) ?? 0;
  if (former === 0) return ': it had no leader';
  if (former === running.self) return ': elected again';
  const suspected = running.heartbeats.suspects.has(former);
  return `: ${nodeName(former)}, which led it before, ${suspected ? 'does not answer' : 'lost its majority or has a lower ballot'}`;
}
