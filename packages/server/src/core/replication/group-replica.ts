/**
 * One group as its node sees it: whatever protocol it runs, requests go in with somebody who waits for each, messages and
 * writes with what became of them, and once a turn all of it is one step of the protocol.
 *
 * State: the inputs of this turn and who waits for which ticket. Invariant: each request is answered once, at the latest when
 * the replica is closed.
 */
import type { GroupId, GroupReply, GroupRequest, LogFields, NodeId, Writer } from '@kvorum/common';
import type { Term } from '@kvorum/consensus';
import { noAnswer } from '../replies.ts';
import type {
  AppliedState,
  LogView,
  Replica,
  ReplicaEffects,
  ReplicaEvent,
  ReplicaInput,
  ReplicaSeat,
  ReplicationProtocol,
} from './replication-protocol.ts';

/** Takes the one reply of a request. */
export interface Waiter {
  reply(reply: GroupReply): void;
  /** Whether nobody would take the reply any more. */
  readonly isAbandoned?: () => boolean;
}

/** What a replica asks of its node. */
export interface ReplicaHost {
  /** The replica has something to do at the end of this turn. */
  wake(group: GroupId): void;
  onEvent(group: GroupId, event: ReplicaEvent): void;
}

interface Waiting {
  readonly waiter: Waiter;
  readonly request: GroupRequest;
}

export class GroupReplica {
  readonly group: GroupId;
  readonly members: readonly NodeId[];
  readonly protocol: ReplicationProtocol;
  readonly #replica: Replica;
  readonly #host: ReplicaHost;
  #inputs: ReplicaInput[] = [];
  readonly #waiting = new Map<number, Waiting>();
  #lastTicket = 0;

  /** Throws CorruptRecord or UnknownFormat when what is on disk cannot be used. */
  constructor(protocol: ReplicationProtocol, seat: Omit<ReplicaSeat, 'awaited'>, host: ReplicaHost) {
    this.group = seat.group;
    this.members = seat.members;
    this.protocol = protocol;
    this.#host = host;
    this.#replica = protocol.open({ ...seat, awaited: (ticket) => this.#awaited(ticket) });
    // What it found on disk may leave something to do.
    host.wake(this.group);
  }

  /** Whether it takes requests itself. */
  get serves(): boolean {
    return this.#replica.serves;
  }

  /** Whom it sees at work, itself included; 0 for nobody. */
  get leader(): NodeId {
    return this.#replica.leader;
  }

  get healthy(): boolean {
    return this.#replica.healthy;
  }

  get term(): Term {
    return this.#replica.term;
  }

  get applied(): AppliedState | undefined {
    return this.#replica.applied;
  }

  get log(): LogView | undefined {
    return this.#replica.log;
  }

  heartbeat(): Uint8Array | undefined {
    return this.#replica.heartbeat();
  }

  describe(): LogFields {
    return this.#replica.describe();
  }

  submit(request: GroupRequest, waiter: Waiter): void {
    this.#lastTicket += 1;
    const ticket = this.#lastTicket;
    this.#waiting.set(ticket, { waiter, request });
    this.input({ type: 'request', ticket, request });
  }

  /** Is taken at the end of this turn. */
  input(input: ReplicaInput): void {
    this.#inputs.push(input);
    this.#host.wake(this.group);
  }

  /** Ends a turn at that time of the monotonic clock: one step of the protocol with all that came in, then the answers. */
  turn(nowMs: number): ReplicaEffects {
    const inputs = this.#inputs;
    this.#inputs = [];
    const effects = this.#replica.step(inputs, nowMs);
    for (const { ticket, reply } of effects.outcomes) {
      const waiting = this.#waiting.get(ticket);
      this.#waiting.delete(ticket);
      waiting?.waiter.reply(reply);
    }
    for (const event of effects.events) this.#host.onEvent(this.group, event);
    if (effects.again) this.#host.wake(this.group);
    return effects;
  }

  /** Of a turn of this replica. */
  writeMessage(writer: Writer, message: unknown): void {
    this.#replica.writeMessage(writer, message);
  }

  /** It takes no further turn: nobody waits in vain. */
  close(): void {
    const message = `group ${this.group} is no longer served by this node`;
    for (const { waiter, request } of this.#waiting.values()) {
      waiter.reply(noAnswer(request.type === 'read', message));
    }
    this.#waiting.clear();
    this.#inputs = [];
  }

  /** A read that was abandoned is not read, and forgotten here. */
  #awaited(ticket: number): GroupRequest | undefined {
    const waiting = this.#waiting.get(ticket);
    if (waiting?.waiter.isAbandoned?.() !== true) return waiting?.request;
    this.#waiting.delete(ticket);
    return undefined;
  }
}
