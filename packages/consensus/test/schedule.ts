/**
 * One random run of a cluster: a seed decides what is delivered, lost, repeated, written, crashed, cut and asked. Then
 * everything is healed, and the cluster must make progress within a bounded number of heartbeat rounds.
 */
import type { NodeId } from '@kvorum/common';
import type { LogLimits } from '../src/sequence-paxos/role.ts';
import type { GroupHeartbeat } from '../src/sequence-paxos/types.ts';
import type { ClusterOptions } from './cluster.ts';
import { Cluster } from './cluster.ts';
import type { Packet } from './packet.ts';
import { Random } from './random.ts';

const HEALING_ROUNDS_MAX = 12;
const PACKETS_MAX = 60;
const KEPT_PACKETS = 40;

/** How often each kind of disorder happens; the moods of a run stress different parts of the protocol. */
const moods = {
  mixed: {
    deliver: 60,
    lose: 3,
    repeat: 4,
    write: 25,
    round: 8,
    propose: 8,
    read: 4,
    crash: 2,
    restart: 4,
    link: 3,
    compact: 3,
    snapshot: 5,
    elect: 2,
  },
  calm: {
    deliver: 80,
    lose: 1,
    repeat: 1,
    write: 40,
    round: 6,
    propose: 14,
    read: 6,
    crash: 0.5,
    restart: 4,
    link: 0.5,
    compact: 4,
    snapshot: 5,
    elect: 0.5,
  },
  crashes: {
    deliver: 60,
    lose: 2,
    repeat: 3,
    write: 15,
    round: 10,
    propose: 8,
    read: 4,
    crash: 6,
    restart: 10,
    link: 1,
    compact: 3,
    snapshot: 4,
    elect: 2,
  },
  partitions: {
    deliver: 60,
    lose: 2,
    repeat: 3,
    write: 30,
    round: 12,
    propose: 10,
    read: 4,
    crash: 0.5,
    restart: 3,
    link: 8,
    compact: 4,
    snapshot: 5,
    elect: 3,
  },
  duels: {
    deliver: 60,
    lose: 4,
    repeat: 8,
    write: 25,
    round: 5,
    propose: 8,
    read: 4,
    crash: 1,
    restart: 3,
    link: 2,
    compact: 3,
    snapshot: 5,
    elect: 8,
  },
  reads: {
    deliver: 60,
    lose: 2,
    repeat: 30,
    write: 60,
    round: 2,
    propose: 6,
    read: 6,
    crash: 0.2,
    restart: 3,
    link: 3,
    compact: 1,
    snapshot: 5,
    elect: 5,
  },
  snapshots: {
    deliver: 60,
    lose: 3,
    repeat: 8,
    write: 40,
    round: 4,
    propose: 12,
    read: 3,
    crash: 1,
    restart: 3,
    link: 4,
    compact: 15,
    snapshot: 10,
    elect: 6,
  },
} as const;

type Action = keyof (typeof moods)['mixed'];

export class Schedule {
  readonly cluster: Cluster;
  readonly #random: Random;
  readonly #weights: Readonly<Record<Action, number>>;
  /** Packets of the past, to be delivered once more much later. */
  #past: Packet[] = [];
  /** Heartbeat answers that were given a while ago. */
  readonly #stale = new Map<NodeId, Map<NodeId, GroupHeartbeat>>();
  #proposals = 0;

  constructor(ids: readonly NodeId[], seed: number, options: ClusterOptions) {
    this.#random = new Random(seed);
    this.cluster = new Cluster(ids, options);
    this.#weights = moods[this.#random.pick(Object.keys(moods) as (keyof typeof moods)[])];
  }

  run(steps: number): void {
    for (let i = 0; i < steps; i += 1) this.#act(this.#random.weighted(this.#weights));
    this.cluster.checkAll();
  }

  #act(action: Action): void {
    const { cluster } = this;
    const random = this.#random;
    const id = random.pick(cluster.ids);
    const up = cluster.isUp(id);
    switch (action) {
      case 'deliver':
        return this.#deliver();
      case 'lose':
        if (cluster.packets.length > 0) cluster.packets.splice(random.below(cluster.packets.length), 1);
        return;
      case 'repeat':
        if (this.#past.length > 0) cluster.inject(random.pick(this.#past));
        return;
      case 'write':
        if (up && cluster.pendingWrites(id) > 0) cluster.persist(id);
        return;
      case 'round':
        return up ? this.#round(id) : undefined;
      case 'propose':
        return this.#propose(this.#target(id));
      case 'read':
        return this.#read(this.#target(id));
      case 'crash':
        return up ? cluster.crash(id) : undefined;
      case 'restart':
        return up ? undefined : cluster.restart(id);
      case 'link':
        return this.#link();
      case 'compact':
        if (up) cluster.compact(id, Math.max(0, cluster.replica(id).decidedIndex - random.below(3)));
        return;
      case 'snapshot':
        if (up) cluster.installNeeded(id);
        return;
      case 'elect':
        return up && cluster.heartbeats(id).size > 0 ? cluster.campaign(id) : undefined;
    }
  }

