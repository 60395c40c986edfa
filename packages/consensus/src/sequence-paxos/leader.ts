/**
 * A replica that leads a ballot: collects promises, adopts the highest accepted log, then has its own log accepted.
 *
 * State: the phase with what belongs to it only; the acceptor's state is shared. Invariants: the promise is the ballot it
 * leads; in the accept phase the log was accepted in that ballot and only grows; what a member is known to have accepted
 * was reported by it in this ballot. Haridi, Kroll and Carbone (2020), section 4.
 */
import type { NodeId } from '@kvorum/common';
import { mark } from '../marks.ts';
import type { Ballot } from './ballot.ts';
import { compareBallots, sameBallot } from './ballot.ts';
import type { Entry } from '../entry.ts';
import { invariant } from '../invariant.ts';
import type { Message } from './messages.ts';
import { majorityOf } from '../quorum.ts';
import type { Refusal } from '../replicated-log.ts';
import type { Outbox } from './outbox.ts';
import { ReadRounds } from './read-rounds.ts';
import type { ReplicaState } from './replica-state.ts';
import type { LogLimits, RoleParts } from './role.ts';
import type { PersistReceipt } from './types.ts';

type MessageOf<T extends Message['type']> = Extract<Message, { type: T }>;

/** A member's promise, as far as its suffix has arrived. */
interface Promised {
  readonly acceptedBallot: Ballot;
  readonly logLength: number;
  readonly decidedIndex: number;
  readonly suffixFrom: number;
  readonly suffix: readonly Entry[];
}

/** How far a member is in the accept phase. */
type Progress =
  /** To be synchronized: a prepare is on its way to it. */
  | { readonly stage: 'preparing' }
  | {
      readonly stage: 'accepting';
      /** It has everything below, on disk. */
      acceptedIndex: number;
      /** Entries below were sent. */
      sentIndex: number;
      /** The decided index it was last told. */
      decidedSent: number;
      /** Ends of the accepts that are not answered yet, oldest first. */
      inFlight: number[];
      /** acceptedIndex at the last round, and for how many rounds it has stood still with accepts unanswered. */
      acceptedAtRound: number;
      stalledRounds: number;
    };

type Phase =
  | { readonly type: 'preparing'; readonly promises: Map<NodeId, Promised> }
  | {
      readonly type: 'accepting';
      /** The ballot and length of the log that was adopted. */
      readonly adoptedBallot: Ballot;
      readonly adoptedLength: number;
      readonly progress: Map<NodeId, Progress>;
      /** Its own log is on disk up to here. */
      durableLength: number;
    };

export class Leader {
  readonly kind = 'leader';
  readonly ballot: Ballot;
  readonly #state: ReplicaState;
  readonly #outbox: Outbox;
  readonly #others: readonly NodeId[];
  readonly #limits: LogLimits;
  readonly #majority: number;
  readonly #reads: ReadRounds;
  #phase: Phase = { type: 'preparing', promises: new Map() };

  constructor({ state, outbox, others, limits }: RoleParts, ballot: Ballot) {
    this.#state = state;
    this.#outbox = outbox;
    this.#others = others;
    this.#limits = limits;
    this.ballot = ballot;
    this.#majority = majorityOf(others.length + 1);
    this.#reads = new ReadRounds(this.#majority);
  }

  get accepting(): boolean {
    return this.#phase.type === 'accepting';
  }

  /** Its own promise is persisted before the first prepare leaves, so it counts when the first answer arrives. */
  start(): void {
    this.#state.promise(this.ballot);
    for (const member of this.#others) this.#outbox.sendAfterPersist(member, this.#prepare());
    this.#adoptIfPromised();
  }

  #prepare(suffixFrom = this.#state.decidedIndex): Message {
    const { acceptedBallot, log } = this.#state;
    return { type: 'prepare', ballot: this.ballot, acceptedBallot, logLength: log.length, suffixFrom };
  }

  onPromise(from: NodeId, message: MessageOf<'promise'>): void {
    if (!sameBallot(message.ballot, this.ballot)) return;
    if (this.#phase.type === 'accepting') {
      mark('promise-after-majority');
      return this.#synchronize(from, message);
    }
    const promise = this.#collect(from, message, this.#phase.promises.get(from));
    if (promise === undefined) return;
    this.#phase.promises.set(from, promise);
    if (!isComplete(promise)) {
      mark('promise-in-parts');
      this.#outbox.send(from, this.#prepare(endOf(promise)));
    }
    this.#adoptIfPromised();
  }

