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

const NONE: readonly number[] = [];

interface Frame {
  readonly state: State;
  /** Indeterminate writes that were wanted but used up, here or further on; undefined for none, which is usual. */
  missed: Set<number> | undefined;
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
  readonly #trail: Int32Array;
  #trailLength = 0;
  #configurations = 0;
  /** The longest path found. Most dead ends are a little longer than the one before, so this only copies the trail. */
  readonly #best: {
    pending: number;
    readonly trail: Int32Array;
    length: number;
    state: State;
    barrier: number;
    candidates: readonly number[];
  };

  constructor(history: KeyHistory, stepsMax: number) {
    this.#history = history;
    this.#stepsMax = stepsMax;
    this.#pending = new PendingCalls(history);
    this.#optional = new OptionalWrites(history.optional);
    const writes = history.optional.reduce((sum, { indices }) => sum + indices.length, 0);
    this.#trail = new Int32Array(history.steps.length + writes);
    const trail = new Int32Array(this.#trail.length);
    this.#best = { pending: Infinity, trail, length: 0, state: INITIAL, barrier: 0, candidates: NONE };
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
      noteMissed(this.#frames.at(-1), known);
      return;
    }
    this.#frames.push({
      state,
      missed: undefined,
      mark: this.#trailLength,
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
        noteMissed(frame, this.#optional.takeMissed());
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
      const missed = frame.missed === undefined ? NONE : [...frame.missed];
      this.#failed.add(this.#pending, this.#pending.barrier(), frame.state, this.#optional, missed);
      noteMissed(this.#frames.at(-1), missed);
    }
    return undefined;
  }

  #plainMoves(state: State): Move[] {
    const moves: Move[] = [];
    for (const operation of this.#movable(state)) {
      const after = accept(this.#history.steps[operation]!, state);
      if (after !== undefined) moves.push({ operation, writes: NONE, state: after });
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
  #movable(state: State): readonly number[] {
    const steps = this.#history.steps;
    const candidates = this.#pending.candidates();
    let least = Infinity;
    for (const operation of candidates) {
      const version = versionAfter(steps[operation]!);
      if (version > 0 && version < least) least = version;
    }
    if (least < state.version) return NONE;
    return candidates.filter((operation) => versionAfter(steps[operation]!) <= least);
  }

  #linearize(operation: number): void {
    this.#pending.lift(operation);
    this.#trail[this.#trailLength++] = operation;
  }

  #useWrite(write: number): void {
    this.#optional.use(write);
    this.#trail[this.#trailLength++] = -1 - write;
  }

  #undo(mark: number): void {
    while (this.#trailLength > mark) {
      const last = this.#trail[--this.#trailLength]!;
      if (last >= 0) this.#pending.unlift(last);
      else this.#optional.release(-1 - last);
    }
  }

  #isExhausted(): boolean {
    return this.#configurations + this.#optional.attempts >= this.#stepsMax;
  }

  #noteProgress(state: State): void {
    const best = this.#best;
    if (this.#pending.size >= best.pending) return;
    best.pending = this.#pending.size;
    best.trail.set(this.#trail.subarray(0, this.#trailLength));
    best.length = this.#trailLength;
    best.state = state;
    best.barrier = this.#pending.barrier();
    best.candidates = this.#pending.candidates();
  }

  #result(verdict: SearchResult['verdict']): SearchResult {
    const { trail, length, state, barrier, candidates } = this.#best;
    const used = new Map<number, number>();
    const path: number[] = [];
    for (const entry of trail.subarray(0, length)) {
      if (entry >= 0) {
        path.push(this.#history.indices[entry]!);
        continue;
      }
      const member = used.get(entry) ?? 0;
      used.set(entry, member + 1);
      path.push(this.#history.optional[-1 - entry]!.indices[member]!);
    }
    const usable = verdict === 'linearizable' ? 0 : this.#optional.invokedBefore(barrier);
    return {
      verdict,
      steps: this.#configurations + this.#optional.attempts,
      path,
      state,
      pending: candidates.map((operation) => this.#history.indices[operation]!),
      unusedWrites: Math.max(0, usable - [...used.values()].reduce((sum, times) => sum + times, 0)),
    };
  }
}

function noteMissed(frame: Frame | undefined, missed: Iterable<number>): void {
  if (frame === undefined) return;
  for (const write of missed) (frame.missed ??= new Set()).add(write);
}
