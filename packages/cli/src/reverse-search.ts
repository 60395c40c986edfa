/**
 * Ctrl-R: searches the history backwards as one types, which node:readline cannot.
 *
 * State: what was typed, and the line it was found in. Enter runs that line, Ctrl-R goes to an older one, Ctrl-C and
 * Ctrl-G give up, and any other key takes the line over for editing.
 */

export type SearchOutcome =
  | { readonly type: 'more' }
  /** `rest`: what was typed after the search, for the line editor. */
  | { readonly type: 'run' | 'edit'; readonly line: string; readonly rest: Buffer }
  | { readonly type: 'cancelled'; readonly rest: Buffer };

export const CTRL_R = 0x12;
const CTRL_C = 0x03;
const CTRL_G = 0x07;
const BACKSPACE = 0x7f;
const CTRL_H = 0x08;
const ENTER = 0x0d;
const LINE_FEED = 0x0a;
const FIRST_PRINTABLE = 0x20;

export class ReverseSearch {
  readonly #history: readonly string[];
  #typed: Buffer = Buffer.alloc(0);
  /** Where it was found; the length of the history before anything was. */
  #at: number;
  #failing = false;

  /** `history`: oldest first. */
  constructor(history: readonly string[]) {
    this.#history = history;
    this.#at = history.length;
  }

  get found(): string {
    return this.#history[this.#at] ?? '';
  }

  /** How the line on the terminal looks. */
  get display(): string {
    return `(${this.#failing ? 'failed ' : ''}search) ${this.#typed.toString()}: ${this.found}`;
  }

  onData(chunk: Buffer): SearchOutcome {
    for (let i = 0; i < chunk.length; i += 1) {
      const byte = chunk[i] as number;
      const rest = chunk.subarray(i + 1);
      if (byte === CTRL_R) this.#findOlder();
      else if (byte === CTRL_C || byte === CTRL_G) return { type: 'cancelled', rest };
      else if (byte === ENTER || byte === LINE_FEED) return { type: 'run', line: this.found, rest };
      else if (byte === BACKSPACE || byte === CTRL_H) this.#shorten();
      else if (byte < FIRST_PRINTABLE) return { type: 'edit', line: this.found, rest: chunk.subarray(i) };
      else {
        this.#typed = Buffer.concat([this.#typed, Buffer.of(byte)]);
        // In the middle of a character there is nothing to look for yet.
        if (!this.#typed.toString().endsWith('\ufffd')) this.#find(Math.min(this.#at, this.#history.length - 1));
      }
    }
    return { type: 'more' };
  }

  /** The same line again would look as if nothing had happened. */
  #findOlder(): void {
    let from = this.#at - 1;
    while (from >= 0 && this.#history[from] === this.found) from -= 1;
    this.#find(from);
  }

  #find(from: number): void {
    const text = this.#typed.toString();
    for (let i = from; i >= 0; i -= 1) {
      if (!this.#history[i]?.includes(text)) continue;
      this.#at = i;
      this.#failing = false;
      return;
    }
    this.#failing = true;
  }

  #shorten(): void {
    this.#typed = Buffer.from([...this.#typed.toString()].slice(0, -1).join(''));
    this.#at = this.#history.length;
    this.#failing = false;
    if (this.#typed.length > 0) this.#find(this.#history.length - 1);
  }
}
