/**
 * The configurations from which the search found no way on: (linearized set, state), and which indeterminate writes
 * had to be used up for that. What is left to do depends on nothing else, so one met again need not be searched again.
 *
 * About the used writes more is known than that they were the same. While a configuration is searched, each write that
 * is asked for but used up is noted as missed. Another visit with at least as many of the missed writes used up finds
 * no more than the first did, whatever else is used: what the first found available, it tried. Most dead ends miss
 * nothing, and then the failure holds for every usage; without this, each choice among indeterminate writes long
 * before a violation would have the whole history behind it searched anew.
 *
 * Invariant: membership is decided by comparing whole configurations; the hash only finds the place. Records lie one
 * after another in one growing array, because a long search keeps many of them.
 */

import type { State } from './model.ts';
import type { OptionalWrites } from './optional-writes.ts';
import type { PendingCalls } from './pending-calls.ts';

type LinearizedSet = Pick<PendingCalls, 'hash' | 'first' | 'window'>;
type Usage = Pick<OptionalWrites, 'usedOf'>;

/** The missed writes, and how many of each were used. */
interface Condition {
  readonly missed: readonly number[];
  readonly used: readonly number[];
}

/** Per configuration; what fails under yet another condition is not kept, and searched again. */
const CONDITIONS_MAX = 64;
const UNCONDITIONAL: Condition = { missed: [], used: [] };
const NO_CONDITIONS: readonly Condition[] = [];
/** Hash, first pending operation, window words, value, version (low; high and exact), condition; then the window. */
const HEADER_WORDS = 7;
const CONDITION = 6;

export class FailedConfigurations {
  #records = new Int32Array(1 << 12);
  /** Where the next record goes; `#stage` writes there, `add` keeps it. */
  #end = 1;
  /** Offsets of records, by hash with linear probing; 0 is free. */
  #table = new Int32Array(1 << 9);
  #size = 0;
  readonly #conditions: Condition[] = [UNCONDITIONAL];

  /** The writes a known failure missed, if there is one that holds here. */
  find(pending: LinearizedSet, barrier: number, state: State, optional: Usage): readonly number[] | undefined {
    const length = this.#stage(pending, barrier, state);
    for (const { missed, used } of this.#conditionsOf(length)) {
      if (missed.every((write, index) => optional.usedOf(write) >= used[index]!)) return missed;
    }
    return undefined;
  }

  add(pending: LinearizedSet, barrier: number, state: State, optional: Usage, missed: readonly number[]): void {
    const at = this.#end;
    const length = this.#stage(pending, barrier, state);
    if (missed.length > 0) {
      if (this.#conditionsOf(length).length >= CONDITIONS_MAX) return;
      this.#records[at + CONDITION] = this.#conditions.length;
      this.#conditions.push({ missed, used: missed.map((write) => optional.usedOf(write)) });
    }
    this.#end += length;
    this.#size++;
    if (this.#size * 2 > this.#table.length) this.#growTable();
    this.#insert(at);
  }

  /** Of the failures of the staged configuration. */
  #conditionsOf(length: number): readonly Condition[] {
    let found: Condition[] | undefined;
    const mask = this.#table.length - 1;
    for (let slot = this.#records[this.#end]! & mask; this.#table[slot] !== 0; slot = (slot + 1) & mask) {
      const other = this.#table[slot]!;
      if (!this.#isEqual(other, this.#end, length)) continue;
      (found ??= []).push(this.#conditions[this.#records[other + CONDITION]!]!);
    }
    return found ?? NO_CONDITIONS;
  }

  /** Writes the record behind the last one, and returns its length. */
  #stage(pending: LinearizedSet, barrier: number, state: State): number {
    const window = pending.window(barrier);
    const length = HEADER_WORDS + window.length;
    const at = this.#end;
    if (at + length > this.#records.length) {
      const larger = new Int32Array(Math.max(this.#records.length * 2, at + length));
      larger.set(this.#records);
      this.#records = larger;
    }
    const records = this.#records;
    records[at] = hashOf(pending.hash, state);
    records[at + 1] = pending.first;
    records[at + 2] = window.length;
    records[at + 3] = state.value;
    records[at + 4] = state.version | 0;
    records[at + 5] = Math.floor(state.version / 2 ** 32) * 2 + (state.exact ? 1 : 0);
    records[at + CONDITION] = 0;
    records.set(window, at + HEADER_WORDS);
    return length;
  }

  /** All but the condition; records of different lengths differ in the header. */
  #isEqual(one: number, other: number, length: number): boolean {
    for (let word = 0; word < length; word++) {
      if (word !== CONDITION && this.#records[one + word] !== this.#records[other + word]) return false;
    }
    return true;
  }

  #insert(at: number): void {
    const mask = this.#table.length - 1;
    let slot = this.#records[at]! & mask;
    while (this.#table[slot] !== 0) slot = (slot + 1) & mask;
    this.#table[slot] = at;
  }

  #growTable(): void {
    const old = this.#table;
    this.#table = new Int32Array(old.length * 2);
    for (const at of old) if (at !== 0) this.#insert(at);
  }
}

function hashOf(linearized: number, state: State): number {
  let hash = Math.imul(linearized ^ Math.imul(state.value + 1, 0x85ebca6b), 0xc2b2ae35);
  hash = Math.imul(hash ^ (hash >>> 15) ^ Math.imul(state.version * 2 + (state.exact ? 1 : 0), 0x27d4eb2f), 0x9e3779b1);
  return hash ^ (hash >>> 16);
}
