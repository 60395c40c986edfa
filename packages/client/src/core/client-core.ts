/**
 * The client without its IO: routes each operation to its group's leader, follows redirects, retries inside the deadline,
 * exactly once through the group's session. Runs unchanged in production and in simulation.
 *
 * State: the cached layout, one link per node, one channel per group, the operations under way. Invariants: an operation
 * ends once; a command that may have been executed is only ever sent again with the same session and sequence.
 */
import type {
  Address,
  Command,
  GroupReply,
  GroupRequest,
  Layout,
  NodeId,
  Query,
  ReplyBody,
  RequestBody,
} from '@kvorum/common';
import { formatAddress, groupOfKey, isQuery, KvorumError, routingKey } from '@kvorum/common';
import { GroupChannel } from './group-channel.ts';
import type { Answer, PendingRequest } from './node-link.ts';
import type { NodeLink } from './node-link.ts';
import type { ClientPorts, ConnectionEvent } from './routes.ts';
import { mark } from './marks.ts';
import { backoffMs, Routes } from './routes.ts';

export type Operation = Query | Command;

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
  /** Hints that were followed at once since the last pause. */
  redirects: number;
  /** When the attempt under way is given up. */
  attemptEndsMs: number;
  attempt: PendingRequest | undefined;
  /** Takes it off the queue for a session. */
  stopWaiting: () => void;
  /** The link that the attempt under way uses. */
  link: NodeLink | undefined;
  lastTrouble: string;
}

export class ClientCore {
  readonly #ports: ClientPorts;
  readonly #routes: Routes;
  readonly #channels = new Map<number, GroupChannel>();
  readonly #tasks = new Set<Task>();
  /** Tasks that wait for the first layout. */
  readonly #waitingForLayout = new Set<Task>();
  #lastTrouble = 'no node has answered yet';
  #sweeping = false;
  #closed = false;

