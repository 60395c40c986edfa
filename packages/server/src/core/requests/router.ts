/**
 * From a request to the replica that serves it: stage 3 of the data path. Checks what the client sent, answers with a
 * redirect, or passes the request on to a node that can reach the leader.
 *
 * State: requests that were passed on and not answered. Invariants: each request is answered once; a request makes at most
 * `forwardHopsMax` hops; one whose answer was lost is answered as unknown, never dropped silently.
 */
import type { GroupId, GroupReply, GroupRequest, Layout, NodeId, OperationType, Settings } from '@kvorum/common';
import { groupOfKey, METADATA_GROUP, operationProblem, routingKey } from '@kvorum/common';
import { mark } from '../marks.ts';
import type { PeerMessage } from '../peer-protocol.ts';
import { noAnswer, notLeader, refusal, wrongGroup } from '../replies.ts';
import type { GroupReplica, Waiter } from '../replication/group-replica.ts';
import type { ProtocolTable } from '../replication/replication-protocol.ts';

export interface RouterHost {
  readonly self: NodeId;
  /** Of this node, and of a peer as far as it is known. */
  readonly incarnation: number;
  incarnationOf(node: NodeId): number;
  readonly settings: Settings;
  readonly protocols: ProtocolTable;
  layout(): Layout | undefined;
  replica(group: GroupId): GroupReplica | undefined;
  /** Whether the failure detector has no doubts about the peer. */
  isAlive(node: NodeId): boolean;
  send(to: NodeId, message: PeerMessage): void;
  /** Whether a node asks with it for another layout: the only thing that the metadata group is there for. */
  isLayoutChange(request: GroupRequest): boolean;
  /** For whoever counts. */
  onForward?(): void;
  onRedirect?(): void;
}

interface Forwarded {
  readonly waiter: Waiter;
  readonly to: NodeId;
  /** The incarnation of that node which it was meant for. */
  readonly incarnation: number;
  readonly isRead: boolean;
  /** Heartbeat rounds its answer may still take. */
  roundsLeft: number;
}

/** So that the ids of one incarnation are not those of another. */
const FORWARDS_PER_INCARNATION = 2 ** 28;

export class Router {
  readonly #host: RouterHost;
  readonly #forwarded = new Map<number, Forwarded>();
  /** Requests that were passed on to this node lately, by sender and id: of this period and of the one before. */
  #taken = new Set<string>();
  #takenBefore = new Set<string>();
  #rounds = 0;
  #lastForward: number;

  constructor(host: RouterHost) {
    this.#host = host;
    this.#lastForward = host.incarnation * FORWARDS_PER_INCARNATION;
  }

  /** Serves a client's request; `forward` allows passing it on. */
  submit(request: GroupRequest, forward: boolean, waiter: Waiter): void {
    const refused = this.#check(request);
    if (refused !== undefined) waiter.reply(refused);
    else this.#route(request, forward ? 0 : this.#forwardHopsMax, waiter);
  }

  /** A command of the node itself, to the metadata group. */
  submitInternal(request: GroupRequest, waiter: Waiter): void {
    this.#route(request, 0, waiter);
  }

  onForward(from: NodeId, message: Extract<PeerMessage, { type: 'forward' }>): void {
    const name = `${from}/${message.id}`;
    if (message.incarnation !== this.#host.incarnation) {
      mark('forwarded-to-earlier-incarnation');
      // Meant for an earlier incarnation of this node, which may have executed a first copy.
      const reply = noAnswer(message.request.type === 'read', `node ${this.#host.self} was restarted meanwhile`);
      this.#host.send(from, { type: 'forwarded', id: message.id, reply });
      return;
    }
    if (this.#taken.has(name) || this.#takenBefore.has(name)) {
      mark('forwarded-twice');
      return;
    }
    this.#taken.add(name);
    const reply = (answer: GroupReply): void => {
      this.#host.send(from, { type: 'forwarded', id: message.id, reply: answer });
    };
    const refused = this.#host.isLayoutChange(message.request) ? undefined : this.#check(message.request);
    if (refused !== undefined) reply(refused);
    else this.#route(message.request, message.hops, { reply });
  }

  onForwarded(from: NodeId, message: Extract<PeerMessage, { type: 'forwarded' }>): void {
    const forwarded = this.#forwarded.get(message.id);
    if (forwarded === undefined || forwarded.to !== from) return;
    this.#forwarded.delete(message.id);
    forwarded.waiter.reply(message.reply);
  }

