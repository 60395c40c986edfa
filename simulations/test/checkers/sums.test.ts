/** The check of sums: histories that fit one order, and each way in which one cannot. */
import { describe, expect, it } from 'vitest';
import type { SumCall } from '../../src/checkers/index.ts';
import { sumComplaints } from '../../src/checkers/index.ts';

/** "add 1 0-2": it gave 1, was asked at 0 and answered at 2; "add ? 3": its outcome is unknown. */
function history(...lines: string[]): SumCall[] {
  return lines.map((line) => {
    const [kind, value, times = ''] = line.split(' ');
    const [invoked = '0', returned = 'Infinity'] = times.split('-');
    return {
      key: 's',
      kind: kind as SumCall['kind'],
      value: value === '?' ? 'unknown' : Number(value),
      invoked: Number(invoked),
      returned: Number(returned),
    };
  });
}

const complaints = (final: number, ...lines: string[]): string[] => sumComplaints('s', history(...lines), final);

describe('a history of additions that fits', () => {
  it.each([
    ['nothing', 0, []],
    ['one after the other', 2, ['add 1 0-1', 'add 2 2-3', 'read 2 4-5']],
    ['two at a time, in either order', 2, ['add 2 0-3', 'add 1 1-4']],
    ['a read next to an addition sees it or not', 1, ['read 0 0-3', 'add 1 1-4', 'read 1 2-5']],
    ['one of unknown outcome that was applied', 2, ['add ? 0', 'add 2 1-2']],
    ['one of unknown outcome that was not', 1, ['add ? 0', 'add 1 1-2']],
    ['one of unknown outcome that was applied at the end', 2, ['add 1 1-2', 'add ? 3']],
  ])('%s', (_, final, lines) => {
    expect(complaints(final, ...lines)).toEqual([]);
  });
});

describe('a history of additions that does not', () => {
  it.each([
    ['a value given twice', 2, ['add 1 0-1', 'add 1 2-3'], /became 1 by two additions/],
    ['a value that goes back', 2, ['add 2 0-1', 'add 1 2-3'], /was 2 before the add was asked that gave 1/],
    ['a stale read', 1, ['add 1 0-1', 'read 0 2-3'], /was 1 before the read was asked that gave 0/],
    ['a read of the future', 1, ['read 1 0-1', 'add 1 2-3'], /was 1 before the add was asked that gave 1/],
    ['a lost addition', 0, ['add 1 0-1'], /before the read was asked that gave 0/],
    ['one that was applied twice', 2, ['add 1 0-1'], /passed 2, which no addition gave/],
    [
      'one of unknown outcome that came too late for it',
      2,
      ['add 2 0-1', 'add ? 2'],
      /passed 1, which no addition gave/,
    ],
    ['two for one of unknown outcome', 3, ['add ? 0', 'add 3 1-2'], /passed 2, which no addition gave: 1 are/],
    ['no number', Number.NaN, [], /which is not a count/],
  ])('%s', (_, final, lines, complaint) => {
    expect(complaints(final, ...lines).join()).toMatch(complaint);
  });

  it('agrees with trying all orders, on small histories', () => {
    let seed = 1;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return (seed >>> 8) % below;
    };
    let fitting = 0;
    for (let i = 0; i < 20_000; i += 1) {
      const calls: SumCall[] = Array.from({ length: 1 + random(4) }, () => {
        const invoked = random(10) * 2;
        const kind = random(3) === 0 ? 'read' : 'add';
        const unknown = kind === 'add' && random(4) === 0;
        const value = unknown ? 'unknown' : random(4);
        return { key: 's', kind, value, invoked, returned: unknown ? Infinity : invoked + 1 + random(6) * 2 };
      });
      const final = random(4);
      const fits = fitsSomeOrder(calls, final);
      expect(sumComplaints('s', calls, final).length === 0, JSON.stringify({ calls, final })).toBe(fits);
      if (fits) fitting += 1;
    }
    expect(fitting).toBeGreaterThan(200);
  });
});

/** By brute force: some order of the calls, in which those of unknown outcome may be left out, gives what was answered. */
function fitsSomeOrder(calls: readonly SumCall[], final: number, sum = 0): boolean {
  if (calls.every(({ value }) => value === 'unknown') && sum <= final) {
    const rest = calls.length;
    if (final - sum <= rest) return true;
  }
  return calls.some((call, place) => {
    // Whoever returned before this one was invoked comes first.
    if (calls.some((other) => other !== call && other.returned < call.invoked)) return false;
    const after = call.kind === 'add' ? sum + 1 : sum;
    if (call.value !== 'unknown' && call.value !== after) return false;
    return fitsSomeOrder(
      calls.filter((_, i) => i !== place),
      final,
      after,
    );
  });
}
