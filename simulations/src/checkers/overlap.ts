/** How concurrent the history of a key was: one without overlap proves nothing about linearizability. */

import type { KeyHistory } from './key-history.ts';

export interface Overlap {
  /** Definite operations that ran at the same time as another one. */
  readonly overlapping: number;
  /** Most definite operations at a time. */
  readonly concurrencyMax: number;
}

export function overlapOf({ steps, invokedAt, returnedAt }: KeyHistory): Overlap {
  const returns = returnedAt.slice(0, steps.length).sort();
  /** Whether the one operation that runs alone has met another one. */
  let met = false;
  let overlapping = 0;
  let concurrencyMax = 0;
  let ended = 0;
  for (let operation = 0; operation < steps.length; operation++) {
    while (ended < operation && returns[ended]! < invokedAt[operation]!) ended++;
    const running = operation - ended + 1;
    if (running > 1) overlapping += running === 2 && !met ? 2 : 1;
    met = running > 1;
    concurrencyMax = Math.max(concurrencyMax, running);
  }
  return { overlapping, concurrencyMax };
}
