/**
 * Writes that take effect in order, when the test calls `finish`; or at once, when it sets `immediate`.
 */
export class Commits {
  readonly waiting: (() => void)[] = [];
  immediate = false;

  add(finish: () => void): void {
    if (this.immediate) finish();
    else this.waiting.push(finish);
  }

  /** The oldest one is done. */
  finish(): void {
    const next = this.waiting.shift();
    if (next === undefined) throw new Error('no commit is under way');
    next();
  }

  /** All are done, those that they lead to included. */
  finishAll(): void {
    for (let next = this.waiting.shift(); next !== undefined; next = this.waiting.shift()) next();
  }

  /** Power off: those under way are lost. */
  lose(): void {
    this.waiting.length = 0;
  }
}
