/**
 * A node: everything between the ports. Runs unchanged in production and in simulation.
 *
 * State: the identity and what the node is to its cluster: the one that forms it, one that checks in, a spare, or a member.
 * Invariant: what it tells others about itself and the cluster is on disk before.
 */
import type { Address, Connection, Dialer, GroupId, Layout, NodeId, ReplyBody, RequestBody } from '@kvorum/common';
import { formatAddress, nodeName } from '@kvorum/common';
import { CHECK_IN_RETRY_MS, CheckInLoop } from './membership/check-in.ts';
import type { CheckIn, FormationOptions, Membership } from './membership/formation.ts';
import { answerCheckIn, Formation, moveNode } from './membership/formation.ts';
import type { ClientLink } from './requests/gateway.ts';
import { Gateway } from './requests/gateway.ts';
import type { GroupReplica } from './replication/group-replica.ts';
import { refusal } from './replication/group-replica.ts';
import type { Identity } from './membership/identity.ts';
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
} from './membership/identity.ts';
import { seal } from './storage/log-record.ts';
import type { MemberPorts } from './member.ts';
import { Member } from './member.ts';
import { NodeLoop } from './node-loop.ts';

export interface NodePorts extends MemberPorts {
  readonly dialer: Dialer;
}

export interface NodeOptions extends FormationOptions {
  /** Where others reach this node. */
  readonly address: Address;
  /** A node of the cluster to join; undefined: this is the bootstrap node. */
  readonly join: Address | undefined;
  /** The cluster will not have this node: nothing is left to do but to stop. */
  readonly onRejected: (reason: string) => void;
}

/** What can be seen of a replica from outside. */
export type GroupView = Pick<
  GroupReplica,
  'leading' | 'leader' | 'ballot' | 'decidedIndex' | 'logLength' | 'compactedIndex' | 'entries'
>;

/** While the cluster is formed: how soon a node learns that the last one came. */
const FORMING_CHECK_IN_MS = 50;
/** A spare waits for a place; it asks seldom. */
const SPARE_CHECK_IN_MS = 2000;

export class Node {
  readonly #ports: NodePorts;
  readonly #options: NodeOptions;
  readonly #loop: NodeLoop;
  readonly #gateway: Gateway;
  #identity: Identity;
  #membership: Membership;
  #becomingMember = false;
  #warnedOfCircle = false;
  #member: Member | undefined;
  #checkIn: CheckInLoop | undefined;
  /** Of the cluster that this node is a spare of: tells clients where the members are. */
  #spareOf: Layout | undefined;
  /** Made once per turn at most, however many ask for it in one frame. */
  #statusJson: string | undefined;

