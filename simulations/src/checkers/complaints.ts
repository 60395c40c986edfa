/** What a check found wrong, in words: the first ones in full, the rest counted, because one fault breaks everything. */

export const COMPLAINTS_MAX = 20;

export class Complaints {
  readonly #first: string[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** `text` is only worked out for those that are kept. */
  add(text: () => string): void {
    this.#count++;
    if (this.#first.length < COMPLAINTS_MAX) this.#first.push(text());
  }

  /** The first ones, and a line for the others. */
  list(): string[] {
    const others = this.#count - this.#first.length;
    return others === 0 ? [...this.#first] : [...this.#first, `and ${others} more like these`];
  }
}
