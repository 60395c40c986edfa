/**
 * The client without its IO: routes each operation to its group's leader, follows redirects, retries inside the deadline,
 * exactly once through the group's session. Runs unchanged in production and in simulation.
 *
 * State: the cached layout, one link per node, one channel per group, the operations under way. Invariants: an operation
 * ends once; a command that may have been executed is only ever sent again with the same session and sequence.
 */
import type {
  Address,
  Clock,
  Command,
  Dialer,
  GroupReply,
  GroupRequest,
  Layout,
  NodeId,
  Random,
  ReplyBody,
  RequestBody,
} from '@kvorum/common';
import { formatAddress, groupOfKey, KvorumError } from '@kvorum/common';
import { GroupChannel } from './group-channel.ts';
import type { Answer, PendingRequest } from './node-link.ts';
import { NodeLink } from './node-link.ts';

export interface ClientPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly dialer: Dialer;
}

export type ConnectionEvent =
  | { readonly type: 'connected'; readonly address: Address }
  | { readonly type: 'disconnected'; readonly address: Address; readonly reason: string }
  | { readonly type: 'layout'; readonly layout: Layout };

export type Operation = { readonly type: 'get'; readonly key: Uint8Array } | Command;

export type OperationResult = Extract<GroupReply, { type: 'result' | 'value' }>;

interface Task {
  readonly operation: Operation;
  readonly deadlineMs: number;
  readonly done: (outcome: OperationResult | KvorumError) => void;
  /** Its place in the session, once it has one; the session must then still be that one. */
  place: { readonly channel: GroupChannel; readonly session: number; readonly sequence: number } | undefined;
  /** A copy of it left for a node that did not refuse it. */
  maybeApplied: boolean;
  attempts: number;
  /** When the attempt under way is given up. */
  attemptEndsMs: number;
  attempt: PendingRequest | undefined;
  /** The link that the attempt under way uses. */
  link: NodeLink | undefined;
  lastTrouble: string;
}

/** An attempt without an answer is made elsewhere after that. */
const ATTEMPT_TIMEOUT_MS = 1000;
const SWEEP_MS = 25;
const BACKOFF_MS_MIN = 10;
const BACKOFF_MS_MAX = 60;

export class ClientCore {
  readonly #ports: ClientPorts;
  readonly #seeds: readonly Address[];
  readonly #onEvent: (event: ConnectionEvent) => void;
  readonly #links = new Map<string, NodeLink>();
  /** The links of the layout's nodes by id. */
  readonly #nodeLinks = new Map<NodeId, NodeLink>();
  readonly #channels = new Map<number, GroupChannel>();
  readonly #tasks = new Set<Task>();
  #layout: Layout | undefined;
  #layoutRequested = false;
  #layoutTurn = 0;
  /** Tasks that wait for the first layout. */
  #waitingForLayout: Task[] = [];
  #lastTrouble = 'no node has answered yet';
  #sweeping = false;
  #closed = false;

  constructor(
    ports: ClientPorts,
    seeds: readonly Address[],
    onEvent: (event: ConnectionEvent) => void = () => undefined,
  ) {
    this.#ports = ports;
    this.#seeds = seeds;
    this.#onEvent = onEvent;
  }

  get layout(): Layout | undefined {
    return this.#layout;
  }

  /** The node that was last known to lead the group; 0 for not known. */
  leaderOf(group: number): NodeId {
    return this.#channels.get(group)?.leader ?? 0;
  }

