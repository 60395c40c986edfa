/**
 * The simulated world's time: one heap of events ordered by (time, tie, sequence); ties are shuffled by the seed. Times are
 * integer microseconds.
 */

/** Something that is to happen. */
export class ScheduledEvent {
  readonly at: number;
  readonly tie: number;
  readonly sequence: number;
  /** Undefined: cancelled. */
  run: (() => void) | undefined;

  constructor(at: number, tie: number, sequence: number, run: () => void) {
    this.at = at;
    this.tie = tie;
    this.sequence = sequence;
    this.run = run;
  }

  cancel(): void {
    this.run = undefined;
  }
}

export class Schedule {
  #seed: number;
  readonly #heap: ScheduledEvent[] = [];
  #now = 0;
  #sequence = 0;
  /** By time. */
  #firsts: { readonly atUs: number; readonly run: () => void }[] = [];

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** Microseconds since the world began. */
  get nowUs(): number {
    return this.#now;
  }

  after(delayUs: number, run: () => void): ScheduledEvent {
    this.#sequence += 1;
    const at = this.#now + Math.max(0, Math.round(delayUs));
    const event = new ScheduledEvent(at, mix(this.#seed ^ this.#sequence), this.#sequence, run);
    this.#push(event);
    return event;
  }

  /** Ties are shuffled as with that seed from now on. */
  reseed(seed: number): void {
    this.#seed = seed;
  }

  /** Runs it before any event of that time or later; it is no event itself, and moves none. */
  first(atUs: number, run: () => void): void {
    this.#firsts = [...this.#firsts, { atUs, run }].sort((a, b) => a.atUs - b.atUs);
  }

  /** Runs the next event; false when there is none. */
  step(): boolean {
    const event = this.#pop();
    if (event === undefined) return false;
    this.#runFirsts(event.at);
    this.#now = event.at;
    event.run?.();
    return true;
  }

  /** Runs everything up to this time, and goes on to it. */
  runTo(timeUs: number): void {
    for (let next = this.#heap[0]; next !== undefined && next.at <= timeUs; next = this.#heap[0]) this.step();
    this.#runFirsts(timeUs);
    this.#now = Math.max(this.#now, timeUs);
  }

  #runFirsts(timeUs: number): void {
    while (this.#firsts[0] !== undefined && this.#firsts[0].atUs <= timeUs) this.#firsts.shift()?.run();
  }

  #push(event: ScheduledEvent): void {
    const heap = this.#heap;
    let place = heap.length;
    heap.push(event);
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!isBefore(event, heap[parent] as ScheduledEvent)) break;
      heap[place] = heap[parent] as ScheduledEvent;
      place = parent;
    }
    heap[place] = event;
  }

  #pop(): ScheduledEvent | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as ScheduledEvent, heap[child] as ScheduledEvent)) {
        child += 1;
      }
      if (!isBefore(heap[child] as ScheduledEvent, last)) break;
      heap[place] = heap[child] as ScheduledEvent;
      place = child;
    }
    heap[place] = last;
    return first;
  }
}

function isBefore(a: ScheduledEvent, b: ScheduledEvent): boolean {
  return a.at - b.at < 0 || (a.at === b.at && (a.tie < b.tie || (a.tie === b.tie && a.sequence < b.sequence)));
}

/** A 32-bit finalizer (MurmurHash3's): neighbours come out far apart. */
function mix(value: number): number {
  let bits = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
