/**
 * The eventually perfect failure detector of a node: one heartbeat request and reply per peer and period, for all groups
 * together (Cachin, Guerraoui and Rodrigues, Introduction to Reliable and Secure Distributed Programming, 2nd edition,
 * section 2.6.4, "increasing timeout").
 *
 * Place in the data path: beside it; the node sends what `startRound` asks for and hands the replies of `endRound` to the
 * leader elections. Invariant: a peer is suspected exactly if it did not answer
 * within the last rounds, as many as are allowed, and not since.
 */
import type { NodeId } from '@kvorum/common';
import { mark } from './marks.ts';

export interface FailureDetectorOptions {
  /** The delay of a calm system. */
  readonly delayMs: number;
  /** Added when a peer was suspected too early. */
  readonly delayStepMs: number;
  readonly delayMsMax: number;
  /** Rounds without a false suspicion after which the delay shrinks by one step. */
  readonly calmRounds: number;
  /** A peer that has not answered for so many rounds is suspected. */
  readonly silentRoundsMax: number;
}

export interface RoundEnd {
  /** Peers that have answered within the last `silentRoundsMax` rounds. */
  readonly alive: ReadonlySet<NodeId>;
  /** Peers that had at the end of the round before, or were new, and have not now. */
  readonly suspected: readonly NodeId[];
}

export class FailureDetector {
  readonly #options: FailureDetectorOptions;
  #peers: readonly NodeId[];
  #round = 0;
  #delayMs: number;
  #calm = 0;
  /** Who answered the current round. */
  #alive = new Set<NodeId>();
  readonly #suspects = new Set<NodeId>();
  /** For how many rounds each peer has not answered. */
  readonly #silentRounds = new Map<NodeId, number>();

  constructor(peers: readonly NodeId[], options: FailureDetectorOptions) {
    this.#peers = peers;
    this.#options = options;
    this.#delayMs = options.delayMs;
  }

  /** Those to ask from the next round on. */
  setPeers(peers: readonly NodeId[]): void {
    this.#peers = peers;
    for (const suspect of this.#suspects) if (!peers.includes(suspect)) this.#suspects.delete(suspect);
    for (const peer of this.#silentRounds.keys()) if (!peers.includes(peer)) this.#silentRounds.delete(peer);
  }

  knows(peer: NodeId): boolean {
    return this.#peers.includes(peer);
  }

  /** How long the current round lasts. */
  get delayMs(): number {
    return this.#delayMs;
  }

  get suspects(): ReadonlySet<NodeId> {
    return this.#suspects;
  }

  /** Begins a round: ask every peer with the returned number. */
  startRound(): { readonly round: number; readonly ask: readonly NodeId[] } {
    this.#round += 1;
    this.#alive = new Set();
    return { round: this.#round, ask: this.#peers };
  }

  /**
   * A peer answered a request of `round`. Returns true when that ends a suspicion: then the delay was too short for it,
   * and grows.
   */
  onReply(from: NodeId, round: number): boolean {
    if (round === this.#round) this.#alive.add(from);
    if (!this.#suspects.delete(from)) return false;
    // The current round's answer may mean that it was away for real; a late one proves that the delay was too short.
    if (round !== this.#round) {
      mark('late-heartbeat');
      this.#delayMs = Math.min(this.#delayMs + this.#options.delayStepMs, this.#options.delayMsMax);
      this.#calm = 0;
    }
    return true;
  }

  endRound(): RoundEnd {
    const suspected: NodeId[] = [];
    const alive = new Set<NodeId>();
    for (const peer of this.#peers) {
      const silentRounds = this.#alive.has(peer) ? 0 : (this.#silentRounds.get(peer) ?? 0) + 1;
      this.#silentRounds.set(peer, silentRounds);
      if (silentRounds < this.#options.silentRoundsMax) alive.add(peer);
      else if (!this.#suspects.has(peer)) {
        this.#suspects.add(peer);
        suspected.push(peer);
      }
    }
    this.#calm += 1;
    if (this.#calm >= this.#options.calmRounds) {
      this.#calm = 0;
      this.#delayMs = Math.max(this.#delayMs - this.#options.delayStepMs, this.#options.delayMs);
    }
    return { alive, suspected };
  }
}
