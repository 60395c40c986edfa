/** Shrinks the limits of the test file that imports this, so that parts and full windows happen with small logs. */
import { limits } from '@kvorum/common';

export function shrinkLimits(changes: Partial<Record<keyof typeof limits, number>>): void {
  Object.assign(limits, changes);
}
