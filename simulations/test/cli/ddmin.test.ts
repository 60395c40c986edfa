/** Delta debugging on predicates that are known. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ddmin } from '../../src/cli/ddmin.ts';

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

it('finds two items that fail together among a hundred, in few tries', async () => {
  let tries = 0;
  const kept = await ddmin(upTo(100), (items) => {
    tries += 1;
    return Promise.resolve(items.includes(13) && items.includes(77));
  });
  expect(kept).toEqual([13, 77]);
  expect(tries).toBeLessThan(120);
});

it('leaves nothing when it fails anyway', async () => {
  expect(await ddmin(upTo(50), () => Promise.resolve(true))).toEqual([]);
});

it('leaves everything when all of it is needed', async () => {
  expect(await ddmin(upTo(9), (items) => Promise.resolve(items.length === 9))).toEqual(upTo(9));
});

it('leaves exactly what is needed, in its order, whatever that is', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 40 }), fc.uniqueArray(fc.nat(39)), async (count, numbers) => {
      const needed = numbers.filter((number) => number < count).sort((a, b) => a - b);
      const kept = await ddmin(upTo(count), (items) => Promise.resolve(needed.every((item) => items.includes(item))));
      expect(kept).toEqual(needed);
    }),
  );
});

it('leaves nothing that could be left out alone, when several sets fail', async () => {
  const fails = (items: readonly number[]): boolean =>
    (items.includes(1) && items.includes(30)) || items.filter((item) => item % 7 === 0).length >= 3;
  const kept = await ddmin(upTo(40), (items) => Promise.resolve(fails(items)));
  expect(fails(kept)).toBe(true);
  for (const item of kept) expect(fails(kept.filter((other) => other !== item))).toBe(false);
});
