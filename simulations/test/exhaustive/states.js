/**
 * The states that were reached, without those that can do no more than another one: of two that differ in nothing but the
 * messages in flight, the one with all messages of the other can do what the other can, because nothing has to be delivered.
 */

export class States {
  #width;
  /** By what is not a message: the sets of messages, none within another. */
  #sets = new Map();
  #size = 0;

  /** `width`: how many numbers of a state come before its messages. */
  constructor(width) {
    this.#width = width;
  }

  /** `states`: those that stay; `clusters`: how many of them differ in more than their messages. */
  get figures() {
    return { states: this.#size, clusters: this.#sets.size };
  }

  /**
   * Adds what was reached unless a state that is there can do as much. What can do less than it and was reached in as many
   * actions need not be gone on with: it is marked as `covered`.
   */
  add(reached) {
    const key = reached.state.slice(0, this.#width).join();
    const messages = bitsOf(reached.state.subarray(this.#width));
    const sets = this.#sets.get(key);
    if (sets === undefined) this.#sets.set(key, [{ reached, messages }]);
    else {
      if (sets.some((other) => isWithin(messages, other.messages))) return false;
      const rest = sets.filter((other) => !isWithin(other.messages, messages));
      for (const other of sets) {
        if (other.reached.depth === reached.depth && isWithin(other.messages, messages)) other.reached.covered = true;
      }
      this.#size -= sets.length - rest.length;
      rest.push({ reached, messages });
      this.#sets.set(key, rest);
    }
    this.#size += 1;
    return true;
  }
}

function bitsOf(numbers) {
  const bits = new Uint32Array(((numbers.at(-1) ?? 0) >>> 5) + 1);
  for (const number of numbers) bits[number >>> 5] |= 1 << (number & 31);
  return bits;
}

function isWithin(some, all) {
  if (some.length > all.length) return false;
  for (let at = 0; at < some.length; at += 1) if ((some[at] & ~all[at]) !== 0) return false;
  return true;
}
