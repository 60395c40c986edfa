/**
 * The simulated world's time: one heap of events ordered by (time, tie, sequence); ties are shuffled by the seed. Times are
 * integer microseconds.
 */
import type { RandomStream } from './random-stream.ts';

interface Event {
  readonly at: number;
  readonly tie: number;
  readonly sequence: number;
  /** Undefined: cancelled. */
  run: (() => void) | undefined;
}

export class Schedule {
  readonly #random: RandomStream;
  readonly #heap: Event[] = [];
  #now = 0;
  #sequence = 0;

  constructor(random: RandomStream) {
    this.#random = random;
  }

  /** Microseconds since the world began. */
  get nowUs(): number {
    return this.#now;
  }

  /** Returns how to cancel it. */
  after(delayUs: number, run: () => void): () => void {
    this.#sequence += 1;
    const at = this.#now + Math.max(0, Math.round(delayUs));
    const event: Event = { at, tie: this.#random.nextUint32(), sequence: this.#sequence, run };
    this.#push(event);
    return () => {
      event.run = undefined;
    };
  }

  /** Runs the next event; false when there is none. */
  step(): boolean {
    const event = this.#pop();
    if (event === undefined) return false;
    this.#now = event.at;
    event.run?.();
    return true;
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let place = heap.length;
    heap.push(event);
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!isBefore(event, heap[parent] as Event)) break;
      heap[place] = heap[parent] as Event;
      place = parent;
    }
    heap[place] = event;
  }

  #pop(): Event | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Event, heap[child] as Event)) child += 1;
      if (!isBefore(heap[child] as Event, last)) break;
      heap[place] = heap[child] as Event;
      place = child;
    }
    heap[place] = last;
    return first;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at - b.at < 0 || (a.at === b.at && (a.tie < b.tie || (a.tie === b.tie && a.sequence < b.sequence)));
}
