/**
 * The durable state of a replica, shared by whichever role the replica has.
 *
 * Every change of the state goes through a method that also notes what must be persisted, so that a message queued with
 * `sendAfterPersist` in the same step cannot outrun what it depends on. Sequence Paxos: Haridi, Kroll and Carbone, "Lecture Notes on
 * Leader-based Sequence Paxos" (2020), section 4; the acceptor's variables n_prom, n_a, v_a, l_d.
 */
import { mark } from '../marks.ts';
import type { Entry } from '../entry.ts';
import { invariant } from '../invariant.ts';
import type { Persist } from '../replicated-log.ts';
import { formatTerm } from '../replicated-log.ts';
import type { Ballot } from './ballot.ts';
import { compareBallots, sameBallot } from './ballot.ts';
import { Log } from './log.ts';
import type { HardState, PersistReceipt, Recovered, SequencePaxosTypes } from './types.ts';

export class ReplicaState {
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
  /** The log begins later since this step. */
  #compacted = false;
  /** The lowest position whose entry changed in this step. */
  #changedFrom: number | undefined;

  constructor(recovered: Recovered) {
    const { hardState, compactedIndex, appliedIndex = 0 } = recovered;
    this.log = new Log(compactedIndex, recovered.entries);
    this.#promisedBallot = hardState.promisedBallot;
    this.#acceptedBallot = hardState.acceptedBallot;
    // What was applied from this log was decided, even where the disk does not say so.
    this.#decidedIndex = Math.max(hardState.decidedIndex, compactedIndex, appliedIndex);
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
    this.#compacted = true;
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
    this.#compacted = true;
    this.#changedFrom = index;
  }

  /** Ends the step: what is to be written of it; undefined for nothing. */
  takePersist(): Persist<SequencePaxosTypes> | undefined {
    this.#check();
    const from = this.#changedFrom;
    if (from === undefined && !this.#hardStateChanged) return undefined;
    const receipt: PersistReceipt = { acceptedBallot: this.#acceptedBallot, logLength: this.log.length };
    const hardState: HardState = {
      promisedBallot: this.#promisedBallot,
      acceptedBallot: this.#acceptedBallot,
      decidedIndex: this.#decidedIndex,
    };
    const persist = {
      hardState: this.#hardStateChanged ? hardState : undefined,
      compactedIndex: this.#compacted ? this.log.compactedIndex : undefined,
      append: from === undefined ? undefined : { from, entries: this.log.slice(from, this.log.length) },
      receipt,
    };
    this.#hardStateChanged = false;
    this.#compacted = false;
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
      `accepted ${formatTerm(this.#acceptedBallot)} is above the promise ${formatTerm(this.#promisedBallot)}`,
    );
  }
}
