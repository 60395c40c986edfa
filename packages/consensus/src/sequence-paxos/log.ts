/**
 * The log in memory: every entry that is not compacted. The disk holds the same, as of the last persist.
 *
 * Positions are counted from 0 over the whole life of the group; `compactedIndex` entries were forgotten because the
 * applied state covers them, and `length` is the position the next entry gets.
 */
import type { Entry } from '../entry.ts';
import { entryBytes } from '../entry.ts';

export class Log {
  #compactedIndex: number;
  #entries: Entry[];
  #bytes = 0;

  constructor(compactedIndex: number, entries: readonly Entry[]) {
    this.#compactedIndex = compactedIndex;
    this.#entries = [...entries];
    for (const entry of entries) this.#bytes += entryBytes(entry);
  }

  get compactedIndex(): number {
    return this.#compactedIndex;
  }

  get length(): number {
    return this.#compactedIndex + this.#entries.length;
  }

  /** Of the entries in memory. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A stop-sign can only be the last entry. */
  get stopped(): boolean {
    return this.#entries.at(-1)?.kind === 'stop-sign';
  }

  at(index: number): Entry {
    const entry = this.#entries[index - this.#compactedIndex];
    if (entry === undefined) throw new RangeError(`no log entry ${index} in [${this.#compactedIndex}, ${this.length})`);
    return entry;
  }

  /** Entries of [from, to), which must be in memory. */
  slice(from: number, to: number): Entry[] {
    if (from < this.#compactedIndex || to > this.length) {
      throw new RangeError(`[${from}, ${to}) is not within [${this.#compactedIndex}, ${this.length})`);
    }
    return this.#entries.slice(from - this.#compactedIndex, to - this.#compactedIndex);
  }

  /** As many entries from `from` on as fit into `maxBytes`, one at least. */
  chunk(from: number, maxBytes: number): Entry[] {
    let to = from;
    let bytes = 0;
    while (to < this.length) {
      bytes += entryBytes(this.at(to));
      if (to > from && bytes > maxBytes) break;
      to += 1;
    }
    return this.slice(from, to);
  }

  append(entries: readonly Entry[]): void {
    for (const entry of entries) {
      this.#entries.push(entry);
      this.#bytes += entryBytes(entry);
    }
  }

  /** Forgets every entry at `length` and above. */
  truncate(length: number): void {
    this.#forget(this.#entries.splice(length - this.#compactedIndex));
  }

  /** Forgets every entry below `index`; beyond the end the whole log, which then starts at `index`. */
  compact(index: number): void {
    this.#forget(this.#entries.splice(0, index - this.#compactedIndex));
    this.#compactedIndex = index;
  }

  #forget(entries: readonly Entry[]): void {
    for (const entry of entries) this.#bytes -= entryBytes(entry);
  }
}
