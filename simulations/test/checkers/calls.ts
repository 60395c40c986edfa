/** Short notation for histories in tests: `put(1, [0, 5], 'a', 1)` is client 1 putting "a" at version 1 from 0 to 5. */

import type { Call } from '../../src/checkers/index.ts';

export type Interval = readonly [invokedAt: number, returnedAt: number];
/** A version, or how the call ended without one. */
export type Ending = number | 'failed' | 'unknown';

export const KEY = 'k';

function fields(client: number, [invokedAt, returnedAt]: Interval) {
  return { client, key: KEY, invokedAt, returnedAt };
}

export function get(client: number, at: Interval, value: string | undefined, version?: number): Call {
  return { ...fields(client, at), kind: 'get', result: { value, version } };
}

export function lostGet(client: number, invokedAt: number): Call {
  return { ...fields(client, [invokedAt, Infinity]), kind: 'get', result: 'unknown' };
}

export function put(client: number, at: Interval, value: string, ending: Ending): Call {
  const result = typeof ending === 'number' ? { version: ending } : ending;
  return { ...fields(client, at), kind: 'put', value, result };
}

export function cas(client: number, at: Interval, expected: string | undefined, next: string, ending: Ending): Call {
  const result = typeof ending === 'number' ? ({ applied: true, version: ending } as const) : ending;
  return { ...fields(client, at), kind: 'cas', expected, next, result };
}

export function casMismatch(
  client: number,
  at: Interval,
  expected: string | undefined,
  value: string | undefined,
  version?: number,
): Call {
  return { ...fields(client, at), kind: 'cas', expected, next: 'unused', result: { applied: false, value, version } };
}

export function casVersion(client: number, at: Interval, expected: number, next: string, ending: Ending): Call {
  const result = typeof ending === 'number' ? ({ applied: true, version: ending } as const) : ending;
  return { ...fields(client, at), kind: 'casVersion', expectedVersion: expected, next, result };
}

export function casVersionMismatch(
  client: number,
  at: Interval,
  expected: number,
  value: string | undefined,
  version?: number,
): Call {
  const result = { applied: false, value, version } as const;
  return { ...fields(client, at), kind: 'casVersion', expectedVersion: expected, next: 'unused', result };
}

export function remove(client: number, at: Interval, ending: Ending, existed = true): Call {
  const result = typeof ending === 'number' ? { existed, version: ending } : ending;
  return { ...fields(client, at), kind: 'delete', result };
}
