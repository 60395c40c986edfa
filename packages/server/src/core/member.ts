/**
 * A node that is a member of a cluster: its group replicas and what they share. Connects the parts, which own their state;
 * the data path through them is in docs/architecture.md.
 *
 * State: the cached layout. Invariant: the layout's epoch only grows, and who is a member of what does not change with it.
 */
import type { Address, Clock, GroupId, Layout, Logger, NodeId, PeerTransport, Random } from '@kvorum/common';
import {
  decodeAll,
  DecodeError,
  encodeUtf8,
  formatAddress,
  mark,
  METADATA_GROUP,
  nodeName,
  readLayout,
} from '@kvorum/common';
import type { LogEvent, Recovered } from '@kvorum/consensus';
import { formatBallot, SequencePaxos } from '@kvorum/consensus';
import { groupsOf, moveNode } from './membership/formation.ts';
import { GroupReplica } from './replication/group-replica.ts';
import { GroupState } from './state/group-state.ts';
import { answersByGroup, Heartbeats } from './membership/heartbeats.ts';
import { encodeLayout } from './membership/identity.ts';
import type { NodeLoop } from './node-loop.ts';
import type { PeerMessage } from './peer-protocol.ts';
import { decodePeerFrame } from './peer-protocol.ts';
import { Router } from './requests/router.ts';
import { Snapshots } from './replication/snapshots.ts';
import { StateFlusher } from './replication/flusher.ts';
import type { LogStorage, StateStorage } from './storage/storage.ts';
import { CorruptRecord } from './storage/storage.ts';

export interface MemberPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly transport: PeerTransport;
  readonly logStorage: LogStorage;
  readonly stateStorage: StateStorage;
}

export interface MemberOptions {
  readonly self: NodeId;
  /** How often the node was started; tells the transfers of this run from earlier ones. */
  readonly starts: number;
  readonly instance: string;
  /** Where this node listens now; the layout may not say so yet. */
  readonly address: Address;
  readonly layout: Layout;
  /** A newer layout was learnt: to be written down. */
  readonly onLayout: (layout: Layout) => void;
}

type HeartbeatReply = Extract<PeerMessage, { type: 'heartbeat-reply' }>;

/** Where the layout stands in the state of the metadata group. */
const LAYOUT_KEY = encodeUtf8('layout');

/** Of all starts together, how many transfers one start may number. */
const TRANSFERS_PER_START = 2 ** 20;

export class Member {
  readonly self: NodeId;
  readonly #starts: number;
  readonly #instance: string;
  readonly #address: Address;
  readonly replicas: ReadonlyMap<GroupId, GroupReplica>;
  readonly router: Router;
  readonly #ports: MemberPorts;
  readonly #loop: NodeLoop;
  readonly #onLayout: (layout: Layout) => void;
  readonly #heartbeats: Heartbeats;
  readonly #snapshots: Snapshots;
  readonly #flusher: StateFlusher;
  #layout: Layout;
  /** Who led each group before its present leader; 0 for nobody. */
  readonly #formerLeaders = new Map<GroupId, NodeId>();
  #badFrames = 0;
  #lastHeartbeat = 0;