  /** Gives up requests whose answer does not come. */
  onHeartbeatRound(): void {
    this.#rounds += 1;
    if (this.#rounds % this.#host.settings.timings.forwardMemoryRounds === 0) {
      this.#takenBefore = this.#taken;
      this.#taken = new Set();
    }
    for (const [id, forwarded] of this.#forwarded) {
      forwarded.roundsLeft -= 1;
      const restarted = this.#host.incarnationOf(forwarded.to) !== forwarded.incarnation;
      if (forwarded.roundsLeft > 0 && this.#host.isAlive(forwarded.to) && !restarted) continue;
      mark('forward-given-up');
      this.#forwarded.delete(id);
      const message = `node ${forwarded.to} did not answer a request that was passed on to it`;
      forwarded.waiter.reply(noAnswer(forwarded.isRead, message));
    }
  }

  #check(request: GroupRequest): GroupReply | undefined {
    const layout = this.#host.layout();
    if (layout === undefined) return refusal('unavailable', 'the cluster is still being formed');
    if (request.group === METADATA_GROUP) return refusal('bad-request', 'group 0 holds the layout, not keys');
    if (request.group >= layout.groups.length) return wrongGroup(layout, `there is no group ${request.group}`);
    if (request.type === 'open-session') return this.#unsupported(request.group, layout, request.type);
    if (request.type === 'execute' && request.session === 0) return refusal('bad-request', 'session 0 is reserved');
    const operation = request.type === 'read' ? request.query : request.command;
    const problem = operationProblem(operation, this.#host.settings.limits);
    if (problem !== undefined) return refusal(problem.code, problem.message);
    if (groupOfKey(layout, routingKey(operation)) !== request.group) {
      return wrongGroup(layout, `the key is not in group ${request.group}`);
    }
    return this.#unsupported(request.group, layout, operation.type);
  }

  /** Why the protocol of the group cannot do that at all. */
  #unsupported(group: GroupId, layout: Layout, what: OperationType | 'open-session'): GroupReply | undefined {
    const name = layout.groups[group]?.protocol ?? '';
    const protocol = this.#host.protocols.get(name);
    const traits = protocol?.traits;
    if (what === 'open-session' ? traits?.sessions === true : traits?.operations.has(what) === true) return undefined;
    const lacks = what === 'open-session' ? 'sessions' : what;
    const why = protocol === undefined ? 'which this node does not know' : `which has no ${lacks}`;
    return refusal('unsupported', `group ${group} runs ${name}, ${why}`);
  }

  get #forwardHopsMax(): number {
    return this.#host.settings.limits.forwardHopsMax;
  }

  #route(request: GroupRequest, hops: number, waiter: Waiter): void {
    const replica = this.#host.replica(request.group);
    if (replica?.serves === true) {
      replica.submit(request, waiter);
      return;
    }
    const leader = replica === undefined ? this.#likelyLeader(request.group) : replica.leader;
    const hint = leader === this.#host.self ? 0 : leader;
    const target = hops < this.#forwardHopsMax ? this.#forwardTarget(request.group, hint) : 0;
    if (target === 0) {
      this.#host.onRedirect?.();
      waiter.reply(notLeader(request.group, hint));
      return;
    }
    this.#host.onForward?.();
    this.#lastForward += 1;
    const id = this.#lastForward;
    const incarnation = this.#host.incarnationOf(target);
    const isRead = request.type === 'read';
    const roundsLeft = this.#host.settings.timings.forwardRoundsMax;
    this.#forwarded.set(id, { waiter, to: target, incarnation, isRead, roundsLeft });
    this.#host.send(target, { type: 'forward', id, incarnation, hops: hops + 1, request });
  }

  /** The leader if it can be reached, else a member that can and may reach it; 0 for none. */
  #forwardTarget(group: GroupId, leader: NodeId): NodeId {
    if (leader !== 0 && this.#canPassOn(leader)) return leader;
    return this.#members(group).find((member) => member !== leader && this.#canPassOn(member)) ?? 0;
  }

  #likelyLeader(group: GroupId): NodeId {
    return this.#members(group).find((member) => this.#canPassOn(member)) ?? 0;
  }

  #canPassOn(member: NodeId): boolean {
    return member !== this.#host.self && this.#host.isAlive(member) && this.#host.incarnationOf(member) > 0;
  }

  #members(group: GroupId): readonly NodeId[] {
    return this.#host.layout()?.groups[group]?.members ?? [];
  }
}
