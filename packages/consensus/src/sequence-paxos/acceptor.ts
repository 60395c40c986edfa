/**
 * The durable state of a replica and the effects of the step under way, shared by whichever role the replica has.
 *
 * Every change of the state goes through a method that also notes what must be persisted, so that a message queued with
 * `sendAfterPersist` cannot outrun what it depends on. Sequence Paxos: Haridi, Kroll and Carbone, "Lecture Notes on
 * Leader-based Sequence Paxos" (2020), section 4; the acceptor's variables n_prom, n_a, v_a, l_d.
 */
import type { NodeId } from '@kvorum/common';
import { mark } from '@kvorum/common';
import type { Ballot } from './ballot.ts';
import { compareBallots, formatBallot, sameBallot } from './ballot.ts';
import type { Entry } from '../entry.ts';
import { invariant } from '../invariant.ts';
import { Log } from './log.ts';
import type { Message } from './messages.ts';
import type {
  Effects,
  LogEvent,
  Outgoing,
  PersistReceipt,
  ProposalOutcome,
  ReadOutcome,
  Recovered,
} from '../replicated-log.ts';

export class Acceptor {
  readonly log: Log;
  /** Nothing below it is accepted any more. Only grows. */
  #promisedBallot: Ballot;
  /** The whole log was accepted in it; at most the promise. Only grows. */
  #acceptedBallot: Ballot;
  /** Entries below it are chosen; within the log. Only grows. */
  #decidedIndex: number;

  /** Entries below it are on disk. */
  #durableLength: number;

  #hardStateChanged = false;
  /** The lowest position whose entry changed in this step. */
  #changedFrom: number | undefined;
  readonly #send: Outgoing[] = [];
  readonly #sendAfterPersist: Outgoing[] = [];
  readonly #proposals: ProposalOutcome[] = [];
  readonly #reads: ReadOutcome[] = [];
  readonly #events: LogEvent[] = [];

  constructor(recovered: Recovered) {
    this.log = new Log(recovered.compactedIndex, recovered.entries);
    this.#promisedBallot = recovered.promisedBallot;
    this.#acceptedBallot = recovered.acceptedBallot;
    this.#decidedIndex = Math.max(recovered.decidedIndex, recovered.compactedIndex);
    this.#durableLength = this.log.length;
    this.#check();
  }

  get promisedBallot(): Ballot {
    return this.#promisedBallot;
  }

  get acceptedBallot(): Ballot {
    return this.#acceptedBallot;
  }

  get decidedIndex(): number {
    return this.#decidedIndex;
  }

