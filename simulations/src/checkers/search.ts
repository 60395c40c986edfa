/**
 * The search of Wing and Gong, with Lowe's cache, over the prepared history of one key.
 *
 * State: the pending calls, the used indeterminate writes, and one frame per configuration on the path from the start.
 * Each move linearizes one definite operation, together with the indeterminate writes it needs; a dead end takes
 * the last move back. Three things keep the tree narrow:
 *
 * - Eager reads. A candidate that is legal and leaves the state as it is (the very same object) is linearized without
 *   an alternative. Take any linearization that goes on from here, and move this operation to its front. It may stand
 *   there, because no pending operation returned before its invocation. The others do not notice, because it changes
 *   nothing. So if there is a linearization at all, there is one that begins with it. A read that is legal but settles
 *   an unknown version does change the state (another pending read may need another version): it is an ordinary move.
 * - Versions never fall. A candidate after which the key has a greater version than a pending operation reports cannot
 *   come before that one.
 * - Indeterminate writes only where needed; see optional-writes.ts.
 */

import { FailedConfigurations } from './failed-configurations.ts';
import type { KeyHistory } from './key-history.ts';
import { INITIAL, accept, versionAfter, type State } from './model.ts';
import { OptionalWrites } from './optional-writes.ts';
import { PendingCalls } from './pending-calls.ts';

export interface SearchResult {
  readonly verdict: 'linearizable' | 'violation' | 'unknown';
  readonly steps: number;
  /** The longest path found, as indices into the recorded history; all of it when linearizable. */
  readonly path: readonly number[];
  /** Where that path ends: the state, the operations that may come next, the indeterminate writes left. */
  readonly state: State;
  readonly pending: readonly number[];
  readonly unusedWrites: number;
}

interface Move {
  readonly operation: number;
  /** Indeterminate writes that take effect right before it. */
  readonly writes: readonly number[];
  readonly state: State;
}

interface Frame {
  readonly state: State;
  /** Indeterminate writes that were wanted but used up, here or further on. */
  readonly missed: Set<number>;
  /** Length of the trail in this configuration. */
  readonly mark: number;
  moves: readonly Move[];
  cursor: number;
  /** Moves with indeterminate writes are worked out only when those without have failed. */
  triedWrites: boolean;
}

export function search(history: KeyHistory, stepsMax: number): SearchResult {
  return new Search(history, stepsMax).run();
}

