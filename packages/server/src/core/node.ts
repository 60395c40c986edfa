/**
 * A node: everything between the ports. Runs unchanged in production and in simulation.
 *
 * State: the identity, and what the node is to its cluster. Invariant: what it tells others about itself and the cluster is on
 * disk before.
 */
import type {
  Address,
  Connection,
  Dialer,
  GroupId,
  Layout,
  Metrics,
  NodeId,
  RequestBody,
  ReplyBody,
  Settings,
} from '@kvorum/common';
import { checkSettings, defaultSettings, formatAddress, MetricsRegistry, nodeName } from '@kvorum/common';
import type { Term } from '@kvorum/consensus';
import type { HostPorts } from './hosted-groups.ts';
import { HostedGroups } from './hosted-groups.ts';
import { CheckInLoop } from './membership/check-in.ts';
import type { CheckIn, FormationOptions } from './membership/formation.ts';
import { Formation, moveNode } from './membership/formation.ts';
import type { Identity } from './membership/identity.ts';
import {
  checkIsSameNode,
  encodeIdentity,
  encodeLayoutRecord,
  encodeRoster,
  IDENTITY_RECORD,
  LAYOUT_RECORD,
  randomId,
  readIdentity,
  readRoster,
  readStoredLayout,
  ROSTER_RECORD,
} from './membership/identity.ts';
import type { NodeState } from './membership/node-state.ts';
import { answerCheckIn } from './membership/node-state.ts';
import { NodeLoop } from './node-loop.ts';
import { NodeMeasures } from './node-measures.ts';
import { refusal } from './replies.ts';
import { protocols as knownProtocols } from './replication/protocols.ts';
import type { LogView, ProtocolTable } from './replication/replication-protocol.ts';
import { unknownProtocol, UnknownProtocol } from './replication/replication-protocol.ts';
import type { ClientLink, Responder } from './requests/gateway.ts';
import { Gateway } from './requests/gateway.ts';
import { KeyValueMachine } from './state/key-value/key-value-machine.ts';
import type { StateMachineFactory } from './state/state-machine.ts';
import type { NodeRecord, NodeRecords } from './storage/storage-ports.ts';

export interface NodePorts extends HostPorts {
  readonly dialer: Dialer;
  readonly nodeRecords: NodeRecords;
  /** Default: a registry that nobody looks at. */
  readonly metrics?: Metrics;
}

export interface NodeOptions extends FormationOptions {
  /** Where others reach this node. */
  readonly address: Address;
  /** A node of the cluster to join; undefined: this is the bootstrap node. */
  readonly join: Address | undefined;
  /** The cluster will not have this node: nothing is left to do but to stop. */
  readonly onRejected: (reason: string) => void;
  /** Default: {@link defaultSettings}. */
  readonly settings?: Settings;
  /** What groups can run here. Default: all that this program knows. */
  readonly protocols?: ProtocolTable;
  /** The state machine of log protocols. Default: key-value. */
  readonly createMachine?: StateMachineFactory;
}

/** What can be seen of a replica from outside. */
export interface GroupView {
  readonly serves: boolean;
  readonly leader: NodeId;
  readonly term: Term;
  /** Undefined for a protocol without a log. */
  readonly log: LogView | undefined;
}

export class Node {
  readonly #ports: NodePorts;
  readonly #options: NodeOptions;
  readonly #settings: Settings;
  readonly #protocols: ProtocolTable;
  readonly #loop: NodeLoop;
  readonly #gateway: Gateway;
  readonly #measures: NodeMeasures;
  #identity: Identity;
  #state: NodeState;
  #warnedOfCircle = false;
  #checkIn: CheckInLoop | undefined;
  /** The layout on disk when the node started: it is a member from the start. */
  readonly #storedLayout: Layout | undefined;
  /** Made once per turn at most, however many ask for it in one frame. */
  #statusJson: string | undefined;

