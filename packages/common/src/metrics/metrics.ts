/**
 * The Metrics port, and the table of everything that is measured.
 *
 * A handle is bound once, to a family and its label values, and costs a few nanoseconds per call. Names and labels are part
 * of the contract with whoever runs a node: alerts and graphs are made of them. Rules for a row:
 * - `kvorum_` is put before the name when it is exposed; durations are in seconds, sizes in bytes; a counter ends in `_total`.
 * - A label's values are a list here, or bounded by the layout (`OPEN`: a peer, a group). Never a key, client or session.
 * - `group` is a label of gauges only: a histogram for each of a thousand groups is a scrape that nobody can afford.
 * - A row comes with the code that feeds it. A family of which no handle was bound is not exposed: no data is not zero.
 */

/** A label whose values are bounded by the layout rather than by a list. */
const OPEN = 'open';

export interface MetricFamily {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly unit: 'seconds' | 'bytes' | 'ratio' | 'none';
  readonly help: string;
  readonly labels: Readonly<Record<string, typeof OPEN | readonly string[]>>;
}

/** What a group is asked. */
export const requestOperations = ['get', 'put', 'cas', 'cas-version', 'delete', 'add', 'open-session'] as const;
export const requestOutcomes = ['ok', 'not_found', 'mismatch', 'refused', 'unknown', 'busy'] as const;

