/**
 * From a request to the replica that serves it: stage 3 of the data path. Checks what the client sent, answers with a
 * redirect, or passes the request on to a node that can reach the leader.
 *
 * State: requests that were passed on and not answered. Invariants: each request is answered once; a request makes at most
 * `forwardHopsMax` hops; one whose answer was lost is answered as unknown, never dropped silently.
 */
import type { GroupId, GroupReply, GroupRequest, Layout, NodeId } from '@kvorum/common';
import { groupOfKey, limits, mark, METADATA_GROUP } from '@kvorum/common';
import type { GroupReplica, Waiter } from '../replication/group-replica.ts';
import { notLeader, refusal } from '../replication/group-replica.ts';
import type { PeerMessage } from '../peer-protocol.ts';

export interface RouterHost {
  readonly self: NodeId;
  /** How often this node was started, and a peer as far as it is known. */
  readonly starts: number;
  startsOf(node: NodeId): number;
  layout(): Layout | undefined;
  replica(group: GroupId): GroupReplica | undefined;
  /** Whether the failure detector has no doubts about the peer. */
  isAlive(node: NodeId): boolean;
  send(to: NodeId, message: PeerMessage): void;
}

interface Forwarded {
  readonly waiter: Waiter;
  readonly to: NodeId;
  /** The start of that node which it was meant for. */
  readonly starts: number;
  readonly isRead: boolean;
  /** Heartbeat rounds its answer may still take. */
  roundsLeft: number;
}

/** A second, as long as a client waits before it asks elsewhere: from then on the request only holds a place of its connection. */
const FORWARD_ROUNDS_MAX = 10;
/** For how many rounds at least a repetition is recognised. */
const TAKEN_ROUNDS = 100;
/** So that the ids of one start are not those of another. */
const FORWARDS_PER_START = 2 ** 32;

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
    this.#lastForward = host.starts * FORWARDS_PER_START;
  }

  /** Serves a client's request; `forward` allows passing it on. */
  submit(request: GroupRequest, forward: boolean, waiter: Waiter): void {
    const refused = this.#check(request);
    if (refused !== undefined) waiter.reply(refused);
    else this.#route(request, forward ? 0 : limits.forwardHopsMax, waiter);
  }

  /** A command of the node itself, to the metadata group. */
  submitInternal(request: GroupRequest, waiter: Waiter): void {
    this.#route(request, 0, waiter);
  }

  onForward(from: NodeId, message: Extract<PeerMessage, { type: 'forward' }>): void {
    const name = `${from}/${message.id}`;
    if (message.starts !== this.#host.starts) {
      mark('forwarded-to-earlier-start');
      // Meant for an earlier start of this node, which may have executed a first copy.
      const code = message.request.type === 'read' ? 'unavailable' : 'outcome-unknown';
      const reply = refusal(code, `node ${this.#host.self} was restarted meanwhile`);
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
    this.#route(message.request, message.hops, { reply });
  }

  onForwarded(from: NodeId, message: Extract<PeerMessage, { type: 'forwarded' }>): void {
    const forwarded = this.#forwarded.get(message.id);
    if (forwarded === undefined || forwarded.to !== from) return;
    this.#forwarded.delete(message.id);
    forwarded.waiter.reply(message.reply);
  }

  /** Gives up requests whose answer does not come. */
  onRound(): void {
    this.#rounds += 1;
    if (this.#rounds % TAKEN_ROUNDS === 0) {
      this.#takenBefore = this.#taken;
      this.#taken = new Set();
    }
    for (const [id, forwarded] of this.#forwarded) {
      forwarded.roundsLeft -= 1;
      const restarted = this.#host.startsOf(forwarded.to) !== forwarded.starts;
      if (forwarded.roundsLeft > 0 && this.#host.isAlive(forwarded.to) && !restarted) continue;
      mark('forward-given-up');
      this.#forwarded.delete(id);
      const message = `node ${forwarded.to} did not answer a request that was passed on to it`;
      forwarded.waiter.reply(refusal(forwarded.isRead ? 'unavailable' : 'outcome-unknown', message));
    }
  }

  #check(request: GroupRequest): GroupReply | undefined {
    const layout = this.#host.layout();
    if (layout === undefined) return refusal('unavailable', 'the cluster is still being formed');
    if (request.group === METADATA_GROUP) return refusal('bad-request', 'group 0 holds the layout, not keys');
    if (request.group >= layout.groups.length) return wrongGroup(layout, `there is no group ${request.group}`);
    if (request.type === 'open-session') return undefined;
    if (request.type === 'execute' && request.session === 0) return refusal('bad-request', 'session 0 is reserved');
    const key = request.type === 'read' ? request.key : request.command.key;
    if (key.length === 0) return refusal('bad-request', 'the key is empty');
    if (key.length > limits.keyBytesMax) return tooLarge('key', key.length, limits.keyBytesMax);
    if (groupOfKey(layout, key) !== request.group)
      return wrongGroup(layout, `the key is not in group ${request.group}`);
    return request.type === 'execute' ? checkValues(request) : undefined;
  }

  #route(request: GroupRequest, hops: number, waiter: Waiter): void {
    const replica = this.#host.replica(request.group);
    if (replica?.leading === true) {
      replica.submit(request, waiter);
      return;
    }
    const leader = replica === undefined ? this.#likelyLeader(request.group) : replica.leader;
    const hint = leader === this.#host.self ? 0 : leader;
    const target = hops < limits.forwardHopsMax ? this.#forwardTarget(request.group, hint) : 0;
    if (target === 0) {
      waiter.reply(notLeader(request.group, hint));
      return;
    }
    this.#lastForward += 1;
    const id = this.#lastForward;
    const starts = this.#host.startsOf(target);
    const isRead = request.type === 'read';
    this.#forwarded.set(id, { waiter, to: target, starts, isRead, roundsLeft: FORWARD_ROUNDS_MAX });
    this.#host.send(target, { type: 'forward', id, starts, hops: hops + 1, request });
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
    return member !== this.#host.self && this.#host.isAlive(member) && this.#host.startsOf(member) > 0;
  }

  #members(group: GroupId): readonly NodeId[] {
    return this.#host.layout()?.groups[group]?.members ?? [];
  }
}

function checkValues(request: Extract<GroupRequest, { type: 'execute' }>): GroupReply | undefined {
  const { command } = request;
  const values =
    command.type === 'put'
      ? [command.value]
      : command.type === 'cas'
        ? [command.expected, command.next]
        : command.type === 'cas-version'
          ? [command.next]
          : [];
  for (const value of values) {
    if (value !== undefined && value.length > limits.valueBytesMax) {
      return tooLarge('value', value.length, limits.valueBytesMax);
    }
  }
  return undefined;
}

function tooLarge(what: string, bytes: number, limit: number): GroupReply {
  return refusal('too-large', `the ${what} has ${bytes} bytes, the limit is ${limit}`);
}

function wrongGroup(layout: Layout, message: string): GroupReply {
  return { type: 'refused', code: 'wrong-group', message, leader: 0, epoch: layout.epoch };
}
