/**
 * Where requests go: the cached layout, one link per node, and the choice of a node for each group.
 *
 * Invariant: the layout's epoch only grows; one request for it is under way at a time.
 */
import type { Address, Clock, Dialer, Layout, NodeId, Random, ReplyBody, RequestBody } from '@kvorum/common';
import { formatAddress, KvorumError } from '@kvorum/common';
import type { GroupChannel } from './group-channel.ts';
import { NodeLink } from './node-link.ts';
import type { ClientTimings } from './timings.ts';

export interface ClientPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly dialer: Dialer;
  readonly timings: ClientTimings;
}

export type ConnectionEvent =
  | { readonly type: 'connected'; readonly address: Address }
  | { readonly type: 'disconnected'; readonly address: Address; readonly reason: string }
  | { readonly type: 'layout'; readonly layout: Layout };

export interface RoutesHost {
  onEvent(event: ConnectionEvent): void;
  /** Why the layout could not be had this time. */
  onTrouble(trouble: string): void;
  onLayout(): void;
  /** Whether somebody waits for the first layout. */
  isAwaited(): boolean;
}

export interface Target {
  readonly link: NodeLink;
  readonly node: NodeId;
  /** Ask the node to pass the request on if it does not lead. */
  readonly forward: boolean;
}

/** A pause that grows with the attempts and varies, so that clients do not come back all at once. */
export function backoffMs({ random, timings }: ClientPorts, attempts: number): number {
  const ceiling = Math.min(timings.backoffMsMax, timings.backoffMsMin * 2 ** Math.min(attempts, 10));
  return ceiling / 2 + (random.nextUint32() / 2 ** 32) * (ceiling / 2);
}

export class Routes {
  readonly #ports: ClientPorts;
  readonly #seeds: readonly Address[];
  readonly #host: RoutesHost;
  readonly #links = new Map<string, NodeLink>();
  /** The links of the layout's nodes by id. */
  readonly #nodeLinks = new Map<NodeId, NodeLink>();
  #layout: Layout | undefined;
  #refreshing = false;
  /** When a node last told the layout. */
  #layoutMs = 0;
  /** Whose turn it is to be asked for the layout. */
  #turn = 0;
  #closed = false;

  constructor(ports: ClientPorts, seeds: readonly Address[], host: RoutesHost) {
    this.#ports = ports;
    this.#seeds = seeds;
    this.#host = host;
  }

  get layout(): Layout | undefined {
    return this.#layout;
  }