export const metricFamilies = {
  // the process
  build_info: {
    kind: 'gauge',
    unit: 'none',
    help: 'Which version this node runs, and who it is in which cluster; always 1.',
    labels: { version: OPEN, node: OPEN, cluster: OPEN },
  },
  node_start_time_seconds: {
    kind: 'gauge',
    unit: 'seconds',
    help: 'When the process started, in seconds since the epoch.',
    labels: {},
  },
  node_state: {
    kind: 'gauge',
    unit: 'none',
    help: 'What the node is to its cluster: 1 for the state it is in, 0 for the others.',
    labels: { state: ['forming', 'spare', 'member', 'stopping'] },
  },
  loop_utilization_ratio: {
    kind: 'gauge',
    unit: 'ratio',
    help: 'Share of the last quarter of a second in which the event loop was busy.',
    labels: {},
  },
  stood_still_seconds_total: {
    kind: 'counter',
    unit: 'seconds',
    help: 'Time in which the process did not run when it should have, or was busy with one thing.',
    labels: {},
  },
  resident_memory_bytes: { kind: 'gauge', unit: 'bytes', help: 'Memory of the process.', labels: {} },
  heap_bytes: { kind: 'gauge', unit: 'bytes', help: 'JavaScript heap in use.', labels: {} },
  cpu_seconds_total: { kind: 'counter', unit: 'seconds', help: 'Processor time, of user and system.', labels: {} },
  turn_duration_seconds: {
    kind: 'histogram',
    unit: 'seconds',
    help: 'How long a turn of the node took: everything that had come in, one step of each group.',
    labels: {},
  },
  // requests
  requests_total: {
    kind: 'counter',
    unit: 'none',
    help: 'Requests of clients to groups that were answered. Not found and mismatch are answers.',
    labels: { operation: requestOperations, outcome: requestOutcomes },
  },
  request_duration_seconds: {
    kind: 'histogram',
    unit: 'seconds',
    help: 'From the gateway to the reply.',
    labels: { operation: requestOperations },
  },
  requests_pending: {
    kind: 'gauge',
    unit: 'none',
    help: 'Requests of clients that were not answered yet.',
    labels: {},
  },
  forwards_total: {
    kind: 'counter',
    unit: 'none',
    help: 'Requests that were passed on to another node.',
    labels: {},
  },
  redirects_total: {
    kind: 'counter',
    unit: 'none',
    help: 'Requests that were sent back with a hint to another node.',
    labels: {},
  },
  sessions: { kind: 'gauge', unit: 'none', help: 'Open sessions of all groups that this node hosts.', labels: {} },
  // groups
  group_leader: {
    kind: 'gauge',
    unit: 'none',
    help: 'Whether this node leads the group: 1 or 0.',
    labels: { group: OPEN },
  },
  group_has_leader: {
    kind: 'gauge',
    unit: 'none',
    help: 'Whether this node sees a leader of the group at work: 1 or 0.',
    labels: { group: OPEN },
  },
  group_decided_index: {
    kind: 'gauge',
    unit: 'none',
    help: 'Log entries of the group that this node knows to be decided.',
    labels: { group: OPEN },
  },
  ballot_number: {
    kind: 'gauge',
    unit: 'none',
    help: 'The ballot of the leader that this node knows.',
    labels: { group: OPEN },
  },
  leader_changes_total: {
    kind: 'counter',
    unit: 'none',
    help: 'Times that this node learnt of a new leader, of all groups that it hosts.',
    labels: {},
  },
  snapshots_fetched_total: {
    kind: 'counter',
    unit: 'none',
    help: 'States that this node fetched from another one.',
    labels: {},
  },
  // peers
  peer_suspected: {
    kind: 'gauge',
    unit: 'none',
    help: 'Whether the peer does not answer: 1 or 0.',
    labels: { peer: OPEN },
  },
  suspicions_total: { kind: 'counter', unit: 'none', help: 'Times that a peer did not answer in time.', labels: {} },
  bad_frames_total: {
    kind: 'counter',
    unit: 'none',
    help: 'Frames of peers, and messages in them, that did not decode.',
    labels: {},
  },
  // connections
  client_connections: { kind: 'gauge', unit: 'none', help: 'Open connections of clients.', labels: {} },
  peer_backlog_bytes: {
    kind: 'gauge',
    unit: 'bytes',
    help: 'What was sent to the peer and has not left this machine.',
    labels: { peer: OPEN },
  },
  peer_frames_dropped_total: {
    kind: 'counter',
    unit: 'none',
    help: 'Frames that were not sent to the peer because its backlog was full.',
    labels: { peer: OPEN },
  },
  // storage
  log_sync_duration_seconds: {
    kind: 'histogram',
    unit: 'seconds',
    help: 'How long a commit to the log took until it was on disk.',
    labels: {},
  },
  checkpoint_duration_seconds: {
    kind: 'histogram',
    unit: 'seconds',
    help: 'How long it took to write applied data to the state.',
    labels: {},
  },
  log_commit_bytes: { kind: 'histogram', unit: 'bytes', help: 'What one commit wrote to the log.', labels: {} },
  disk_free_bytes: { kind: 'gauge', unit: 'bytes', help: 'Room left where the data directory is.', labels: {} },
  // the metrics themselves
  metric_series_folded_total: {
    kind: 'counter',
    unit: 'none',
    help: 'Handles beyond the limit of series; what they measure is in the series whose labels are "other".',
    labels: {},
  },
} as const satisfies Readonly<Record<string, MetricFamily>>;

type Families = typeof metricFamilies;
type LabelValue<Values> = Values extends readonly (infer Value extends string)[] ? Value : string;

/** The families of a kind. */
export type MetricName<Kind extends MetricFamily['kind'] = MetricFamily['kind']> = {
  [Name in keyof Families]: Families[Name]['kind'] extends Kind ? Name : never;
}[keyof Families];

/** The label values that a handle of the family is bound to: an argument only where the family has labels. */
export type LabelArguments<Name extends MetricName> = keyof Families[Name]['labels'] extends never
  ? []
  : [labels: { readonly [Label in keyof Families[Name]['labels']]: LabelValue<Families[Name]['labels'][Label]> }];

/** Only ever grows. */
export interface Counter {
  add(amount: number): void;
}

export interface Gauge {
  set(value: number): void;
}

export interface Histogram {
  /** In the unit of the family. */
  observe(value: number): void;
}

export interface Metrics {
  counter<Name extends MetricName<'counter'>>(name: Name, ...labels: LabelArguments<Name>): Counter;
  gauge<Name extends MetricName<'gauge'>>(name: Name, ...labels: LabelArguments<Name>): Gauge;
  histogram<Name extends MetricName<'histogram'>>(name: Name, ...labels: LabelArguments<Name>): Histogram;
}
