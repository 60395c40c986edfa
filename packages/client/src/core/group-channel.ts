/**
 * What the client knows about one group: who seems to lead it, and its session there.
 *
 * Invariants: a sequence is given to one command of the session and never again; the floor is the lowest sequence whose
 * command is not settled, so the group never forgets a reply that may still be asked for.
 */
import type { GroupId, NodeId } from '@kvorum/common';

export type SessionState =
  { readonly type: 'none' } | { readonly type: 'opening' } | { readonly type: 'open'; readonly id: number };

export class GroupChannel {
  readonly group: GroupId;
  /** Who led the group when it was last heard of; 0 for not known. */
  leader: NodeId = 0;
  session: SessionState = { type: 'none' };
  /** Calls back commands that wait for the session to open. */
  readonly waiting = new Set<() => void>();
  /** Turns among the members while the leader is not known. */
  rotation = 0;
  #lastSequence = 0;
  /** In ascending order, because sequences are. */
  readonly #unsettled = new Set<number>();

  constructor(group: GroupId) {
    this.group = group;
  }

  get floor(): number {
    for (const sequence of this.#unsettled) return sequence;
    return this.#lastSequence + 1;
  }

  nextSequence(): number {
    this.#lastSequence += 1;
    this.#unsettled.add(this.#lastSequence);
    return this.#lastSequence;
  }

  /** The command was answered or given up: it will not be sent again. */
  settle(sequence: number): void {
    this.#unsettled.delete(sequence);
  }

  sessionOpened(id: number): void {
    this.session = { type: 'open', id };
    this.#wake();
  }

  /** No session: the next command opens one. */
  sessionLost(): void {
    this.session = { type: 'none' };
    this.#unsettled.clear();
    this.#wake();
  }

  #wake(): void {
    const waiting = [...this.waiting];
    this.waiting.clear();
    for (const callback of waiting) callback();
  }
}