  close(): void {
    this.#closed = true;
    for (const link of this.#links.values()) link.close();
  }

  /** Asks one node directly; `done` gets its reply, or why there is none in time. */
  ask(address: Address, body: RequestBody, timeoutMs: number, done: (reply: ReplyBody | KvorumError) => void): void {
    if (this.#closed) {
      done(new KvorumError('closed', 'the client is closed'));
      return;
    }
    const pending = this.#link(address).request(body, (answer) => {
      cancelTimer();
      done(answer.type === 'reply' ? answer.body : new KvorumError('unavailable', answer.reason));
    });
    const cancelTimer = this.#ports.clock.setTimer(timeoutMs, () => {
      pending.cancel();
      done(new KvorumError('unavailable', `${formatAddress(address)}: it does not answer`));
    });
  }

  /** The leader if it is known and in reach; else a member, who may pass the request on; else any node. */
  target(channel: GroupChannel): Target {
    if (this.#ports.clock.monotonicMs() - this.#layoutMs > this.#ports.timings.layoutAgeMsMax) this.refresh();
    const layout = this.#layout;
    const members = layout?.groups[channel.group]?.members ?? [];
    if (channel.leader !== 0 && !this.#nodeUnreachable(channel.leader)) {
      return { link: this.#nodeLink(channel.leader), node: channel.leader, forward: false };
    }
    const others = layout?.nodes.map((node) => node.id).filter((id) => !members.includes(id)) ?? [];
    const candidates = [...rotate(members, channel.rotation), ...rotate(others, channel.rotation)];
    for (const id of candidates) this.#nodeLink(id).probe();
    const inReach = candidates.find((id) => !this.#nodeUnreachable(id));
    if (inReach === undefined) this.refresh();
    const node = inReach ?? rotate([...members, ...others], channel.rotation)[0] ?? 0;
    // A member that answers while another one is out of this client's reach may have better links.
    const forward = others.includes(node) || members.some((id) => this.#nodeUnreachable(id));
    return { link: this.#nodeLink(node), node, forward };
  }

  #nodeUnreachable(node: NodeId): boolean {
    return this.#nodeLink(node).unreachable;
  }

  #nodeLink(node: NodeId): NodeLink {
    let link = this.#nodeLinks.get(node);
    if (link === undefined) {
      const address = this.#layout?.nodes.find((entry) => entry.id === node)?.address;
      link = this.#link(address ?? (this.#seeds[0] as Address));
      this.#nodeLinks.set(node, link);
    }
    return link;
  }

  #link(address: Address): NodeLink {
    const name = formatAddress(address);
    let link = this.#links.get(name);
    if (link === undefined) {
      link = new NodeLink(address, this.#ports, {
        onConnected: (to) => this.#host.onEvent({ type: 'connected', address: to }),
        onDisconnected: (to, reason) => {
          this.#host.onEvent({ type: 'disconnected', address: to, reason });
          // The node may come back somewhere else.
          this.refresh();
        },
        // Or have done so already.
        onUnreachable: () => this.refresh(),
      });
      this.#links.set(name, link);
    }
    return link;
  }

  /** The node refused to lead; `hint` is who may, 0 for nobody. */
  followHint(channel: GroupChannel, node: NodeId, hint: NodeId): void {
    if (hint !== 0 && hint !== node && !this.#nodeUnreachable(hint)) channel.leader = hint;
    else if (channel.leader === node) channel.leader = 0;
  }

  // ---- layout ----

  /** Asks one node after the other, seeds and known nodes, until one knows; for as long as it is awaited, else once around. */
  refresh(): void {
    if (this.#refreshing || this.#closed) return;
    this.#refreshing = true;
    this.#askForLayout(1);
  }

  #askForLayout(attempt: number): void {
    if (this.#closed) return;
    const addresses = [...this.#seeds, ...(this.#layout?.nodes.map((node) => node.address) ?? [])];
    const address = addresses[this.#turn % addresses.length] as Address;
    this.#turn += 1;
    this.ask(address, { type: 'layout' }, this.#ports.timings.attemptTimeoutMs, (reply) => {
      if (this.#onLayout(address, reply)) this.#refreshing = false;
      else if (attempt >= addresses.length && !this.#host.isAwaited()) this.#refreshing = false;
      else {
        const pauseMs = backoffMs(this.#ports, attempt);
        this.#ports.clock.setTimer(pauseMs, () => this.#askForLayout(attempt + 1));
      }
    });
  }

  /** Whether the node knew the layout. */
  #onLayout(from: Address, reply: ReplyBody | KvorumError): boolean {
    if (!(reply instanceof KvorumError) && reply.type === 'layout' && reply.layout !== undefined) {
      this.#layoutMs = this.#ports.clock.monotonicMs();
      if (this.#layout === undefined || reply.layout.epoch > this.#layout.epoch) {
        this.#layout = reply.layout;
        this.#nodeLinks.clear();
        this.#host.onEvent({ type: 'layout', layout: reply.layout });
      }
      this.#host.onLayout();
      return true;
    }
    this.#host.onTrouble(
      reply instanceof KvorumError ? reply.message : `the cluster of ${formatAddress(from)} is still being formed`,
    );
    return false;
  }
}

function rotate<T>(items: readonly T[], by: number): T[] {
  const start = items.length === 0 ? 0 : by % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
}