  /** Reads the groups' logs and states; throws CorruptRecord when one is damaged. */
  constructor(ports: MemberPorts, loop: NodeLoop, options: MemberOptions) {
    const { self, layout } = options;
    this.self = self;
    this.#starts = options.starts;
    this.#instance = options.instance;
    this.#address = options.address;
    this.#ports = ports;
    this.#loop = loop;
    this.#onLayout = options.onLayout;
    this.#layout = layout;
    const send = (to: NodeId, message: PeerMessage): void => loop.send(to, message);
    const peers = layout.nodes.map((node) => node.id).filter((id) => id !== self);
    const replicas = new Map(groupsOf(layout, self).map(({ id, members }) => [id, this.#createReplica(id, members)]));
    this.replicas = replicas;
    this.#heartbeats = new Heartbeats(ports.clock, ports.logger, peers, {
      send,
      onRound: (answers) => this.#onRound(answers),
    });
    this.router = new Router({
      self,
      starts: options.starts,
      startsOf: (node) => this.#heartbeats.startsOf(node),
      layout: () => this.#layout,
      replica: (group) => replicas.get(group),
      isAlive: (node) => !this.suspects(node),
      send,
    });
    const host = {
      send,
      startsOf: (node: NodeId) => this.#heartbeats.startsOf(node),
      isAlive: (node: NodeId) => !this.suspects(node),
      promisedBallot: (group: GroupId) => replicas.get(group)?.promisedBallot,
      storedIndex: (group: GroupId) => replicas.get(group)?.state.durableIndex ?? 0,
      beginReplacement: (group: GroupId, atLeast: number) => replicas.get(group)?.beginReplacement(atLeast) ?? false,
      onInstalled: (group: GroupId) => replicas.get(group)?.onSnapshotInstalled(),
    };
    this.#snapshots = new Snapshots(ports.stateStorage, host, options.starts * TRANSFERS_PER_START);
    this.#flusher = new StateFlusher(ports.clock, ports.stateStorage, [...replicas.values()]);
  }

  get layout(): Layout {
    return this.#layout;
  }

  get heartbeatDelayMs(): number {
    return this.#heartbeats.delayMs;
  }

  /** Peer frames that did not decode. */
  get badFrames(): number {
    return this.#badFrames;
  }

  /** Whether every group it is a member of sees a leader. */
  get healthy(): boolean {
    return [...this.replicas.values()].every((replica) => replica.leader !== 0);
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
    this.#heartbeats.stop();
    this.#flusher.stop();
    this.#snapshots.close();
  }

  /** Calls back once everything applied so far is on disk. */
  flush(done: () => void): void {
    this.#flusher.flushAll(done);
  }

  #createReplica(group: GroupId, members: readonly NodeId[]): GroupReplica {
    const { self } = this;
    const state = new GroupState(group, this.#ports.stateStorage);
    const recovered = recoverLog(this.#ports.logStorage, group, state);
    const log = new SequencePaxos(recovered === undefined ? { self, members } : { self, members, recovered });
    const replica = new GroupReplica(group, members, log, state, {
      self,
      wallMs: () => this.#ports.clock.wallMs(),
      retainFrom: (id) => this.#snapshots.retainFrom(id),
      wake: (id) => this.#loop.wake(id),
      onEvent: (id, event) => this.#onLogEvent(id, event),
      onApplied: (id) => this.#onApplied(id),
    });
    // The node may have stopped after it installed a state and before the log noted that.
    if (state.installedIn !== undefined) mark('snapshot-mark-at-start');
    replica.noteInstalledState();
    return replica;
  }

  #connect(layout: Layout): void {
    const peers = layout.nodes.filter((node) => node.id !== this.self);
    this.#ports.transport.setPeers(this.self, layout.clusterId, peers, {
      onFrame: (from, frame) => this.#onFrame(from, frame),
    });
  }

  // ---- peers ----

  #onFrame(from: NodeId, frame: Uint8Array): void {
    let messages;
    try {
      messages = decodePeerFrame(frame);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#badFrames += 1;
      this.#ports.logger.warn(`a frame of ${nodeName(from)} does not decode and is dropped: ${error.message}`);
      return;
    }
    for (const message of messages) this.#onMessage(from, message);
  }

  #onMessage(from: NodeId, message: PeerMessage): void {
    switch (message.type) {
      case 'heartbeat-request':
        this.#loop.send(from, this.#heartbeatReply(from, message.round));
        return;
      case 'heartbeat-reply':
        this.#heartbeats.onReply(from, message);
        if (message.round === 0) for (const news of message.groups) this.replicas.get(news.group)?.onNews(news);
        if (message.epoch > this.#layout.epoch) this.#loop.send(from, { type: 'layout-request' });
        return;
      case 'consensus':
        this.replicas.get(message.group)?.onMessage(from, message.message);
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
        if (this.replicas.has(message.group)) this.#snapshots.onRequest(from, message);
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
    const groups = [...this.replicas.values()]
      .filter((replica) => replica.members.includes(to))
      .map((replica) => ({ group: replica.group, ...replica.heartbeat() }));
    return this.#heartbeat(round, groups);
  }

  #onRound(answers: Parameters<typeof answersByGroup>[0]): void {
    const byGroup = answersByGroup(answers);
    const stalled = this.#loop.onRound();
    for (const [group, replica] of this.replicas) replica.onRound(byGroup.get(group) ?? new Map(), stalled);
    this.router.onRound();
    this.#snapshots.onRound();
  }

  /** An election need not wait for the next round to learn what changed. */
  #spreadNews(group: GroupId): void {
    const replica = this.replicas.get(group);
    if (replica === undefined) return;
    const groups = [{ group, ...replica.heartbeat() }];
    for (const member of replica.members) {
      if (member !== this.self) this.#loop.send(member, this.#heartbeat(0, groups));
    }
  }

  #heartbeat(round: number, groups: HeartbeatReply['groups']): HeartbeatReply {
    this.#lastHeartbeat += 1;
    const { epoch } = this.#layout;
    return { type: 'heartbeat-reply', round, starts: this.#starts, number: this.#lastHeartbeat, epoch, groups };
  }

  // ---- groups ----

  #onLogEvent(group: GroupId, event: LogEvent): void {
    const { logger } = this.#ports;
    switch (event.type) {
      case 'leading':
        logger.info(`leads group ${group} with ballot ${formatBallot(event.ballot)}${this.#whyLeading(group)}`);
        if (group === METADATA_GROUP) this.#onLeadingMetadata();
        return;
      case 'quorum-lost':
        logger.warn(`leads group ${group} with ballot ${formatBallot(event.ballot)}, but reaches no majority of it`);
        return;
      case 'heartbeat-changed':
        this.#spreadNews(group);
        return;
      case 'stepped-down':
        logger.info(`no longer leads group ${group}: a higher ballot than ${formatBallot(event.ballot)} was seen`);
        return;
      case 'leader-changed':
        this.#formerLeaders.set(group, event.former.node);
        logger.debug(`group ${group} follows ballot ${formatBallot(event.ballot)}`);
        return;
      case 'snapshot-needed':
        if (this.#snapshots.fetch(group, event.from, event.atLeast)) {
          const from = nodeName(event.from);
          logger.info(`fetches a snapshot of group ${group} from ${from}: the log no longer reaches back far enough`);
        }
        return;
    }
  }

  #onLeadingMetadata(): void {
    // Puts the layout of the formation into the replicated state, once.
    if (this.#replicatedLayout() === undefined) this.#propose(this.#layout, undefined);
    // Nobody else may be there to tell the layout where this node listens.
    else this.noteAddress(this.#instance, this.#address);
  }

  #whyLeading(group: GroupId): string {
    const former = this.#formerLeaders.get(group) ?? 0;
    if (former === 0) return ': it had no leader';
    if (former === this.self) return ': elected again';
    const why = this.suspects(former) ? 'does not answer' : 'lost its majority or has a lower ballot';
    return `: ${nodeName(former)}, which led it before, ${why}`;
  }

  #onApplied(group: GroupId): void {
    this.#flusher.schedule();
    if (group !== METADATA_GROUP) return;
    const layout = this.#replicatedLayout();
    if (layout !== undefined) this.adoptLayout(layout);
  }

  // ---- layout ----

  #replicatedLayout(): Layout | undefined {
    const found = this.replicas.get(METADATA_GROUP)?.state.get(LAYOUT_KEY);
    return found && decodeAll(found.value, readLayout);
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
    this.#propose(moved, this.#layout);
  }

  /** Replaces the layout of the metadata group if it still is `current`; undefined: if there is none yet. */
  #propose(next: Layout, current: Layout | undefined): void {
    const command = {
      type: 'cas',
      key: LAYOUT_KEY,
      expected: current && encodeLayout(current),
      next: encodeLayout(next),
    } as const;
    // Whoever needs the change asks again until it is made.
    const ignore = { reply: () => undefined };
    this.router.submitInternal(
      { type: 'execute', group: METADATA_GROUP, session: 0, sequence: 0, floor: 0, command },
      ignore,
    );
  }

  /** Takes over a newer layout: addresses change with it, memberships do not. */
  adoptLayout(layout: Layout): void {
    if (layout.epoch <= this.#layout.epoch || layout.clusterId !== this.#layout.clusterId) return;
    this.#layout = layout;
    this.#onLayout(layout);
    this.#connect(layout);
    this.#ports.logger.info(`the layout has epoch ${layout.epoch} now`);
  }
}

/** The log as it was on disk. What was applied from it was decided, even where the disk does not say so. */
function recoverLog(storage: LogStorage, group: GroupId, state: GroupState): Recovered | undefined {
  const recovered = storage.readGroup(group);
  if (state.installedIn !== undefined) return recovered;
  const { index } = state.applied;
  const [from, to] = recovered
    ? [recovered.compactedIndex, recovered.compactedIndex + recovered.entries.length]
    : [0, 0];
  if (index < from || index > to) {
    throw new CorruptRecord(`the state of group ${group} has ${index} entries applied, its log holds ${from} to ${to}`);
  }
  if (recovered === undefined) return undefined;
  return { ...recovered, decidedIndex: Math.max(recovered.decidedIndex, state.applied.index) };
}