  /** Joins the parts of a promise; undefined when this part is of no use. */
  #collect(from: NodeId, message: MessageOf<'promise'>, soFar: Promised | undefined): Promised | undefined {
    const known = soFar !== undefined && sameLog(soFar, message) ? soFar : undefined;
    const next = known === undefined ? this.#suffixStart(message) : endOf(known);
    if (message.suffixFrom > next) {
      // What lies between was compacted there, so it is decided and a snapshot of it exists; or this part came too early.
      if (message.suffixFrom <= message.decidedIndex) {
        mark('snapshot-needed-by-leader');
        this.#outbox.emit({ type: 'snapshot-needed', from, atLeast: message.suffixFrom });
      }
      return undefined;
    }
    if (message.suffixFrom < next) return undefined;
    return known === undefined ? message : { ...known, suffix: [...known.suffix, ...message.suffix] };
  }

  /** Where the suffix must start that this log lacks of the promised one. */
  #suffixStart(promised: { readonly acceptedBallot: Ballot; readonly logLength: number }): number {
    const { acceptedBallot, decidedIndex, log } = this.#state;
    const order = compareBallots(promised.acceptedBallot, acceptedBallot);
    if (order < 0) return promised.logLength;
    return Math.min(order > 0 ? decidedIndex : log.length, promised.logLength);
  }

  #adoptIfPromised(): void {
    if (this.#phase.type !== 'preparing') return;
    const complete = [...this.#phase.promises].filter(([, promise]) => isComplete(promise));
    if (complete.length + 1 < this.#majority) return;
    const adoptedBallot = this.#adopt(complete.map(([, promise]) => promise));
    this.#becomeAccepting(adoptedBallot, complete);
  }

  /** Makes the highest log among the promises its own, in its ballot. Returns the ballot that log was accepted in. */
  #adopt(promises: readonly Promised[]): Ballot {
    const state = this.#state;
    let highest: { acceptedBallot: Ballot; logLength: number; suffixFrom: number; suffix: readonly Entry[] } = {
      acceptedBallot: state.acceptedBallot,
      logLength: state.log.length,
      suffixFrom: state.log.length,
      suffix: [],
    };
    let decidedIndex = state.decidedIndex;
    for (const promise of promises) {
      const order = compareBallots(promise.acceptedBallot, highest.acceptedBallot);
      if (order > 0 || (order === 0 && promise.logLength > highest.logLength)) highest = promise;
      decidedIndex = Math.max(decidedIndex, promise.decidedIndex);
    }
    if (highest.suffix.length > 0) mark('adopted-other-log');
    // A snapshot may have brought this replica's decided prefix beyond the end of the highest log.
    const cut = Math.max(highest.suffixFrom, state.decidedIndex);
    state.acceptRound(this.ballot, cut, highest.suffix.slice(cut - highest.suffixFrom));
    invariant(state.log.length === Math.max(highest.logLength, cut), 'the adopted log is whole');
    invariant(decidedIndex <= state.log.length, 'the adopted log holds every decided entry');
    state.decide(decidedIndex);
    return highest.acceptedBallot;
  }

  #becomeAccepting(adoptedBallot: Ballot, promises: readonly (readonly [NodeId, Promised])[]): void {
    const progress = new Map<NodeId, Progress>(this.#others.map((member) => [member, { stage: 'preparing' }]));
    const adoptedLength = this.#state.log.length;
    this.#phase = { type: 'accepting', adoptedBallot, adoptedLength, progress, durableLength: 0 };
    for (const [member, promise] of promises) this.#synchronize(member, promise);
    this.#outbox.emit({ type: 'leading', term: this.ballot });
  }

  /** Brings a member that promised to the adopted log. */
  #synchronize(member: NodeId, promised: Omit<Promised, 'suffix' | 'suffixFrom'>): void {
    // A member that is being synchronized already answered an earlier copy of the prepare.
    if (this.#phase.type !== 'accepting' || this.#member(member)?.stage !== 'preparing') return;
    const { log, decidedIndex } = this.#state;
    const from = this.#syncFrom(promised, this.#phase.adoptedBallot, this.#phase.adoptedLength);
    // A member that has more decided than this leader ever had: the leader has been superseded and will hear of it.
    if (from > log.length) return;
    if (from < log.compactedIndex) {
      mark('snapshot-offered');
      this.#outbox.send(member, { type: 'snapshot-offer', ballot: this.ballot, index: log.compactedIndex });
      return;
    }
    const to = Math.max(from, this.#phase.adoptedLength);
    invariant(to <= log.length, 'the log only grows in the accept phase');
    let at = from;
    do {
      const entries = log.chunk(at, this.#limits.messageEntryBytesMax).slice(0, to - at);
      this.#outbox.send(member, { type: 'accept-sync', ballot: this.ballot, from, to, at, entries, decidedIndex });
      at += entries.length;
    } while (at < to);
    this.#phase.progress.set(member, {
      stage: 'accepting',
      acceptedIndex: 0,
      sentIndex: to,
      decidedSent: decidedIndex,
      inFlight: [to],
      acceptedAtRound: 0,
      stalledRounds: 0,
    });
  }

  /** Up to where the member's log is known to equal this one. */
  #syncFrom(promised: Omit<Promised, 'suffix' | 'suffixFrom'>, adoptedBallot: Ballot, adoptedLength: number): number {
    if (sameBallot(promised.acceptedBallot, this.ballot)) return promised.logLength;
    if (!sameBallot(promised.acceptedBallot, adoptedBallot)) return promised.decidedIndex;
    // Not the length of the log now: what was appended since the adoption is not what that member has there.
    return Math.max(promised.decidedIndex, Math.min(promised.logLength, adoptedLength));
  }

  /** Takes an entry into the log; returns its position. */
  append(entry: Entry): number {
    const index = this.#state.log.length;
    this.#state.append([entry]);
    return index;
  }

  read(ticket: number): void {
    this.#reads.add(ticket);
  }

  onAccepted(from: NodeId, message: MessageOf<'accepted'>): void {
    const member = this.#member(from);
    if (!sameBallot(message.ballot, this.ballot) || member?.stage !== 'accepting') return;
    member.acceptedIndex = Math.max(member.acceptedIndex, message.acceptedIndex);
    member.sentIndex = Math.max(member.sentIndex, member.acceptedIndex);
    while ((member.inFlight[0] ?? Infinity) <= member.acceptedIndex) member.inFlight.shift();
    this.#decideAccepted();
  }

  onPersisted(receipt: PersistReceipt): void {
    if (this.#phase.type !== 'accepting' || !sameBallot(receipt.acceptedBallot, this.ballot)) return;
    this.#phase.durableLength = Math.max(this.#phase.durableLength, receipt.logLength);
    this.#decideAccepted();
  }

  #decideAccepted(): void {
    if (this.#phase.type !== 'accepting') return;
    const accepted = [this.#phase.durableLength];
    for (const member of this.#phase.progress.values()) {
      accepted.push(member.stage === 'accepting' ? member.acceptedIndex : 0);
    }
    accepted.sort((a, b) => b - a);
    this.#state.decide(accepted[this.#majority - 1] as number);
  }

  onPrepareRequest(from: NodeId): void {
    if (this.#phase.type === 'accepting' && this.#phase.progress.has(from)) {
      this.#phase.progress.set(from, { stage: 'preparing' });
    }
    this.#outbox.sendAfterPersist(from, this.#prepare());
  }

  onReadChecked(from: NodeId, message: MessageOf<'read-checked'>): void {
    if (sameBallot(message.ballot, this.ballot)) this.#reads.confirm(from, message.round);
  }

  /** The logs that were promised may be of no use any more: collect them again. */
  onSnapshotInstalled(): void {
    if (this.#phase.type !== 'preparing') return;
    this.#phase.promises.clear();
    for (const member of this.#others) this.#outbox.sendAfterPersist(member, this.#prepare());
  }

  /** Repeats what may have been lost since the last heartbeat round. */
  onHeartbeatRound(): void {
    if (this.#phase.type === 'preparing') {
      for (const member of this.#others) {
        const promise = this.#phase.promises.get(member);
        if (promise !== undefined && isComplete(promise)) continue;
        this.#outbox.sendAfterPersist(member, this.#prepare(promise && endOf(promise)));
      }
      return;
    }
    for (const [member, progress] of this.#phase.progress) {
      if (progress.stage === 'accepting' && !isStalled(progress, this.#limits.stalledAcceptRoundsMax)) continue;
      if (progress.stage === 'accepting') mark('replicate-stalled');
      this.onPrepareRequest(member);
    }
    this.#repeatReadCheck();
  }

  /** Ends the step: sends each member what it lacks, and gets reads on their way. */
  flush(): void {
    if (this.#phase.type !== 'accepting') return;
    for (const [member, progress] of this.#phase.progress) {
      if (progress.stage === 'accepting') this.#replicate(member, progress);
    }
    this.#serveReads(this.#phase.adoptedLength);
  }

  #replicate(member: NodeId, progress: Extract<Progress, { stage: 'accepting' }>): void {
    const { log, decidedIndex } = this.#state;
    if (progress.sentIndex < log.compactedIndex) {
      mark('replicate-below-log');
      return this.onPrepareRequest(member);
    }
    while (progress.sentIndex < log.length && progress.inFlight.length < this.#limits.acceptsInFlightMax) {
      const from = progress.sentIndex;
      const entries = log.chunk(from, this.#limits.messageEntryBytesMax);
      this.#outbox.send(member, { type: 'accept', ballot: this.ballot, from, entries, decidedIndex });
      progress.sentIndex += entries.length;
      progress.inFlight.push(progress.sentIndex);
      progress.decidedSent = decidedIndex;
    }
    if (progress.decidedSent === decidedIndex) return;
    this.#outbox.send(member, { type: 'decide', ballot: this.ballot, decidedIndex });
    progress.decidedSent = decidedIndex;
  }

  #serveReads(adoptedLength: number): void {
    const state = this.#state;
    for (;;) {
      const served = this.#reads.finish();
      if (served === undefined) {
        // Before that, an entry that an earlier leader acknowledged may not be known here as decided.
        if (state.decidedIndex < adoptedLength) {
          if (this.#reads.waiting) mark('reads-wait-for-inherited');
          return;
        }
        const round = this.#reads.start(state.decidedIndex);
        if (round === undefined) return;
        for (const member of this.#others) {
          this.#outbox.send(member, { type: 'read-check', ballot: this.ballot, round });
        }
        if (this.#majority > 1) return;
        continue;
      }
      for (const ticket of served.tickets) this.#outbox.readOutcome({ ticket, index: served.index });
    }
  }

  #repeatReadCheck(): void {
    const round = this.#reads.current;
    if (round === undefined) return;
    mark('read-round-repeated');
    for (const member of this.#others) {
      if (round.confirmed.has(member)) continue;
      this.#outbox.send(member, { type: 'read-check', ballot: this.ballot, round: round.number });
    }
  }

  /** Still leads, but cannot confirm reads for now. */
  onQuorumLost(): void {
    this.#refuseReads('no-quorum');
    if (this.accepting) this.#outbox.emit({ type: 'quorum-lost', term: this.ballot });
  }

  #refuseReads(refusal: Refusal): void {
    if (refusal === 'no-quorum' && this.#reads.waiting) mark('reads-refused-without-quorum');
    for (const ticket of this.#reads.drain()) this.#outbox.readOutcome({ ticket, refusal });
  }

  /** Gives up: every read that was not served is refused. */
  stepDown(): void {
    this.#refuseReads('not-leader');
    if (this.accepting) this.#outbox.emit({ type: 'stepped-down', term: this.ballot });
  }

  #member(id: NodeId): Progress | undefined {
    return this.#phase.type === 'accepting' ? this.#phase.progress.get(id) : undefined;
  }
}

/** Up to where the promised log has arrived. */
function endOf(promise: Promised): number {
  return promise.suffixFrom + promise.suffix.length;
}

function isComplete(promise: Promised): boolean {
  return endOf(promise) === promise.logLength;
}

function sameLog(a: Promised, b: Promised): boolean {
  return sameBallot(a.acceptedBallot, b.acceptedBallot) && a.logLength === b.logLength;
}

/** Counts a round, and tells whether nothing was answered for so long that something must have been lost. */
function isStalled(progress: Extract<Progress, { stage: 'accepting' }>, roundsMax: number): boolean {
  const standstill = progress.inFlight.length > 0 && progress.acceptedAtRound === progress.acceptedIndex;
  progress.acceptedAtRound = progress.acceptedIndex;
  progress.stalledRounds = standstill ? progress.stalledRounds + 1 : 0;
  return progress.stalledRounds >= roundsMax;
}
