/**
 * A replica that does not lead: promises, and accepts what the leader of its promise sends.
 *
 * State: the acceptor's, and whether it recovers. It recovers after a restart and after it noticed that it lacks
 * something: it asks the leader to prepare it again and accepts nothing before it is synchronized.
 */
import type { NodeId } from '@kvorum/common';
import { mark } from '../marks.ts';
import { compareBallots, sameBallot } from './ballot.ts';
import type { Entry } from '../entry.ts';
import type { Message } from './messages.ts';
import type { Outbox } from './outbox.ts';
import type { ReplicaState } from './replica-state.ts';
import type { LogLimits, RoleParts } from './role.ts';
import type { GroupHeartbeat } from './types.ts';

type MessageOf<T extends Message['type']> = Extract<Message, { type: T }>;

export class Follower {
  readonly kind = 'follower';
  readonly #state: ReplicaState;
  readonly #outbox: Outbox;
  readonly #others: readonly NodeId[];
  readonly #limits: LogLimits;
  #recovering: boolean;
  /** Parts of an accept-sync that have arrived so far. */
  #parts: { readonly of: MessageOf<'accept-sync'>; readonly entries: Entry[] } | undefined;
  /** The log's length at the last round that found the leader ahead of it; a standstill asks for help. */
  #behindAt: number | undefined;

  constructor({ state, outbox, others, limits }: RoleParts, recovering: boolean) {
    this.#state = state;
    this.#outbox = outbox;
    this.#others = others;
    this.#limits = limits;
    this.#recovering = recovering;
  }