  /** Starts an operation; `done` is called once, with its result or why there is none. Returns how to cancel it. */
  submit(operation: Operation, timeoutMs: number, done: Task['done']): () => void {
    const now = this.#ports.clock.monotonicMs();
    const task: Task = {
      operation,
      deadlineMs: now + timeoutMs,
      done,
      place: undefined,
      maybeApplied: false,
      attempts: 0,
      attemptEndsMs: Infinity,
      attempt: undefined,
      link: undefined,
      lastTrouble: this.#lastTrouble,
    };
    if (this.#closed) {
      done(new KvorumError('closed', 'the client is closed'));
      return () => undefined;
    }
    this.#tasks.add(task);
    this.#sweepLater();
    this.#attempt(task);
    return () => this.#fail(task, 'cancelled', 'the operation was cancelled');
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

  /** Calls back once the layout is known, or with what went wrong when it is not in time. Returns how to cancel that. */
  whenReady(timeoutMs: number, done: (outcome: Layout | KvorumError) => void): () => void {
    const deadlineMs = this.#ports.clock.monotonicMs() + timeoutMs;
    let cancelled = false;
    const check = (): void => {
      if (cancelled) return;
      if (this.#layout !== undefined) done(this.#layout);
      else if (this.#closed) done(new KvorumError('closed', 'the client is closed'));
      else if (this.#ports.clock.monotonicMs() >= deadlineMs) done(new KvorumError('unavailable', this.#lastTrouble));
      else {
        this.#refreshLayout();
        this.#ports.clock.setTimer(SWEEP_MS, check);
      }
    };
    check();
    return () => {
      cancelled = true;
    };
  }

  close(): void {
    this.#closed = true;
    for (const task of this.#tasks) this.#fail(task, 'closed', 'the client was closed');
    for (const link of this.#links.values()) link.close();
  }

  // ---- one operation ----

  #attempt(task: Task): void {
    if (!this.#tasks.has(task)) return;
    const layout = this.#layout;
    if (layout === undefined) {
      this.#waitingForLayout.push(task);
      this.#refreshLayout();
      return;
    }
    const channel = this.#channel(groupOfKey(layout, task.operation.key));
    const request = this.#request(task, channel);
    if (request !== undefined) this.#send(task, channel, request);
  }

  /** Undefined when the task has to wait for a session first, or is over. */
  #request(task: Task, channel: GroupChannel): GroupRequest | undefined {
    const { operation } = task;
    if (operation.type === 'get') return { type: 'read', group: channel.group, key: operation.key };
    if (channel.session.type !== 'open') {
      if (task.place !== undefined && task.maybeApplied) {
        this.#fail(task, 'outcome-unknown', 'the session expired while the outcome of the command was unknown');
        return undefined;
      }
      task.place = undefined;
      channel.waiting.push(() => this.#attempt(task));
      this.#openSession(channel);
      return undefined;
    }
    const { id: session } = channel.session;
    if (task.place?.session !== session || task.place.channel !== channel) {
      if (task.maybeApplied) {
        this.#fail(task, 'outcome-unknown', 'the session expired while the outcome of the command was unknown');
        return undefined;
      }
      task.place = { channel, session, sequence: channel.nextSequence() };
    }
    const { sequence } = task.place;
    return { type: 'execute', group: channel.group, session, sequence, floor: channel.floor, command: operation };
  }

  #send(task: Task, channel: GroupChannel, request: GroupRequest): void {
    const target = this.#target(channel);
    task.attempts += 1;
    task.attemptEndsMs = this.#ports.clock.monotonicMs() + ATTEMPT_TIMEOUT_MS;
    task.link = target.link;
    const body: RequestBody = { type: 'group', forward: target.forward, request };
    task.attempt = target.link.request(body, (answer) => {
      task.attempt = undefined;
      task.attemptEndsMs = Infinity;
      this.#onAnswer(task, channel, target.node, answer);
    });
  }

  #onAnswer(task: Task, channel: GroupChannel, node: NodeId, answer: Answer): void {
    if (!this.#tasks.has(task)) return;
    if (answer.type === 'lost') {
      task.maybeApplied ||= answer.sent;
      if (channel.leader === node) channel.leader = 0;
      this.#retry(task, channel, answer.reason);
      return;
    }
    const { body } = answer;
    if (body.type === 'result' || body.type === 'value') {
      // A follower may have passed the request on.
      channel.leader = body.served.node;
      this.#finish(task, body);
    } else if (body.type === 'refused') {
      this.#onRefused(task, channel, node, body);
    } else {
      this.#fail(task, 'bad-request', `node ${node} gave a ${body.type} reply to a ${task.operation.type}`);
    }
  }

  #onRefused(task: Task, channel: GroupChannel, node: NodeId, refused: Extract<GroupReply, { type: 'refused' }>): void {
    switch (refused.code) {
      case 'not-leader':
        this.#onNotLeader(channel, node, refused.leader);
        // The first redirects are followed at once; going in circles is not.
        if (refused.leader !== 0 && task.attempts <= 3 && channel.leader === refused.leader) this.#attempt(task);
        else this.#retry(task, channel, refused.message);
        return;
      case 'session-expired':
        if (channel.session.type === 'open' && channel.session.id === task.place?.session) channel.sessionLost();
        this.#attempt(task);
        return;
      case 'outcome-unknown':
        task.maybeApplied = true;
        if (channel.leader === node) channel.leader = 0;
        this.#retry(task, channel, refused.message);
        return;
      case 'wrong-group':
        this.#refreshLayout();
        this.#retry(task, channel, refused.message);
        return;
      case 'unavailable':
        if (channel.leader === node) channel.leader = 0;
        this.#retry(task, channel, refused.message);
        return;
      case 'busy':
        this.#retry(task, channel, refused.message);
        return;
      default:
        this.#fail(task, refused.code, refused.message);
    }
  }

  #onNotLeader(channel: GroupChannel, node: NodeId, hint: NodeId): void {
    if (hint !== 0 && hint !== node && !this.#nodeUnreachable(hint)) channel.leader = hint;
    else if (channel.leader === node) channel.leader = 0;
  }

  /** Tries again after a pause that grows and varies, unless the deadline comes first. */
  #retry(task: Task, channel: GroupChannel, trouble: string): void {
    task.lastTrouble = trouble;
    channel.rotation += 1;
    this.#ports.clock.setTimer(this.#backoffMs(task.attempts), () => this.#attempt(task));
  }

  #backoffMs(attempts: number): number {
    const ceiling = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** Math.min(attempts, 10));
    return ceiling / 2 + (this.#ports.random.nextUint32() / 2 ** 32) * (ceiling / 2);
  }

  #finish(task: Task, outcome: OperationResult | KvorumError): void {
    if (!this.#tasks.delete(task)) return;
    task.attempt?.cancel();
    const { place } = task;
    if (place !== undefined && place.channel.session.type === 'open' && place.channel.session.id === place.session) {
      place.channel.settle(place.sequence);
    }
    task.done(outcome);
  }

  #fail(task: Task, code: KvorumError['code'], message: string): void {
    this.#finish(task, new KvorumError(code, message, { outcome: mayBeApplied(task) ? 'unknown' : 'not-applied' }));
  }

  // ---- sessions ----

  #openSession(channel: GroupChannel): void {
    if (channel.session.type !== 'none') return;
    channel.session = { type: 'opening' };
    this.#requestSession(channel, 1);
  }

