/**
 * What the core counts while it runs, and what it says of its groups and peers when somebody asks. All through the Metrics port,
 * in production and in simulation.
 */
import type { Counter, Gauge, GroupId, Histogram, Metrics, NodeId } from '@kvorum/common';
import { nodeName } from '@kvorum/common';
import type { HostedGroups } from './hosted-groups.ts';
import { RequestMetrics } from './requests/request-metrics.ts';

interface GroupGauges {
  readonly leads: Gauge;
  readonly hasLeader: Gauge;
  readonly term: Gauge;
  readonly decided: Gauge;
}

export class NodeMeasures {
  readonly #metrics: Metrics;
  readonly requests: RequestMetrics;
  readonly pending: Gauge;
  readonly leaderChanges: Counter;
  readonly suspicions: Counter;
  readonly forwards: Counter;
  readonly redirects: Counter;
  readonly snapshotsFetched: Counter;
  readonly badFrames: Counter;
  readonly turnDuration: Histogram;
  readonly checkpointDuration: Histogram;
  readonly #sessions: Gauge;
  readonly #groups = new Map<GroupId, GroupGauges>();
  readonly #suspected = new Map<NodeId, Gauge>();

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
    this.requests = new RequestMetrics(metrics);
    this.pending = metrics.gauge('requests_pending');
    this.leaderChanges = metrics.counter('leader_changes_total');
    this.suspicions = metrics.counter('suspicions_total');
    this.forwards = metrics.counter('forwards_total');
    this.redirects = metrics.counter('redirects_total');
    this.snapshotsFetched = metrics.counter('snapshots_fetched_total');
    this.badFrames = metrics.counter('bad_frames_total');
    this.turnDuration = metrics.histogram('turn_duration_seconds');
    this.checkpointDuration = metrics.histogram('checkpoint_duration_seconds');
    this.#sessions = metrics.gauge('sessions');
  }

  /** Takes the gauges of what is hosted down as it is now. */
  collect(groups: HostedGroups): void {
    let sessions = 0;
    for (const [group, replica] of groups.replicas) {
      const gauges = this.#gaugesOf(group);
      gauges.leads.set(replica.leader === groups.self ? 1 : 0);
      gauges.hasLeader.set(replica.leader === 0 ? 0 : 1);
      gauges.term.set(replica.term.number);
      gauges.decided.set(replica.log?.decidedIndex ?? 0);
      sessions += Number(replica.describe()['sessions'] ?? 0);
    }
    this.#sessions.set(sessions);
    for (const [group, gauges] of this.#groups) if (!groups.replicas.has(group)) setAllToZero(gauges);
    const peers = groups.layout.nodes.filter(({ id }) => id !== groups.self);
    for (const { id } of peers) this.#suspectedOf(id);
    for (const [id, gauge] of this.#suspected) gauge.set(groups.suspects(id) ? 1 : 0);
  }

  #gaugesOf(group: GroupId): GroupGauges {
    let gauges = this.#groups.get(group);
    if (gauges === undefined) {
      const labels = { group: String(group) };
      gauges = {
        leads: this.#metrics.gauge('group_leader', labels),
        hasLeader: this.#metrics.gauge('group_has_leader', labels),
        term: this.#metrics.gauge('ballot_number', labels),
        decided: this.#metrics.gauge('group_decided_index', labels),
      };
      this.#groups.set(group, gauges);
    }
    return gauges;
  }

  #suspectedOf(node: NodeId): Gauge {
    let gauge = this.#suspected.get(node);
    if (gauge === undefined) {
      gauge = this.#metrics.gauge('peer_suspected', { peer: nodeName(node) });
      this.#suspected.set(node, gauge);
    }
    return gauge;
  }
}

/** Of a group that the node no longer hosts. */
function setAllToZero({ leads, hasLeader, term, decided }: GroupGauges): void {
  for (const gauge of [leads, hasLeader, term, decided]) gauge.set(0);
}