  /**
   * Reads what is on disk; throws CorruptRecord or UnknownFormat when that cannot be used, InvalidSettings or UnknownProtocol
   * for options that cannot.
   */
  constructor(ports: NodePorts, options: NodeOptions) {
    const settings = options.settings ?? defaultSettings;
    checkSettings(settings);
    this.#ports = ports;
    this.#options = options;
    this.#settings = settings;
    this.#protocols = options.protocols ?? knownProtocols;
    const { protocol } = options;
    if (protocol !== undefined && !this.#protocols.has(protocol)) {
      throw new UnknownProtocol({ id: 1, protocol }, this.#protocols.keys());
    }
    this.#measures = new NodeMeasures(ports.metrics ?? new MetricsRegistry());
    this.#loop = new NodeLoop({
      clock: ports.clock,
      transport: ports.transport,
      storage: ports.logStorage,
      replica: (group) => this.#groups?.replicas.get(group),
      endTurn: () => {
        this.#statusJson = undefined;
        this.#groups?.endTurn();
        this.#gateway.flush();
      },
      stalledCommitRoundsMax: settings.timings.stalledCommitRoundsMax,
      turnDuration: this.#measures.turnDuration,
    });
    this.#gateway = new Gateway(
      (body, responder) => this.#onRequest(body, responder),
      () => this.#loop.schedule(),
      settings.limits,
      { clock: ports.clock, requests: this.#measures.requests },
    );
    const known = readIdentity(ports.nodeRecords);
    this.#identity = known
      ? { ...known, incarnation: known.incarnation + 1 }
      : { instance: randomId(ports.random), clusterId: '', node: 0, incarnation: 1 };
    this.#storedLayout = readStoredLayout(ports.nodeRecords);
    if (this.#storedLayout !== undefined) checkIsSameNode(this.#identity, this.#storedLayout);
    this.#state = this.#recoverState();
  }

  get id(): NodeId {
    return this.#identity.node;
  }

  get clusterId(): string {
    return this.#identity.clusterId;
  }

  /** What it is to its cluster. */
  get state(): NodeState['type'] {
    return this.#state.type;
  }

  /** Whether it serves: the layout names it, and every group it is a member of sees a leader. */
  get healthy(): boolean {
    return this.#groups?.healthy === true;
  }

  /** The cluster as it was formed; undefined before. */
  get formed(): { readonly nodes: number; readonly partitions: number } | undefined {
    const layout = this.#groups?.layout ?? this.#storedLayout;
    return layout && { nodes: layout.nodes.length, partitions: layout.groups.length - 1 };
  }

  get layout(): Layout | undefined {
    return this.#groups?.layout;
  }

  /** This node's replica of the group, as others may see it; undefined when it is no member. */
  group(group: GroupId): GroupView | undefined {
    return this.#groups?.replicas.get(group);
  }

