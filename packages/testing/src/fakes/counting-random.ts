/**
 * Numbers that look random and are the same on every run.
 */
import type { Random } from '@kvorum/common';

export function countingRandom(first = 1): Random {
  let last = first;
  return { nextUint32: () => Math.imul((last += 1), 0x9e3779b1) >>> 0 };
}