  /** Reads what is on disk; throws CorruptRecord when that is damaged. */
  constructor(ports: NodePorts, options: NodeOptions) {
    this.#ports = ports;
    this.#options = options;
    this.#loop = new NodeLoop({
      clock: ports.clock,
      transport: ports.transport,
      storage: ports.logStorage,
      replica: (group) => this.#member?.replicas.get(group),
      flushReplies: () => {
        this.#statusJson = undefined;
        this.#gateway.flush();
      },
    });
    this.#gateway = new Gateway(
      (body, reply, isAbandoned) => this.#onRequest(body, reply, isAbandoned),
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

  /** Whether it serves: every group it is a member of sees a leader. */
  get healthy(): boolean {
    return this.#member?.healthy === true;
  }

  /** The cluster as it was formed; undefined before. */
  get formed(): { readonly nodes: number; readonly partitions: number } | undefined {
    const layout = this.#member?.layout;
    return layout && { nodes: layout.nodes.length, partitions: layout.groups.length - 1 };
  }

  /** This node's replica of the group, as others may see it; undefined when it is no member. */
  group(group: GroupId): GroupView | undefined {
    return this.#member?.replicas.get(group);
  }

  #recoverMembership(): Membership {
    const { logStorage, random } = this.#ports;
    const layout = readStoredLayout(logStorage);
    if (layout !== undefined) return { type: 'member', layout };
    const roster = readRoster(logStorage);
    const { join } = this.#options;
    if (join !== undefined && (roster?.length ?? 0) <= 1) return this.#recoverJoining(join, roster !== undefined);
    if (join !== undefined) {
      this.#ports.logger.warn(
        `-s is ignored: ${(roster?.length ?? 0) - 1} other nodes have checked in at this one, which forms cluster ` +
          `${this.#identity.clusterId}; use an empty --data-dir to join another cluster`,
      );
    }
    const clusterId = this.#identity.clusterId || randomId(random);
    return { type: 'bootstrap', clusterId, formation: new Formation(this.#options, roster ?? []) };
  }

  /** A node that was once started without -s, and at which nobody has checked in, gives its own cluster up. */
  #recoverJoining(bootstrap: Address, hadBegun: boolean): Membership {
    if (hadBegun) {
      this.#identity = { ...this.#identity, clusterId: '', node: 0 };
      this.#ports.logger.warn(
        `this node had begun to form a cluster of its own; nobody checked in, so it joins ${formatAddress(bootstrap)}, as -s says`,
      );
    }
    return { type: 'joining', bootstrap };
  }

  start(): void {
    const membership = this.#membership;
    switch (membership.type) {
      case 'member':
        this.#persistIdentity(() => {
          this.#startMember(membership.layout);
          this.#announce(membership.layout);
        });
        return;
      case 'joining':
        this.#persistIdentity(() => this.#startCheckIn(() => [membership.bootstrap]));
        return;
      case 'bootstrap':
        this.#identity = { ...this.#identity, clusterId: membership.clusterId, node: 1 };
        this.#persistIdentity(() => undefined);
        this.#addToRoster(membership.formation, this.#identity.instance, this.#options.address, () => undefined);
        return;
    }
  }

  /** Stops taking part; what is on disk stays as it is. Afterwards no port is called. */
  stop(): void {
    this.#loop.stop();
    this.#checkIn?.stop();
    this.#member?.stop();
  }

  /** Writes applied data that is only in memory, so that the next start has less to replay. */
  flush(done: () => void): void {
    if (this.#member === undefined) done();
    else this.#member.flush(done);
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

  #onRequest(body: RequestBody, reply: (body: ReplyBody) => void, isAbandoned: () => boolean): void {
    switch (body.type) {
      case 'layout':
        reply({ type: 'layout', layout: this.#member?.layout ?? this.#spareOf });
        return;
      case 'status':
        this.#statusJson ??= JSON.stringify(this.status());
        reply({ type: 'status', json: this.#statusJson });
        return;
      case 'group':
        if (this.#member === undefined) reply(refusal('unavailable', 'this node is not a member of a cluster yet'));
        else this.#member.router.submit(body.request, body.forward, { reply, isAbandoned });
        return;
      case 'check-in':
        this.#onCheckIn(body, reply);
        return;
    }
  }

  /** What the node knows about itself, for people and tools. */
  status(): Record<string, unknown> {
    const member = this.#member;
    const formation = this.#membership.type === 'bootstrap' ? this.#membership.formation : undefined;
    return {
      node: this.#identity.node,
      clusterId: this.#identity.clusterId,
      address: formatAddress(this.#options.address),
      state: member ? 'member' : this.#spareOf ? 'spare' : 'forming',
      starts: this.#identity.starts,
      epoch: member?.layout.epoch ?? 0,
      present: formation?.roster.length,
      wanted: formation?.wanted,
      nodes: member?.layout.nodes.map((node) => ({
        id: node.id,
        address: formatAddress(node.address),
        suspected: member.suspects(node.id),
      })),
      heartbeatDelayMs: member?.heartbeatDelayMs,
      clients: this.#gateway.connections,
      badFrames: this.#gateway.badFrames + (member?.badFrames ?? 0),
      groups: [...(member?.replicas.values() ?? [])].map((replica) => ({
        group: replica.group,
        members: replica.members,
        ...replica.describe(),
      })),
    };
  }

  // ---- formation, as the node that others check in at ----

  #onCheckIn(checkIn: CheckIn, reply: (body: ReplyBody) => void): void {
    const answer = (): void => reply(answerCheckIn(this.#membership, checkIn));
    const foreign = checkIn.clusterId !== undefined && checkIn.clusterId !== this.#identity.clusterId;
    if (this.#membership.type === 'bootstrap' && !foreign) {
      this.#addToRoster(this.#membership.formation, checkIn.instance, checkIn.address, answer);
      return;
    }
    if (!foreign) this.#member?.noteAddress(checkIn.instance, checkIn.address);
    answer();
  }

  #addToRoster(formation: Formation, instance: string, address: Address, done: () => void): void {
    if (!formation.add(instance, address)) {
      this.#formIfComplete(done);
      return;
    }
    const { roster, wanted } = formation;
    this.#loop.persistRecord(ROSTER_RECORD, encodeRoster(roster), () => {
      const name = nodeName(formation.find(instance)?.id ?? 0);
      const progress = roster.length < wanted ? `, waiting for ${wanted - roster.length} more` : '';
      this.#ports.logger.info(
        `${name} at ${formatAddress(address)} checked in, ${roster.length} of ${wanted}${progress}`,
      );
      this.#formIfComplete(done);
    });
  }

  #formIfComplete(done: () => void): void {
    const membership = this.#membership;
    if (membership.type !== 'bootstrap' || !membership.formation.complete || this.#becomingMember) done();
    else this.#becomeMember(membership.formation.computeLayout(membership.clusterId), this.#identity.node, done);
  }

  // ---- formation, as a node that checks in ----

  #startCheckIn(targets: () => readonly Address[]): void {
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

  /** Returns after how many milliseconds to ask again; undefined: no more. */
  #onCheckedIn(answer: Extract<ReplyBody, { type: 'checked-in' }>, from: Address): number | undefined {
    const { state } = answer;
    switch (state.type) {
      case 'forming':
        return FORMING_CHECK_IN_MS;
      case 'elsewhere':
        if (this.#member !== undefined) {
          // One that is no member may know less than this node does.
          return CHECK_IN_RETRY_MS;
        }
        if (formatAddress(state.address) !== formatAddress(this.#options.address)) {
          this.#checkIn?.redirect(state.address);
        } else if (!this.#warnedOfCircle) {
          this.#warnedOfCircle = true;
          this.#ports.logger.warn(
            `${formatAddress(from)} waits for this node as this one waits for it: start one of them without -s, as bootstrap server`,
          );
        }
        return CHECK_IN_RETRY_MS;
      case 'member':
        if (this.#member !== undefined) this.#member.adoptLayout(state.layout);
        else if (!this.#becomingMember) this.#becomeMember(state.layout, answer.node, () => undefined);
        // Until the layout has the address this node listens at.
        return moveNode(state.layout, answer.node, this.#options.address) && CHECK_IN_RETRY_MS;
      case 'spare':
        this.#becomeSpare(state.layout);
        return SPARE_CHECK_IN_MS;
      case 'rejected':
        this.#options.onRejected(`${formatAddress(from)} refused this node: ${state.reason}`);
        return undefined;
    }
  }

  #becomeSpare(layout: Layout): void {
    if (this.#spareOf === undefined) {
      const nodes = `its ${layout.nodes.length} nodes`;
      this.#ports.logger.warn(`cluster ${layout.clusterId} is complete with ${nodes}; this node waits as a spare`);
    }
    this.#spareOf = layout;
  }

  /** Tells the cluster where this node listens now, and learns the layout if that changed meanwhile. */
  #announce(layout: Layout): void {
    const { join, address } = this.#options;
    const moved = moveNode(layout, this.#identity.node, address) !== undefined;
    if (join === undefined && !moved) return;
    // The others may be on the move too: whatever the layout says by then.
    this.#startCheckIn(() => {
      const nodes = this.#member?.layout.nodes.filter((node) => node.id !== this.#identity.node) ?? [];
      return [...(join === undefined ? [] : [join]), ...nodes.map((node) => node.address)];
    });
  }

  // ---- membership ----

  /** The first layout this node is in: on disk before it takes part, and before anyone else is told. */
  #becomeMember(layout: Layout, node: NodeId, done: () => void): void {
    this.#becomingMember = true;
    this.#identity = { ...this.#identity, clusterId: layout.clusterId, node };
    this.#persistIdentity(() => undefined);
    this.#persistLayout(layout, () => {
      this.#startMember(layout);
      done();
    });
  }

  #startMember(layout: Layout): void {
    this.#membership = { type: 'member', layout };
    const onLayout = (newer: Layout): void => {
      this.#membership = { type: 'member', layout: newer };
      this.#persistLayout(newer, () => undefined);
    };
    const { node: self, starts, instance } = this.#identity;
    const { address } = this.#options;
    this.#member = new Member(this.#ports, this.#loop, { self, starts, instance, address, layout, onLayout });
    this.#member.start();
  }

  #persistIdentity(done: () => void): void {
    this.#loop.persistRecord(IDENTITY_RECORD, encodeIdentity(this.#identity), done);
  }

  #persistLayout(layout: Layout, done: () => void): void {
    this.#loop.persistRecord(LAYOUT_RECORD, seal(encodeLayout(layout)), done);
  }
}
