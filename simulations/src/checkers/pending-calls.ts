/**
 * The definite operations that are not linearized yet: a doubly linked list of their call and return entries in
 * real-time order, and the linearized set as bits.
 *
 * Invariants: the entries of an operation are both in the list or both lifted out; operations are put back in the
 * reverse order of their lifting. The first entry is the call of the earliest operation that is not linearized
 * (`first`): everything before it is. What is linearized beyond `first` was invoked before the first return still in
 * the list, so the set is told by the words of bits in that window alone.
 */

import type { KeyHistory } from './key-history.ts';

export class PendingCalls {
  readonly #history: KeyHistory;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  /** By position: the operation, and whether this is its return. */
  readonly #operation: Int32Array;
  readonly #isReturn: Uint8Array;
  readonly #linearized: Uint32Array;
  #count: number;
  #hash = 0;

  constructor(history: KeyHistory) {
    this.#history = history;
    this.#count = history.steps.length;
    this.#next = new Int32Array(history.eventCount + 1);
    this.#previous = new Int32Array(history.eventCount + 1);
    this.#operation = new Int32Array(history.eventCount + 1).fill(-1);
    this.#isReturn = new Uint8Array(history.eventCount + 1);
    this.#linearized = new Uint32Array((this.#count >>> 5) + 1);
    for (let operation = 0; operation < this.#count; operation++) {
      this.#operation[history.invokedAt[operation]!] = operation;
      this.#operation[history.returnedAt[operation]!] = operation;
      this.#isReturn[history.returnedAt[operation]!] = 1;
    }
    // Position 0 is the ring's head; positions of indeterminate calls have no operation and stay out.
    let last = 0;
    for (let position = 1; position <= history.eventCount; position++) {
      if (this.#operation[position]! < 0) continue;
      this.#next[last] = position;
      this.#previous[position] = last;
      last = position;
    }
    this.#next[last] = 0;
    this.#previous[0] = last;
  }

  get size(): number {
    return this.#count;
  }

  /** Of the linearized set; equal sets have equal hashes, whatever the order. */
  get hash(): number {
    return this.#hash;
  }

  /** The position of the first call; 0 when the list is empty. */
  get head(): number {
    return this.#next[0]!;
  }

  after(position: number): number {
    return this.#next[position]!;
  }

  /** The operation called at this position, or -1 for a return or the end: no operation behind it can come next. */
  callAt(position: number): number {
    return position === 0 || this.#isReturn[position]! === 1 ? -1 : this.#operation[position]!;
  }

  lift(operation: number): void {
    this.#unlink(this.#history.invokedAt[operation]!);
    this.#unlink(this.#history.returnedAt[operation]!);
    this.#flip(operation, -1);
  }

  unlift(operation: number): void {
    this.#relink(this.#history.returnedAt[operation]!);
    this.#relink(this.#history.invokedAt[operation]!);
    this.#flip(operation, 1);
  }

  /** The operations that may come next: called before the first return. */
  candidates(): number[] {
    const found: number[] = [];
    for (let position = this.head; this.callAt(position) >= 0; position = this.after(position)) {
      found.push(this.callAt(position));
    }
    return found;
  }

  /** The position of the first return in the list. */
  barrier(): number {
    let position = this.head;
    while (this.callAt(position) >= 0) position = this.after(position);
    return position;
  }

  get first(): number {
    return this.#operation[this.head]!;
  }

  /** The words of the linearized set from the one of `first` to the last that is not zero. */
  window(barrier: number): Uint32Array {
    const start = this.first >>> 5;
    let end = this.#lastInvokedBefore(barrier) >>> 5;
    while (end > start && this.#linearized[end] === 0) end--;
    return this.#linearized.subarray(start, end + 1);
  }

  /** Binary search: the last operation invoked before the position. */
  #lastInvokedBefore(position: number): number {
    let low = 0;
    let high = this.#history.steps.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.#history.invokedAt[middle]! < position) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #unlink(position: number): void {
    const next = this.#next[position]!;
    const previous = this.#previous[position]!;
    this.#next[previous] = next;
    this.#previous[next] = previous;
  }

  #relink(position: number): void {
    this.#next[this.#previous[position]!] = position;
    this.#previous[this.#next[position]!] = position;
  }

  #flip(operation: number, change: number): void {
    this.#linearized[operation >>> 5]! ^= 1 << (operation & 31);
    this.#hash ^= mix(operation);
    this.#count += change;
  }
}

function mix(operation: number): number {
  let bits = Math.imul(operation + 1, 0x9e3779b1);
  bits = Math.imul(bits ^ (bits >>> 15), 0x85ebca6b);
  return bits ^ (bits >>> 13);
}
