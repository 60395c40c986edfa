/**
 * Indeterminate writes during the search: which are used up, and which chains of them make an operation legal.
 *
 * They are not candidates of their own, because a set of writes that may or may not have happened at each point would
 * double the search with every timeout. Instead they are linearized only right before a definite operation that is
 * illegal without them. That loses nothing. Take a linearization with as few indeterminate writes as possible, and
 * one of them, w, and what follows it directly, o. If o were legal in the state before w, then w could be left out:
 * o leads to a state that allows everything the other one does (the same value, and the same version or a set of
 * possible versions that contains it, because leaving a write out only lowers the least possible version). So o is
 * illegal without w: every such chain ends in a definite operation that needs it, and each link needs the one before.
 *
 * `chains` therefore works backwards from what the operation needs: writes that bring about its value, before them
 * what they need, and so on; and a link that would already satisfy something later in the chain is skipped.
 */

import type { OptionalWrite } from './key-history.ts';
import { ABSENT, PRESENT, accept, meetsValue, type State, type Step } from './model.ts';

export interface Chain {
  /** Indices into `writes`, in the order of taking effect. */
  readonly writes: readonly number[];
  readonly state: State;
}

export class OptionalWrites {
  readonly #writes: readonly OptionalWrite[];
  readonly #used: Int32Array;
  readonly #byValue = new Map<number, number[]>();
  #missed = new Set<number>();

  /** Attempts made so far; they count as steps of the search. */
  attempts = 0;

  constructor(writes: readonly OptionalWrite[]) {
    this.#writes = writes;
    this.#used = new Int32Array(writes.length);
    writes.forEach(({ step }, write) => {
      for (const need of step.nextValue === ABSENT ? [ABSENT] : [step.nextValue, PRESENT]) {
        this.#byValue.set(need, [...(this.#byValue.get(need) ?? []), write]);
      }
    });
  }

  get isEmpty(): boolean {
    return this.#writes.length === 0;
  }

  use(write: number): void {
    this.#used[write] = this.usedOf(write) + 1;
  }

  release(write: number): void {
    this.#used[write] = this.usedOf(write) - 1;
  }

  usedOf(write: number): number {
    return this.#used[write] ?? 0;
  }

  /** The writes that `chains` asked for and found used up, since the last call of this. */
  takeMissed(): Set<number> {
    const missed = this.#missed;
    this.#missed = new Set();
    return missed;
  }

  /** How many were invoked before the position, used or not. */
  invokedBefore(position: number): number {
    return this.#writes.reduce((sum, { invokedAt }) => sum + invokedAt.filter((at) => at < position).length, 0);
  }

  /** All chains worth trying after which the step is legal. Only for a step that is illegal in the state. */
  chains(step: Step, state: State, barrier: number, attemptsMax: number): Chain[] {
    return this.#reach(step, state, barrier, attemptsMax, []);
  }

  #reach(goal: Step, state: State, barrier: number, attemptsMax: number, later: readonly Step[]): Chain[] {
    const found: Chain[] = [];
    for (const write of this.#byValue.get(goal.needValue) ?? []) {
      const step = this.#writes[write]?.step;
      if (step === undefined || isOutdated(step, state) || (isRead(step) && goal.writes)) continue;
      if (!this.#isAvailable(write, barrier)) continue;
      if (later.some((other) => meetsValue(other, step.nextValue))) continue;
      if (++this.attempts >= attemptsMax) return found;
      const direct = accept(step, state);
      if (direct !== undefined) {
        if (accept(goal, direct) !== undefined) found.push({ writes: [write], state: direct });
        continue; // With the write legal at once, no chain before it is worth trying.
      }
      this.use(write);
      for (const before of this.#reach(step, state, barrier, attemptsMax, [...later, goal])) {
        const after = accept(step, before.state);
        if (after === undefined || accept(goal, after) === undefined) continue;
        found.push({ writes: [...before.writes, write], state: after });
      }
      this.release(write);
    }
    return found;
  }

  #isAvailable(write: number, barrier: number): boolean {
    const invokedAt = this.#writes[write]?.invokedAt ?? [];
    const isAvailable = (invokedAt[this.usedOf(write)] ?? Infinity) < barrier;
    if (!isAvailable && (invokedAt[0] ?? Infinity) < barrier) this.#missed.add(write);
    return isAvailable;
  }
}

/** Versions never fall, so what needs or gives an earlier one is out for good. */
function isOutdated(step: Step, state: State): boolean {
  const version = Math.max(step.needVersion + 1, step.nextVersion);
  return version > 1 && version <= state.version;
}

/** Somebody read this very write; the reads can stand only right behind it, so nothing that writes comes next. */
function isRead(write: Step): boolean {
  return write.nextVersion > 0;
}
