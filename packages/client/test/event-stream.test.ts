import { expect, test } from 'vitest';
import { EventStream } from '../src/api/event-stream.ts';

async function collect(events: AsyncIterable<number>): Promise<number[]> {
  const seen: number[] = [];
  for await (const event of events) seen.push(event);
  return seen;
}

test('a reader that does not keep up loses the oldest events', async () => {
  const stream = new EventStream<number>();
  const events = stream.subscribe([]);
  for (let i = 0; i < 1000; i += 1) stream.push(i);
  stream.close();
  const seen = await collect(events);
  expect(seen).toHaveLength(256);
  expect(seen.at(-1)).toBe(999);
});

test('readers do not take events from each other', async () => {
  const stream = new EventStream<number>();
  const readers = [stream.subscribe([0]), stream.subscribe([])].map(collect);
  stream.push(1);
  stream.close();
  expect(await Promise.all(readers)).toEqual([[0, 1], [1]]);
});

test('returning ends a reader that waits', async () => {
  const events = new EventStream<number>().subscribe([]);
  const waiting = events.next();
  await events.return?.();
  expect(await waiting).toEqual({ done: true, value: undefined });
});