  #requestSession(channel: GroupChannel, attempt: number): void {
    if (this.#closed || channel.waiting.length === 0) {
      channel.session = { type: 'none' };
      return;
    }
    const target = this.#target(channel);
    const { clock } = this.#ports;
    let settled = false;
    const settle = (answer: Answer): void => {
      if (settled) return;
      settled = true;
      cancelTimer();
      const body = answer.type === 'reply' ? answer.body : undefined;
      if (body?.type === 'session') {
        channel.leader = body.served.node;
        channel.sessionOpened(body.session);
        return;
      }
      if (body?.type === 'refused' && body.code === 'not-leader') this.#onNotLeader(channel, target.node, body.leader);
      else if (channel.leader === target.node) channel.leader = 0;
      this.#noteTrouble(
        body?.type === 'refused' ? body.message : answer.type === 'lost' ? answer.reason : 'no session',
      );
      channel.rotation += 1;
      const pauseMs = channel.leader !== 0 && attempt <= 3 ? 0 : this.#backoffMs(attempt);
      clock.setTimer(pauseMs, () => this.#requestSession(channel, attempt + 1));
    };
    const cancelTimer = clock.setTimer(ATTEMPT_TIMEOUT_MS, () => {
      pending.cancel();
      settle({ type: 'lost', sent: true, reason: `${formatAddress(target.link.address)}: it does not answer` });
    });
    const request: GroupRequest = { type: 'open-session', group: channel.group };
    const pending = target.link.request({ type: 'group', forward: target.forward, request }, settle);
  }

  /** For operations that have not got as far as being sent. */
  #noteTrouble(trouble: string): void {
    this.#lastTrouble = trouble;
    for (const task of this.#tasks) if (task.attempts === 0) task.lastTrouble = trouble;
  }

  // ---- where to ----

  /** The leader if it is known and in reach; else a member, who may pass the request on; else any node. */
  #target(channel: GroupChannel): { readonly link: NodeLink; readonly node: NodeId; readonly forward: boolean } {
    const layout = this.#layout;
    const members = layout?.groups[channel.group]?.members ?? [];
    if (channel.leader !== 0 && !this.#nodeUnreachable(channel.leader)) {
      return { link: this.#nodeLink(channel.leader), node: channel.leader, forward: false };
    }
    const others = layout?.nodes.map((node) => node.id).filter((id) => !members.includes(id)) ?? [];
    const inReach = [rotate(members, channel.rotation), rotate(others, channel.rotation)]
      .flat()
      .find((id) => !this.#nodeUnreachable(id));
    if (inReach === undefined) this.#refreshLayout();
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
        onConnected: (to) => this.#onEvent({ type: 'connected', address: to }),
        onDisconnected: (to, reason) => {
          this.#onEvent({ type: 'disconnected', address: to, reason });
          // The node may come back somewhere else.
          if (!this.#closed) this.#refreshLayout();
        },
      });
      this.#links.set(name, link);
    }
    return link;
  }

  #channel(group: number): GroupChannel {
    let channel = this.#channels.get(group);
    if (channel === undefined) {
      channel = new GroupChannel(group);
      this.#channels.set(group, channel);
    }
    return channel;
  }

  // ---- layout ----

  /** Asks one node after the other, seeds and known nodes, until the layout is known. */
  #refreshLayout(): void {
    if (this.#layoutRequested || this.#closed) return;
    this.#layoutRequested = true;
    const addresses = [...this.#seeds, ...(this.#layout?.nodes.map((node) => node.address) ?? [])];
    const address = addresses[this.#layoutTurn % addresses.length] as Address;
    this.#layoutTurn += 1;
    this.ask(address, { type: 'layout' }, ATTEMPT_TIMEOUT_MS, (reply) => this.#onLayout(address, reply));
  }

  #onLayout(from: Address, reply: ReplyBody | KvorumError): void {
    this.#layoutRequested = false;
    if (!(reply instanceof KvorumError) && reply.type === 'layout' && reply.layout !== undefined) {
      if (this.#layout === undefined || reply.layout.epoch > this.#layout.epoch) {
        this.#layout = reply.layout;
        this.#nodeLinks.clear();
        this.#onEvent({ type: 'layout', layout: reply.layout });
      }
      const waiting = this.#waitingForLayout;
      this.#waitingForLayout = [];
      for (const task of waiting) this.#attempt(task);
      return;
    }
    this.#noteTrouble(
      reply instanceof KvorumError ? reply.message : `the cluster of ${formatAddress(from)} is still being formed`,
    );
    if (this.#waitingForLayout.length > 0) {
      this.#ports.clock.setTimer(this.#backoffMs(this.#layoutTurn), () => this.#refreshLayout());
    }
  }

  // ---- deadlines ----

  #sweepLater(): void {
    if (this.#sweeping) return;
    this.#sweeping = true;
    this.#ports.clock.setTimer(SWEEP_MS, () => {
      this.#sweeping = false;
      this.#sweep();
      if (this.#tasks.size > 0) this.#sweepLater();
    });
  }

  #sweep(): void {
    const now = this.#ports.clock.monotonicMs();
    for (const task of this.#tasks) {
      if (now >= task.deadlineMs) this.#timeOut(task);
      else if (now >= task.attemptEndsMs) this.#abandonAttempt(task);
    }
  }

  #abandonAttempt(task: Task): void {
    const { link } = task;
    if (link === undefined) return;
    // Nothing at all came from that node: whatever else waits for it is tried elsewhere too.
    if (link.silentForMs >= ATTEMPT_TIMEOUT_MS) {
      link.suspect();
      return;
    }
    task.maybeApplied ||= task.attempt?.sent === true;
    task.attempt?.cancel();
    task.attempt = undefined;
    task.attemptEndsMs = Infinity;
    const channel = this.#layout && this.#channel(groupOfKey(this.#layout, task.operation.key));
    if (channel === undefined) return;
    channel.leader = 0;
    this.#retry(task, channel, `${formatAddress(link.address)}: it did not answer in time`);
  }

  #timeOut(task: Task): void {
    const trouble = `the deadline passed; last: ${task.lastTrouble}`;
    this.#fail(task, mayBeApplied(task) ? 'timeout' : 'unavailable', trouble);
  }
}

/** Whether a copy of it may have been executed, or may yet be: the attempt under way may have reached its node. */
function mayBeApplied(task: Task): boolean {
  return task.operation.type !== 'get' && (task.maybeApplied || task.attempt?.sent === true);
}

function rotate<T>(items: readonly T[], by: number): T[] {
  const start = items.length === 0 ? 0 : by % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
}