  /** Decided, and on this replica's disk. */
  get applicableIndex(): number {
    return Math.min(this.#decidedIndex, this.#durableLength);
  }

  /** A persist is on disk. One of an earlier round says nothing about this round's log; a later one will. */
  onPersisted(receipt: PersistReceipt): void {
    if (!sameBallot(receipt.acceptedBallot, this.#acceptedBallot)) {
      mark('persist-of-earlier-round');
      return;
    }
    this.#durableLength = Math.max(this.#durableLength, receipt.logLength);
  }

  promise(ballot: Ballot): void {
    invariant(compareBallots(ballot, this.#promisedBallot) > 0, 'a promise only grows');
    this.#promisedBallot = ballot;
    this.#hardStateChanged = true;
  }

  /** Makes the log the round's: [0, from) as it is, then `entries`. */
  acceptRound(ballot: Ballot, from: number, entries: readonly Entry[]): void {
    invariant(from >= this.#decidedIndex, `the decided prefix is never cut: ${from} < ${this.#decidedIndex}`);
    invariant(from <= this.log.length, `no gap in the log: ${from} > ${this.log.length}`);
    invariant(compareBallots(ballot, this.#acceptedBallot) >= 0, 'the accepted ballot only grows');
    this.#acceptedBallot = ballot;
    this.#hardStateChanged = true;
    if (from < this.log.length) {
      mark('log-cut');
      this.log.truncate(from);
      this.#durableLength = Math.min(this.#durableLength, from);
      this.#noteChange(from);
    }
    this.append(entries);
  }

  /** Accepts more entries of the round. */
  append(entries: readonly Entry[]): void {
    if (entries.length === 0) return;
    this.#noteChange(this.log.length);
    this.log.append(entries);
  }

  /** Learns that entries below `index` are chosen, as far as they are in this log. */
  decide(index: number): void {
    this.#decidedIndex = Math.max(this.#decidedIndex, Math.min(index, this.log.length));
  }

  /** Forgets entries below `index` that are decided. */
  compact(index: number): void {
    // The stop-sign stays: without it the log would take entries again.
    const upTo = Math.min(index, this.#decidedIndex, this.log.stopped ? this.log.length - 1 : Infinity);
    if (upTo <= this.log.compactedIndex) return;
    this.log.compact(upTo);
    this.#hardStateChanged = true;
    if (this.#changedFrom !== undefined) this.#changedFrom = Math.max(this.#changedFrom, upTo);
  }

  /**
   * Takes `index` entries as decided and forgotten. An accepted suffix beyond stays: others may count on it. A shorter
   * log becomes the decided prefix, which every higher accepted log has too.
   */
  installSnapshot(index: number): void {
    this.log.compact(index);
    this.#decidedIndex = index;
    this.#hardStateChanged = true;
    this.#changedFrom = index;
  }

  send(to: NodeId, message: Message): void {
    this.#send.push({ to, message });
  }

  sendAfterPersist(to: NodeId, message: Message): void {
    this.#sendAfterPersist.push({ to, message });
  }

  emit(event: LogEvent): void {
    this.#events.push(event);
  }

  proposalOutcome(outcome: ProposalOutcome): void {
    this.#proposals.push(outcome);
  }

  readOutcome(outcome: ReadOutcome): void {
    this.#reads.push(outcome);
  }

  /** Ends the step. */
  takeEffects(): Effects {
    this.#check();
    return {
      persist: this.#takePersist(),
      send: takeAll(this.#send),
      sendAfterPersist: takeAll(this.#sendAfterPersist),
      proposals: takeAll(this.#proposals),
      reads: takeAll(this.#reads),
      events: takeAll(this.#events),
    };
  }

  #takePersist(): Effects['persist'] {
    const from = this.#changedFrom;
    if (from === undefined && !this.#hardStateChanged) return undefined;
    const receipt: PersistReceipt = { acceptedBallot: this.#acceptedBallot, logLength: this.log.length };
    const hardState = {
      promisedBallot: this.#promisedBallot,
      acceptedBallot: this.#acceptedBallot,
      decidedIndex: this.#decidedIndex,
      compactedIndex: this.log.compactedIndex,
    };
    const persist = {
      hardState: this.#hardStateChanged ? hardState : undefined,
      append: from === undefined ? undefined : { from, entries: this.log.slice(from, this.log.length) },
      receipt,
    };
    this.#hardStateChanged = false;
    this.#changedFrom = undefined;
    return persist;
  }

  #noteChange(from: number): void {
    this.#changedFrom = Math.min(from, this.#changedFrom ?? from);
  }

  #check(): void {
    const { compactedIndex, length } = this.log;
    const decided = this.#decidedIndex;
    invariant(
      compactedIndex <= decided && decided <= length,
      `compacted ${compactedIndex} <= decided ${decided} <= length ${length}`,
    );
    invariant(
      compareBallots(this.#acceptedBallot, this.#promisedBallot) <= 0,
      `accepted ${formatBallot(this.#acceptedBallot)} is above the promise ${formatBallot(this.#promisedBallot)}`,
    );
  }
}

const nothing: readonly never[] = Object.freeze([]);

/** Empties the list; most steps have nothing in most of them. */
function takeAll<T>(list: T[]): readonly T[] {
  return list.length === 0 ? nothing : list.splice(0);
}
