/**
 * A client's connection events, for any number of readers. Each reader has a buffer of its own; one that does not keep up
 * loses the oldest events, so memory is bounded. Nobody listening is fine, and nothing here can throw at the client.
 */

const BUFFERED_EVENTS_MAX = 256;

interface Reader<Event> {
  readonly buffer: Event[];
  wake: (() => void) | undefined;
}

export class EventStream<Event> {
  readonly #readers = new Set<Reader<Event>>();
  #closed = false;

  push(event: Event): void {
    for (const reader of this.#readers) {
      reader.buffer.push(event);
      if (reader.buffer.length > BUFFERED_EVENTS_MAX) reader.buffer.shift();
      wake(reader);
    }
  }

  /** Ends every iteration, after what is buffered. */
  close(): void {
    this.#closed = true;
    for (const reader of this.#readers) wake(reader);
  }

  /** The events from now on, after `initial`. */
  subscribe(initial: readonly Event[]): AsyncIterableIterator<Event> {
    const reader: Reader<Event> = { buffer: [...initial], wake: undefined };
    this.#readers.add(reader);
    let returned = false;
    const next = async (): Promise<IteratorResult<Event>> => {
      for (;;) {
        const event = reader.buffer.shift();
        if (event !== undefined) return { done: false, value: event };
        if (this.#closed || returned) {
          this.#readers.delete(reader);
          return { done: true, value: undefined };
        }
        await new Promise<void>((resolve) => (reader.wake = resolve));
      }
    };
    const iterator: AsyncIterableIterator<Event> = {
      next,
      return: () => {
        returned = true;
        reader.buffer.length = 0;
        this.#readers.delete(reader);
        wake(reader);
        return Promise.resolve({ done: true, value: undefined });
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }
}

function wake(reader: Reader<unknown>): void {
  reader.wake?.();
  reader.wake = undefined;
}
