/**
 * Linearizable reads without a log write: the leader notes what is decided, has a majority confirm that its ballot is
 * still the highest promised, and serves what was asked before (Ongaro, "Consensus: Bridging Theory and Practice", 2014,
 * section 6.4, carried over to ballots).
 *
 * Invariants: round numbers are unique within the ballot; a read that arrives during a round waits for the next one; no
 * round starts before every inherited entry is decided.
 */
import type { NodeId } from '@kvorum/common';

interface Round {
  readonly number: number;
  /** Decided when the round began. */
  readonly index: number;
  readonly tickets: readonly number[];
  readonly confirmed: Set<NodeId>;
}

export class ReadRounds {
  readonly #majority: number;
  #lastRound = 0;
  #current: Round | undefined;
  #waiting: number[] = [];

  constructor(majority: number) {
    this.#majority = majority;
  }

  /** The round that is to be confirmed, for a repetition. */
  get current(): { readonly number: number; readonly confirmed: ReadonlySet<NodeId> } | undefined {
    return this.#current;
  }

  /** Whether any read is not served yet. */
  get waiting(): boolean {
    return this.#waiting.length > 0 || this.#current !== undefined;
  }

  add(ticket: number): void {
    this.#waiting.push(ticket);
  }

  /** Starts a round if reads wait and none is under way; returns its number. */
  start(decidedIndex: number): number | undefined {
    if (this.#current !== undefined || this.#waiting.length === 0) return undefined;
    this.#lastRound += 1;
    this.#current = { number: this.#lastRound, index: decidedIndex, tickets: this.#waiting, confirmed: new Set() };
    this.#waiting = [];
    return this.#lastRound;
  }

  confirm(from: NodeId, round: number): void {
    if (this.#current?.number === round) this.#current.confirmed.add(from);
  }

  /** The reads of the round if a majority, the leader included, has confirmed it. */
  finish(): { readonly index: number; readonly tickets: readonly number[] } | undefined {
    const round = this.#current;
    if (round === undefined || round.confirmed.size + 1 < this.#majority) return undefined;
    this.#current = undefined;
    return round;
  }

  /** All reads that were not served. */
  drain(): number[] {
    const tickets = [...(this.#current?.tickets ?? []), ...this.#waiting];
    this.#current = undefined;
    this.#waiting = [];
    return tickets;
  }
}