class Search {
  readonly #history: KeyHistory;
  readonly #stepsMax: number;
  readonly #pending: PendingCalls;
  readonly #optional: OptionalWrites;
  readonly #failed = new FailedConfigurations();
  readonly #frames: Frame[] = [];
  /** What is linearized, in order: an operation, or -1 - w for the indeterminate write w. */
  readonly #trail: number[] = [];
  #configurations = 0;
  #fewestPending = Infinity;
  #best: Pick<SearchResult, 'path' | 'state' | 'pending' | 'unusedWrites'> = {
    path: [],
    state: INITIAL,
    pending: [],
    unusedWrites: 0,
  };

  constructor(history: KeyHistory, stepsMax: number) {
    this.#history = history;
    this.#stepsMax = stepsMax;
    this.#pending = new PendingCalls(history);
    this.#optional = new OptionalWrites(history.optional);
  }

  run(): SearchResult {
    let state = INITIAL;
    for (;;) {
      this.#linearizeReads(state);
      if (this.#pending.size === 0) {
        this.#noteProgress(state);
        return this.#result('linearizable');
      }
      this.#openFrame(state);
      const move = this.#nextMove();
      if (move === undefined) return this.#result(this.#isExhausted() ? 'unknown' : 'violation');
      state = move.state;
    }
  }

  #linearizeReads(state: State): void {
    const pending = this.#pending;
    // Lifting a read may take the first return out of the list as well; the walk then goes on to the calls behind it.
    let kept = 0;
    for (;;) {
      const position = pending.after(kept);
      const operation = pending.callAt(position);
      if (operation < 0) return;
      if (accept(this.#history.steps[operation]!, state) === state) this.#linearize(operation);
      else kept = position;
    }
  }

  /** None for a configuration that has failed before: the frame below then goes on with its next move. */
  #openFrame(state: State): void {
    this.#configurations++;
    const known = this.#failed.find(this.#pending, this.#pending.barrier(), state, this.#optional);
    if (known !== undefined) {
      addAll(this.#frames.at(-1)?.missed, known);
      return;
    }
    this.#frames.push({
      state,
      missed: new Set(),
      mark: this.#trail.length,
      moves: this.#plainMoves(state),
      cursor: 0,
      triedWrites: this.#optional.isEmpty,
    });
  }

  /** Applies the next move, after taking back as many as have failed; undefined when none is left, or no steps are. */
  #nextMove(): Move | undefined {
    for (let frame = this.#frames.at(-1); frame !== undefined; frame = this.#frames.at(-1)) {
      this.#undo(frame.mark);
      if (this.#isExhausted()) {
        this.#noteProgress(frame.state);
        return undefined;
      }
      if (frame.cursor === frame.moves.length && !frame.triedWrites) {
        frame.triedWrites = true;
        frame.moves = this.#movesWithWrites(frame.state);
        addAll(frame.missed, this.#optional.takeMissed());
        frame.cursor = 0;
        continue;
      }
      const move = frame.moves[frame.cursor++];
      if (move !== undefined) {
        for (const write of move.writes) this.#useWrite(write);
        this.#linearize(move.operation);
        return move;
      }
      this.#noteProgress(frame.state);
      this.#frames.pop();
      this.#failed.add(this.#pending, this.#pending.barrier(), frame.state, this.#optional, [...frame.missed]);
      addAll(this.#frames.at(-1)?.missed, frame.missed);
    }
    return undefined;
  }

  #plainMoves(state: State): Move[] {
    const moves: Move[] = [];
    for (const operation of this.#movable(state)) {
      const after = accept(this.#history.steps[operation]!, state);
      if (after !== undefined) moves.push({ operation, writes: [], state: after });
    }
    return moves;
  }

  #movesWithWrites(state: State): Move[] {
    const moves: Move[] = [];
    const barrier = this.#pending.barrier();
    const attemptsMax = this.#stepsMax - this.#configurations;
    for (const operation of this.#movable(state)) {
      const step = this.#history.steps[operation]!;
      if (accept(step, state) !== undefined) continue;
      for (const chain of this.#optional.chains(step, state, barrier, attemptsMax)) {
        const after = accept(step, chain.state);
        if (after !== undefined) moves.push({ operation, writes: chain.writes, state: after });
      }
    }
    return moves;
  }

  /** The candidates that versions allow to come next. */
  #movable(state: State): number[] {
    const candidates = this.#pending.candidates();
    const versions = candidates.map((operation) => versionAfter(this.#history.steps[operation]!));
    const least = versions.reduce((least, version) => (version > 0 && version < least ? version : least), Infinity);
    if (least < state.version) return [];
    return candidates.filter((_, candidate) => versions[candidate]! <= least);
  }

  #linearize(operation: number): void {
    this.#pending.lift(operation);
    this.#trail.push(operation);
  }

  #useWrite(write: number): void {
    this.#optional.use(write);
    this.#trail.push(-1 - write);
  }

  #undo(mark: number): void {
    while (this.#trail.length > mark) {
      const last = this.#trail.pop()!;
      if (last >= 0) this.#pending.unlift(last);
      else this.#optional.release(-1 - last);
    }
  }

  #isExhausted(): boolean {
    return this.#configurations + this.#optional.attempts >= this.#stepsMax;
  }

  #noteProgress(state: State): void {
    if (this.#pending.size >= this.#fewestPending) return;
    this.#fewestPending = this.#pending.size;
    this.#best = {
      path: this.#path(),
      state,
      pending: this.#pending.candidates().map((operation) => this.#history.indices[operation]!),
      unusedWrites: this.#pending.size === 0 ? 0 : this.#optional.unusedBefore(this.#pending.barrier()),
    };
  }

  #path(): number[] {
    const used = new Map<number, number>();
    return this.#trail.map((entry) => {
      if (entry >= 0) return this.#history.indices[entry]!;
      const member = used.get(entry) ?? 0;
      used.set(entry, member + 1);
      return this.#history.optional[-1 - entry]!.indices[member]!;
    });
  }

  #result(verdict: SearchResult['verdict']): SearchResult {
    return { verdict, steps: this.#configurations + this.#optional.attempts, ...this.#best };
  }
}

function addAll(target: Set<number> | undefined, added: Iterable<number>): void {
  for (const write of added) target?.add(write);
}
