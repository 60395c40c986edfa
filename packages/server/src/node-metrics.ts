/**
 * What the node says about itself as gauges, taken down when somebody asks. What the core measures it measures itself.
 */
import type { Gauge, Metrics } from '@kvorum/common';
import { nodeName } from '@kvorum/common';
import type { NodeView } from './node-view.ts';

const states = ['forming', 'spare', 'member', 'stopping'] as const;
type State = (typeof states)[number];

export class NodeMetrics {
  readonly #metrics: Metrics;
  readonly #version: string;
  readonly #clients: Gauge;
  readonly #states: ReadonlyMap<State, Gauge>;
  #named = false;

  constructor(metrics: Metrics, version: string) {
    this.#metrics = metrics;
    this.#version = version;
    this.#clients = metrics.gauge('client_connections');
    this.#states = new Map(states.map((state) => [state, metrics.gauge('node_state', { state })]));
  }

  /** `view` is undefined while the node is just starting. */
  collect(view: NodeView | undefined, clientConnections: number, stopping: boolean): void {
    this.#clients.set(clientConnections);
    const now = stopping ? 'stopping' : (view?.state ?? 'forming');
    for (const [state, gauge] of this.#states) gauge.set(state === now ? 1 : 0);
    // Who a node is, is settled once it is a member, and then for good.
    if (this.#named || view?.state !== 'member') return;
    this.#named = true;
    const labels = { version: this.#version, node: nodeName(view.node), cluster: view.clusterId };
    this.#metrics.gauge('build_info', labels).set(1);
  }
}