  onPrepare(from: NodeId, message: MessageOf<'prepare'>): void {
    const state = this.#state;
    const order = compareBallots(message.ballot, state.promisedBallot);
    if (order < 0) return;
    if (order > 0) state.promise(message.ballot);
    else mark('prepare-repeated');
    this.#parts = undefined;
    const { log } = state;
    const start = this.#suffixStart(message);
    this.#outbox.sendAfterPersist(from, {
      type: 'promise',
      ballot: message.ballot,
      acceptedBallot: state.acceptedBallot,
      logLength: log.length,
      decidedIndex: state.decidedIndex,
      suffixFrom: start,
      suffix: log.chunk(start, this.#limits.messageEntryBytesMax),
    });
  }

  /** Where the part of this log begins that the leader may lack. */
  #suffixStart(message: MessageOf<'prepare'>): number {
    const { acceptedBallot, log } = this.#state;
    const order = compareBallots(acceptedBallot, message.acceptedBallot);
    if (order < 0) return log.length;
    const wanted = order > 0 ? message.suffixFrom : Math.max(message.suffixFrom, message.logLength);
    return Math.min(Math.max(wanted, log.compactedIndex), log.length);
  }

  onAcceptSync(from: NodeId, message: MessageOf<'accept-sync'>): void {
    const state = this.#state;
    if (!sameBallot(message.ballot, state.promisedBallot)) return;
    const entries = this.#collect(message);
    if (entries === undefined) return;
    if (sameBallot(state.acceptedBallot, message.ballot)) {
      // A late or repeated one: within a ballot the leader's log only grows, so what follows must stay.
      mark('accept-sync-repeated');
      if (message.from > state.log.length) return this.#askAgain(from);
      state.append(entries.slice(state.log.length - message.from));
    } else {
      // Decided entries are the same in both logs, so the cut can move up to where they end.
      const cut = Math.max(message.from, state.decidedIndex);
      if (cut > state.log.length) return this.#askAgain(from);
      state.acceptRound(message.ballot, cut, entries.slice(cut - message.from));
    }
    this.#recovering = false;
    state.decide(message.decidedIndex);
    this.#answerAccepted(from);
  }

  /** The whole range, once its last part is here. */
  #collect(message: MessageOf<'accept-sync'>): readonly Entry[] | undefined {
    if (message.at === message.from) this.#parts = { of: message, entries: [] };
    const parts = this.#parts;
    if (parts === undefined || !sameBallot(parts.of.ballot, message.ballot)) return undefined;
    if (parts.of.from !== message.from || parts.of.to !== message.to) return undefined;
    if (message.at !== message.from + parts.entries.length) return undefined;
    // Not push(...): there may be more entries than a call takes arguments.
    for (const entry of message.entries) parts.entries.push(entry);
    if (message.from + parts.entries.length < message.to) {
      mark('accept-sync-in-parts');
      return undefined;
    }
    this.#parts = undefined;
    return parts.entries;
  }

  onAccept(from: NodeId, message: MessageOf<'accept'>): void {
    const state = this.#state;
    if (this.#recovering || !sameBallot(message.ballot, state.promisedBallot)) return;
    const { length } = state.log;
    // Not synchronized in this ballot, or a gap: something before was lost.
    if (!sameBallot(state.acceptedBallot, message.ballot) || message.from > length) {
      mark('accept-gap');
      return this.#askAgain(from);
    }
    state.append(message.entries.slice(length - message.from));
    state.decide(message.decidedIndex);
    this.#answerAccepted(from);
  }

  onDecide(message: MessageOf<'decide'>): void {
    this.#learnDecided(message);
  }

  onSnapshotOffer(from: NodeId, message: MessageOf<'snapshot-offer'>): void {
    const state = this.#state;
    if (!sameBallot(message.ballot, state.promisedBallot) || message.index <= state.decidedIndex) return;
    this.#outbox.emit({ type: 'snapshot-needed', from, atLeast: message.index });
  }

  onReadCheck(from: NodeId, message: MessageOf<'read-check'>): void {
    if (!sameBallot(message.ballot, this.#state.promisedBallot)) return;
    this.#outbox.send(from, { type: 'read-checked', ballot: message.ballot, round: message.round });
  }

  onSnapshotInstalled(): void {
    // The promise may be this replica's own, of a time when it led.
    const leader = this.#state.promisedBallot.node;
    if (this.#others.includes(leader)) this.#askAgain(leader);
    else this.#recovering = true;
  }

  /** Repeats what may have been lost, and notices from the leader's heartbeat that the end of a burst was. */
  onHeartbeatRound(replies: ReadonlyMap<NodeId, GroupHeartbeat>): void {
    const state = this.#state;
    if (this.#recovering) {
      mark('recovering');
      for (const member of this.#others) this.#ask(member);
      return;
    }
    const leader = replies.get(state.promisedBallot.node);
    if (leader === undefined) return;
    this.#learnDecided({ ballot: leader.ballot, decidedIndex: leader.leadingDecidedIndex });
    const behind = sameBallot(leader.ballot, state.promisedBallot) && leader.leadingDecidedIndex > state.decidedIndex;
    if (behind && this.#behindAt === state.log.length) {
      mark('left-behind-round');
      this.#askAgain(state.promisedBallot.node);
    }
    this.#behindAt = behind ? state.log.length : undefined;
  }

  /** Valid only for the leader's word in the ballot that this whole log was accepted in. */
  #learnDecided(word: Pick<MessageOf<'decide'>, 'ballot' | 'decidedIndex'>): void {
    const state = this.#state;
    if (this.#recovering || !sameBallot(word.ballot, state.promisedBallot)) return;
    if (!sameBallot(word.ballot, state.acceptedBallot)) return;
    state.decide(word.decidedIndex);
  }

  #answerAccepted(to: NodeId): void {
    const { promisedBallot: ballot, log } = this.#state;
    this.#outbox.sendAfterPersist(to, { type: 'accepted', ballot, acceptedIndex: log.length });
  }

  #askAgain(leader: NodeId): void {
    this.#recovering = true;
    this.#ask(leader);
  }

  #ask(member: NodeId): void {
    this.#outbox.send(member, { type: 'prepare-request' });
  }
}
