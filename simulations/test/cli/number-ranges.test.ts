import fc from 'fast-check';
import { expect, it } from 'vitest';
import { formatRanges, parseRanges } from '../../src/cli/number-ranges.ts';

it('reads numbers and ranges in any order', () => {
  expect(parseRanges('9-11, 6,0-2,1')).toEqual([0, 1, 2, 6, 9, 10, 11]);
});

it.each(['', 'a', '1-', '-1', '3-1', '1,,2', '1.5', '0-99999999999'])('refuses "%s"', (text) => {
  expect(parseRanges(text)).toBeUndefined();
});

it('writes them as short as can be', () => {
  expect(formatRanges([4, 3, 9, 0, 1, 2, 6, 7])).toBe('0-4,6-7,9');
  expect(formatRanges([])).toBe('');
});

it('reads what it wrote', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(200), { minLength: 1 }), (numbers) => {
      expect(parseRanges(formatRanges(numbers))).toEqual([...numbers].sort((a, b) => a - b));
    }),
  );
});