  constructor(
    ports: ClientPorts,
    seeds: readonly Address[],
    onEvent: (event: ConnectionEvent) => void = () => undefined,
  ) {
    this.#ports = ports;
    this.#routes = new Routes(ports, seeds, {
      onEvent,
      onTrouble: (trouble) => this.#noteTrouble(trouble),
      onLayout: () => this.#retryWaiting(),
      isAwaited: () => this.#waitingForLayout.size > 0,
    });
  }

  get layout(): Layout | undefined {
    return this.#routes.layout;
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
      redirects: 0,
      attemptEndsMs: Infinity,
      attempt: undefined,
      stopWaiting: () => undefined,
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
    this.#routes.ask(address, body, timeoutMs, done);
  }

  /** Calls back once the layout is known, or with what went wrong when it is not in time. Returns how to cancel that. */
  whenReady(timeoutMs: number, done: (outcome: Layout | KvorumError) => void): () => void {
    const deadlineMs = this.#ports.clock.monotonicMs() + timeoutMs;
    let cancelled = false;
    const check = (): void => {
      if (cancelled) return;
      if (this.layout !== undefined) done(this.layout);
      else if (this.#closed) done(new KvorumError('closed', 'the client is closed'));
      else if (this.#ports.clock.monotonicMs() >= deadlineMs) done(new KvorumError('unavailable', this.#lastTrouble));
      else {
        this.#routes.refresh();
        this.#ports.clock.setTimer(this.#ports.timings.sweepMs, check);
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
    this.#routes.close();
  }

  // ---- one operation ----

  #attempt(task: Task): void {
    if (!this.#tasks.has(task)) return;
    const { layout } = this;
    if (layout === undefined) {
      this.#waitingForLayout.add(task);
      this.#routes.refresh();
      return;
    }
    const channel = this.#channel(groupOfKey(layout, routingKey(task.operation)));
    const request = this.#request(task, channel);
    if (request !== undefined) this.#send(task, channel, request);
  }

  /** Undefined when the task has to wait for a session first, or is over. */
  #request(task: Task, channel: GroupChannel): GroupRequest | undefined {
    const { operation } = task;
    if (isQuery(operation)) return { type: 'read', group: channel.group, query: operation };
    if (channel.session.type !== 'open') {
      if (task.place !== undefined && task.maybeApplied) return this.#failWithSession(task);
      task.place = undefined;
      const retry = (): void => this.#attempt(task);
      channel.waiting.add(retry);
      task.stopWaiting = () => channel.waiting.delete(retry);
      this.#openSession(channel);
      return undefined;
    }
    const { id: session } = channel.session;
    if (task.place?.session !== session || task.place.channel !== channel) {
      if (task.maybeApplied) return this.#failWithSession(task);
      task.place = { channel, session, sequence: channel.nextSequence() };
    }
    const { sequence } = task.place;
    return { type: 'execute', group: channel.group, session, sequence, floor: channel.floor, command: operation };
  }

  /** Its session is gone, so that nobody can tell any more whether it was executed. */
  #failWithSession(task: Task): undefined {
    mark('session-lost-with-unknown-outcome');
    this.#fail(task, 'outcome-unknown', 'the session expired while the outcome of the command was unknown');
  }

  #send(task: Task, channel: GroupChannel, request: GroupRequest): void {
    const target = this.#routes.target(channel);
    task.attempts += 1;
    task.attemptEndsMs = this.#ports.clock.monotonicMs() + this.#ports.timings.attemptTimeoutMs;
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
        this.#routes.followHint(channel, node, refused.leader);
        // Going in circles is not worth it without a pause.
        if (
          refused.leader !== 0 &&
          channel.leader === refused.leader &&
          task.redirects < this.#ports.timings.redirectsAtOnceMax
        ) {
          task.redirects += 1;
          this.#attempt(task);
        } else this.#retry(task, channel, refused.message);
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
        this.#routes.refresh();
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

  /** Tries again after a pause that grows and varies, unless the deadline comes first. */
  #retry(task: Task, channel: GroupChannel, trouble: string): void {
    task.lastTrouble = trouble;
    task.redirects = 0;
    channel.rotation += 1;
    this.#ports.clock.setTimer(backoffMs(this.#ports, task.attempts), () => this.#attempt(task));
  }

  #finish(task: Task, outcome: OperationResult | KvorumError): void {
    if (!this.#tasks.delete(task)) return;
    task.attempt?.cancel();
    task.stopWaiting();
    this.#waitingForLayout.delete(task);
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
    if (this.#closed || channel.waiting.size === 0) {
      channel.session = { type: 'none' };
      return;
    }
    const target = this.#routes.target(channel);
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
      if (body?.type === 'refused' && body.code === 'not-leader')
        this.#routes.followHint(channel, target.node, body.leader);
      else if (channel.leader === target.node) channel.leader = 0;
      this.#noteTrouble(
        body?.type === 'refused' ? body.message : answer.type === 'lost' ? answer.reason : 'no session',
      );
      channel.rotation += 1;
      const pauseMs = channel.leader !== 0 && attempt <= 3 ? 0 : backoffMs(this.#ports, attempt);
      clock.setTimer(pauseMs, () => this.#requestSession(channel, attempt + 1));
    };
    const cancelTimer = clock.setTimer(this.#ports.timings.attemptTimeoutMs, () => {
      // The request is lost with its connection then.
      if (this.#suspectIfSilent(target.link)) return;
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

  /** The layout is known now. */
  #retryWaiting(): void {
    const waiting = [...this.#waitingForLayout];
    this.#waitingForLayout.clear();
    for (const task of waiting) this.#attempt(task);
  }

  #channel(group: number): GroupChannel {
    let channel = this.#channels.get(group);
    if (channel === undefined) {
      channel = new GroupChannel(group);
      this.#channels.set(group, channel);
    }
    return channel;
  }

  // ---- deadlines ----

  #sweepLater(): void {
    if (this.#sweeping) return;
    this.#sweeping = true;
    this.#ports.clock.setTimer(this.#ports.timings.sweepMs, () => {
      this.#sweeping = false;
      this.#sweep();
      if (this.#tasks.size > 0) this.#sweepLater();
    });
  }

  #sweep(): void {
    const now = this.#ports.clock.monotonicMs();
    for (const task of this.#tasks) {
      // A task that is out of time still tells the others of a connection that is dead.
      if (now >= task.deadlineMs && task.attempt !== undefined && task.link !== undefined)
        this.#suspectIfSilent(task.link);
      if (now >= task.deadlineMs) this.#timeOut(task);
      else if (now >= task.attemptEndsMs) this.#abandonAttempt(task);
    }
  }

  #abandonAttempt(task: Task): void {
    const { link } = task;
    if (link === undefined || this.#suspectIfSilent(link)) return;
    task.maybeApplied ||= task.attempt?.sent === true;
    task.attempt?.cancel();
    task.attempt = undefined;
    task.attemptEndsMs = Infinity;
    const { layout } = this;
    const channel = layout && this.#channel(groupOfKey(layout, routingKey(task.operation)));
    if (channel === undefined) return;
    channel.leader = 0;
    this.#retry(task, channel, `${formatAddress(link.address)}: it did not answer in time`);
  }

  /** Nothing at all came from that node for long: whatever waits for it is tried elsewhere. */
  #suspectIfSilent(link: NodeLink): boolean {
    if (link.silentForMs < this.#ports.timings.attemptTimeoutMs) return false;
    mark('silent-connection');
    link.suspect();
    return true;
  }

  #timeOut(task: Task): void {
    const trouble = `the deadline passed; last: ${task.lastTrouble}`;
    this.#fail(task, mayBeApplied(task) ? 'timeout' : 'unavailable', trouble);
  }
}

/** Whether a copy of it may have been executed, or may yet be: the attempt under way may have reached its node. */
function mayBeApplied(task: Task): boolean {
  return !isQuery(task.operation) && (task.maybeApplied || task.attempt?.sent === true);
}