  get #groups(): HostedGroups | undefined {
    return this.#state.type === 'member' ? this.#state.groups : undefined;
  }

  #recoverState(): NodeState {
    const { nodeRecords, random, logger } = this.#ports;
    const { join } = this.#options;
    // Becomes a member at its start, once this start is on disk.
    if (this.#storedLayout !== undefined) return { type: 'joining', bootstrap: this.#options.address, entering: true };
    const roster = readRoster(nodeRecords);
    if (join !== undefined && (roster?.length ?? 0) <= 1) return this.#recoverJoining(join, roster !== undefined);
    if (join !== undefined) {
      logger.warn(
        `-s is ignored: ${(roster?.length ?? 0) - 1} other nodes have checked in at this one, which forms cluster ` +
          `${this.#identity.clusterId}; use an empty --data-dir to join another cluster`,
      );
    }
    const clusterId = this.#identity.clusterId || randomId(random);
    return { type: 'new', clusterId, formation: new Formation(this.#options, roster ?? []), entering: false };
  }

  /** A node that was once started without -s, and at which nobody has checked in, gives its own cluster up. */
  #recoverJoining(bootstrap: Address, hadBegun: boolean): NodeState {
    if (hadBegun) {
      this.#identity = { ...this.#identity, clusterId: '', node: 0 };
      this.#ports.logger.warn(
        `this node had begun to form a cluster of its own; nobody checked in, so it joins ${formatAddress(bootstrap)}, as -s says`,
      );
    }
    return { type: 'joining', bootstrap, entering: false };
  }

  start(): void {
    const layout = this.#storedLayout;
    const state = this.#state;
    if (layout !== undefined) {
      this.#persist([this.#identityRecord()], () => {
        this.#startMember(layout);
        this.#announce(layout);
      });
    } else if (state.type === 'joining') {
      this.#persist([this.#identityRecord()], () => this.#startCheckIn(() => [state.bootstrap]));
    } else if (state.type === 'new') {
      this.#identity = { ...this.#identity, clusterId: state.clusterId, node: 1 };
      this.#persist([this.#identityRecord()], () => undefined);
      this.#addToRoster(state.formation, this.#identity.instance, this.#options.address, () => undefined);
    }
  }

  /** Stops taking part; what is on disk stays as it is. Afterwards no port is called. */
  stop(): void {
    this.#loop.stop();
    this.#checkIn?.stop();
    this.#groups?.stop();
    this.#state = { type: 'stopping' };
  }

  /** Writes applied data that is only in memory, so that the next start has less to replay. */
  flush(done: () => void): void {
    if (this.#groups === undefined) done();
    else this.#groups.flush(done);
  }

  // ---- clients ----

  openClient(connection: Connection): ClientLink {
    return this.#gateway.open(connection);
  }

  onClientFrame(link: ClientLink, frame: Uint8Array): void {
    this.#gateway.onFrame(link, frame);
  }

  onClientClose(link: ClientLink): void {
    this.#gateway.onClose(link);
  }

  #onRequest(body: RequestBody, responder: Responder): void {
    switch (body.type) {
      case 'layout':
        responder.reply({ type: 'layout', layout: this.#knownLayout });
        return;
      case 'status':
        this.#statusJson ??= JSON.stringify(this.status());
        responder.reply({ type: 'status', json: this.#statusJson });
        return;
      case 'group':
        if (this.#groups === undefined) {
          responder.reply(refusal('unavailable', 'this node is not a member of a cluster yet'));
        } else this.#groups.router.submit(body.request, body.forward, responder);
        return;
      case 'check-in':
        this.#onCheckIn(body, (answer) => responder.reply(answer));
        return;
      case 'credit':
      case 'cancel':
        // The gateway's own.
        return;
    }
  }

  /** Also a spare tells clients where the members are. */
  get #knownLayout(): Layout | undefined {
    return this.#state.type === 'spare' ? this.#state.layout : this.#groups?.layout;
  }

  /** Requests of clients that were not answered yet. */
  get pendingRequests(): number {
    return this.#gateway.unanswered;
  }

  /** Sets the gauges to what is now. */
  collectMetrics(): void {
    this.#measures.pending.set(this.pendingRequests);
    if (this.#groups !== undefined) this.#measures.collect(this.#groups);
  }

  /** What the node knows about itself, for people and tools. */
  status(): Record<string, unknown> {
    const groups = this.#groups;
    const formation = this.#state.type === 'new' ? this.#state.formation : undefined;
    const { node, clusterId, incarnation } = this.#identity;
    return {
      node,
      clusterId,
      address: formatAddress(this.#options.address),
      state: this.#state.type === 'new' || this.#state.type === 'joining' ? 'forming' : this.#state.type,
      incarnation,
      epoch: groups?.layout.epoch ?? 0,
      present: formation?.roster.length,
      wanted: formation?.wanted,
      nodes: groups?.layout.nodes.map((entry) => ({
        id: entry.id,
        address: formatAddress(entry.address),
        suspected: groups.suspects(entry.id),
      })),
      heartbeatDelayMs: groups?.heartbeatDelayMs,
      clients: this.#gateway.connections,
      badFrames: this.#gateway.badFrames + (groups?.badFrames ?? 0),
      groups: [...(groups?.replicas.values() ?? [])].map((replica) => ({
        group: replica.group,
        protocol: replica.protocol.name,
        members: replica.members,
        ...replica.describe(),
      })),
    };
  }

  // ---- formation, as the node that others check in at ----

  #onCheckIn(checkIn: CheckIn, reply: (body: ReplyBody) => void): void {
    const answer = (): void => reply(answerCheckIn(this.#state, checkIn));
    const foreign = checkIn.clusterId !== undefined && checkIn.clusterId !== this.#identity.clusterId;
    if (this.#state.type === 'new' && !foreign) {
      this.#addToRoster(this.#state.formation, checkIn.instance, checkIn.address, answer);
      return;
    }
    if (!foreign) this.#groups?.noteAddress(checkIn.instance, checkIn.address);
    answer();
  }

  #addToRoster(formation: Formation, instance: string, address: Address, done: () => void): void {
    if (!formation.add(instance, address)) {
      this.#formIfComplete(done);
      return;
    }
    const { roster, wanted } = formation;
    this.#persist([{ name: ROSTER_RECORD, value: encodeRoster(roster) }], () => {
      const name = nodeName(formation.find(instance)?.id ?? 0);
      const progress = roster.length < wanted ? `, waiting for ${wanted - roster.length} more` : '';
      this.#ports.logger.info(
        `${name} at ${formatAddress(address)} checked in, ${roster.length} of ${wanted}${progress}`,
      );
      this.#formIfComplete(done);
    });
  }

  #formIfComplete(done: () => void): void {
    const state = this.#state;
    if (state.type !== 'new' || !state.formation.complete || state.entering) done();
    else this.#enter(state.formation.computeLayout(state.clusterId), this.#identity.node, done);
  }

  // ---- formation, as a node that checks in ----

  #startCheckIn(targets: () => readonly Address[]): void {
    const { clusterId, instance } = this.#identity;
    const host = {
      request: () => ({
        type: 'check-in' as const,
        instance,
        clusterId: clusterId === '' ? undefined : clusterId,
        address: this.#options.address,
      }),
      onAnswer: (answer: Extract<ReplyBody, { type: 'checked-in' }>, from: Address) => this.#onCheckedIn(answer, from),
    };
    this.#checkIn = new CheckInLoop(this.#ports, targets, host, this.#settings.timings);
    this.#checkIn.start();
  }

  /** Returns after how many milliseconds to ask again; undefined: no more. */
  #onCheckedIn(answer: Extract<ReplyBody, { type: 'checked-in' }>, from: Address): number | undefined {
    const { timings } = this.#settings;
    const { state } = answer;
    switch (state.type) {
      case 'forming':
        return timings.formingCheckInMs;
      case 'elsewhere':
        // One that is no member may know less than this node does.
        if (this.#state.type !== 'member') this.#redirect(state.address, from);
        return timings.checkInRetryMs;
      case 'member':
        return this.#onMember(state.layout, answer.node, from);
      case 'spare':
        this.#becomeSpare(state.layout, from);
        return timings.spareCheckInMs;
      case 'rejected':
        this.#options.onRejected(`${formatAddress(from)} refused this node: ${state.reason}`);
        return undefined;
    }
  }

  #onMember(layout: Layout, node: NodeId, from: Address): number | undefined {
    const { timings } = this.#settings;
    const isOwn = layout.nodes.some(({ id, instance }) => id === node && instance === this.#identity.instance);
    if (!isOwn) {
      this.#ports.logger.warn(
        `${formatAddress(from)} says that this is ${nodeName(node)}, and its layout does not; still asking`,
        { event: 'check-in.misled' },
      );
      return timings.checkInRetryMs;
    }
    if (this.#groups !== undefined) {
      this.#groups.adoptLayout(layout);
    } else {
      const foreign = unknownProtocol(layout, node, this.#protocols);
      if (foreign !== undefined) {
        this.#options.onRejected(`this node cannot serve in cluster ${layout.clusterId}: ${foreign.message}`);
        return undefined;
      }
      this.#enter(layout, node, () => undefined);
    }
    // Until the layout has the address this node listens at.
    return moveNode(layout, node, this.#options.address) && timings.checkInRetryMs;
  }

  #redirect(address: Address, from: Address): void {
    if (formatAddress(address) !== formatAddress(this.#options.address)) {
      this.#checkIn?.redirect(address);
    } else if (!this.#warnedOfCircle) {
      this.#warnedOfCircle = true;
      this.#ports.logger.warn(
        `${formatAddress(from)} waits for this node as this one waits for it: start one of them without -s, as bootstrap server`,
      );
    }
  }

  #becomeSpare(layout: Layout, bootstrap: Address): void {
    if (this.#state.type === 'joining') {
      const nodes = `its ${layout.nodes.length} nodes`;
      this.#ports.logger.warn(`cluster ${layout.clusterId} is complete with ${nodes}; this node waits as a spare`);
    }
    if (this.#state.type === 'joining' || this.#state.type === 'spare') {
      this.#state = { type: 'spare', bootstrap, layout, entering: this.#state.entering };
    }
  }

  /** Tells the cluster where this node listens now, and learns the layout if that changed meanwhile. */
  #announce(layout: Layout): void {
    const { join, address } = this.#options;
    const moved = moveNode(layout, this.#identity.node, address) !== undefined;
    if (join === undefined && !moved) return;
    // The others may be on the move too: whatever the layout says by then.
    this.#startCheckIn(() => {
      const nodes = this.#groups?.layout.nodes.filter((node) => node.id !== this.#identity.node) ?? [];
      return [...(join === undefined ? [] : [join]), ...nodes.map((node) => node.address)];
    });
  }

  // ---- membership ----

  /** The first layout this node is in: on disk before it takes part, and before anyone else is told. */
  #enter(layout: Layout, node: NodeId, done: () => void): void {
    const state = this.#state;
    if (state.type === 'member' || state.type === 'stopping' || state.entering) return;
    this.#state = { ...state, entering: true };
    this.#identity = { ...this.#identity, clusterId: layout.clusterId, node };
    this.#persist([this.#identityRecord(), layoutRecord(layout)], () => {
      this.#startMember(layout);
      done();
    });
  }

  #startMember(layout: Layout): void {
    if (this.#state.type === 'stopping') return;
    const { node: self, incarnation, instance } = this.#identity;
    const { address, createMachine } = this.#options;
    const groups = new HostedGroups(this.#ports, this.#loop, {
      self,
      incarnation,
      instance,
      address,
      layout,
      settings: this.#settings,
      protocols: this.#protocols,
      measures: this.#measures,
      createMachine: createMachine ?? ((group, storage) => new KeyValueMachine(group, storage)),
      onLayout: (newer, done) => this.#persist([layoutRecord(newer)], done),
    });
    this.#state = { type: 'member', groups };
    groups.start();
  }

  #identityRecord(): NodeRecord {
    return { name: IDENTITY_RECORD, value: encodeIdentity(this.#identity) };
  }

  /** Nothing is heard of a write that is done after the node stopped. */
  #persist(records: readonly NodeRecord[], done: () => void): void {
    this.#ports.nodeRecords.write(records, () => {
      if (this.#state.type !== 'stopping') done();
    });
  }
}

function layoutRecord(layout: Layout): NodeRecord {
  return { name: LAYOUT_RECORD, value: encodeLayoutRecord(layout) };
}