  /** Mostly in order, sometimes any packet; sometimes it stays in the queue, to come again. */
  #deliver(): void {
    const { packets } = this.cluster;
    while (packets.length > PACKETS_MAX) packets.splice(this.#random.below(packets.length), 1);
    if (packets.length === 0) return;
    const place = this.#random.chance(0.7) ? 0 : this.#random.below(packets.length);
    const packet = packets[place] as Packet;
    if (!this.#random.chance(0.05)) packets.splice(place, 1);
    this.#past.push(packet);
    if (this.#past.length > KEPT_PACKETS) this.#past.splice(this.#random.below(this.#past.length), 1);
    this.cluster.inject(packet);
  }

  /** Some answers are late, so that they are missing or tell of the past. */
  #round(id: NodeId): void {
    const replies = this.cluster.heartbeats(id);
    if (this.#random.chance(0.2)) {
      for (const [other, answer] of this.#stale.get(id) ?? []) if (replies.has(other)) replies.set(other, answer);
    }
    for (const other of [...replies.keys()]) if (this.#random.chance(0.08)) replies.delete(other);
    if (this.#random.chance(0.2)) this.#stale.set(id, this.cluster.heartbeats(id));
    this.cluster.step(id, [{ type: 'heartbeat-round', replies }]);
  }

  /** Mostly one that leads, or thinks so. */
  #target(id: NodeId): NodeId {
    const leaders = this.cluster.leaders();
    return leaders.length > 0 && this.#random.chance(0.9) ? this.#random.pick(leaders) : id;
  }

  #propose(target: NodeId): void {
    if (!this.cluster.isUp(target)) return;
    const entries = Array.from({ length: 1 + this.#random.below(3) }, () => `e${(this.#proposals += 1)}`);
    this.cluster.propose(target, ...entries);
  }

  #read(target: NodeId): void {
    if (this.cluster.isUp(target)) this.cluster.read(target);
  }

  #link(): void {
    const { cluster } = this;
    const random = this.#random;
    if (random.chance(0.25)) return cluster.heal();
    if (random.chance(0.15)) return this.#star();
    if (random.chance(0.25)) return this.#split();
    const [a, b] = [random.pick(cluster.ids), random.pick(cluster.ids)];
    if (a !== b) cluster.cut(a, b);
  }

  /** One member sees all, the others see only it. */
  #star(): void {
    const center = this.#random.pick(this.cluster.ids);
    this.cluster.onlyLinks(...this.cluster.ids.map((id): [NodeId, NodeId] => [center, id]));
  }

  /** Two sides, and one link between them. */
  #split(): void {
    const { cluster } = this;
    const side = cluster.ids.filter(() => this.#random.chance(0.5));
    const other = cluster.ids.filter((id) => !side.includes(id));
    if (side.length === 0 || other.length === 0) return;
    const within = (ids: readonly NodeId[]): [NodeId, NodeId][] =>
      ids.flatMap((a) => ids.map((b): [NodeId, NodeId] => [a, b]));
    cluster.heal();
    cluster.onlyLinks(...within(side), ...within(other), [this.#random.pick(side), this.#random.pick(other)]);
  }

  /** Ends the disorder; a new proposal must become decided everywhere. */
  heal(): void {
    const { cluster } = this;
    cluster.heal();
    cluster.autoPersist = true;
    cluster.autoSnapshot = true;
    for (const id of cluster.ids) if (!cluster.isUp(id)) cluster.restart(id);
    cluster.persistAll();
    cluster.deliverAll();
    let proposed: number | undefined;
    for (let round = 1; round <= HEALING_ROUNDS_MAX; round += 1) {
      cluster.rounds(1);
      const { length } = cluster.chosen;
      const replicas = cluster.ids.map((id) => cluster.replica(id));
      if (proposed !== undefined && length > proposed && replicas.every((each) => each.decidedIndex === length)) break;
      if (round === HEALING_ROUNDS_MAX) throw new Error('no progress after healing');
      const leader = cluster.leaders().find((id) => cluster.replica(id).leaderBallot.node === id);
      if (leader === undefined || proposed !== undefined) continue;
      const outcome = cluster.propose(leader, 'healed')[0];
      if (outcome !== undefined && 'index' in outcome) proposed = outcome.index;
      cluster.deliverAll();
    }
    cluster.checkAll();
    for (const id of cluster.ids) {
      if (cluster.unansweredReads(id) > 0) throw new Error(`n${id} leaves reads unanswered`);
    }
  }
}

/** About four entries to a message, so that synchronization comes in parts and the window fills. */
const smallLimits: Partial<LogLimits> = { messageEntryBytesMax: 80, acceptsInFlightMax: 3 };

/** Runs one schedule; an error names the seed. */
export function runSchedule(ids: readonly NodeId[], seed: number, steps: number): Cluster {
  const schedule = new Schedule(ids, seed, { autoPersist: false, record: false, limits: smallLimits });
  try {
    schedule.run(steps);
    schedule.heal();
  } catch (cause) {
    throw new Error(`members ${ids.join(',')}, seed ${seed}: ${cause instanceof Error ? cause.message : ''}`, {
      cause,
    });
  }
  return schedule.cluster;
}
