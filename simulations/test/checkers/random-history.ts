/**
 * Small random histories of one key for the differential test: clients run against a correct key, one event at a time,
 * with timeouts whose call takes effect later or never; then some results and times may be falsified.
 */

import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { Call } from '../../src/checkers/index.ts';
import { KEY } from './calls.ts';

export type Draw = (maxInclusive: number) => number;

export function drawFrom(seed: number): Draw {
  const generator = xoroshiro128plus(seed);
  return (maxInclusive) => uniformInt(generator, 0, maxInclusive);
}

export interface HistoryShape {
  readonly operations: number;
  readonly clients: number;
  /** Of calls, in percent. */
  readonly unknownPercent: number;
  readonly failedPercent: number;
  /** How many different values are written; 0: each write has its own. */
  readonly values: number;
  readonly order: boolean;
}

type Request =
  | { kind: 'get' | 'delete' }
  | { kind: 'put'; value: string }
  | { kind: 'cas'; expected: string | undefined; next: string }
  | { kind: 'casVersion'; expectedVersion: number; next: string };

interface InFlight {
  readonly client: number;
  readonly request: Request;
  readonly invokedAt: number;
  readonly invokedOrder: number;
  result: object | undefined;
}

/** A correct key, and the recording of what its clients see. */
export function randomHistory(draw: Draw, shape: HistoryShape): Call[] {
  const calls: Call[] = [];
  const flying = new Map<number, InFlight>();
  const ghosts: InFlight[] = [];
  const key = { value: undefined as string | undefined, version: 0, latest: 0 };
  let clients = Array.from({ length: shape.clients }, (_, client) => client);
  let nextClient = shape.clients;
  let started = 0;
  let written = 0;
  let now = 0;
  let sequence = 0;

  const newValue = () => (shape.values === 0 ? `v${written++}` : `v${draw(shape.values - 1)}`);
  const knownValue = () => (draw(2) > 0 ? key.value : draw(3) === 0 ? undefined : `v${draw(Math.max(written, 2))}`);
  const newRequest = (): Request => {
    const kind = draw(9);
    if (kind < 4) return { kind: 'get' };
    if (kind < 6) return { kind: 'put', value: newValue() };
    if (kind < 8) return { kind: 'cas', expected: knownValue(), next: newValue() };
    if (kind < 9) {
      const expectedVersion = draw(2) > 0 && key.value !== undefined ? key.version : draw(key.latest + 2);
      return { kind: 'casVersion', expectedVersion, next: newValue() };
    }
    return { kind: 'delete' };
  };
  const record = (call: InFlight, returnedAt: number, result: object | 'failed' | 'unknown') => {
    const order = shape.order ? { order: [call.invokedOrder, sequence] as const } : {};
    const { client, invokedAt, request } = call;
    calls.push({ client, key: KEY, invokedAt, returnedAt, ...order, ...request, result } as Call);
  };
  const write = (value: string | undefined) => {
    key.value = value;
    key.latest += 1 + (draw(3) === 0 ? draw(2) : 0);
    key.version = key.latest;
    return { version: key.version };
  };
  const observed = () => ({ value: key.value, version: key.value === undefined ? undefined : key.version });
  const apply = (request: Request): object => {
    switch (request.kind) {
      case 'get':
        return observed();
      case 'put':
        return write(request.value);
      case 'cas':
        if (key.value !== request.expected) return { applied: false, ...observed() };
        return { applied: true, ...write(request.next) };
      case 'casVersion':
        if ((key.value === undefined ? 0 : key.version) !== request.expectedVersion) {
          return { applied: false, ...observed() };
        }
        return { applied: true, ...write(request.next) };
      case 'delete':
        if (key.value !== undefined) return { existed: true, ...write(undefined) };
        return { existed: false, version: key.latest > 0 && draw(1) === 0 ? key.latest : ++key.latest };
    }
  };

  while (started < shape.operations || flying.size > 0) {
    now += draw(1);
    sequence++;
    if (ghosts.length > 0 && draw(5) === 0) apply(ghosts.splice(draw(ghosts.length - 1), 1)[0]!.request);
    const client = clients[draw(clients.length - 1)]!;
    const call = flying.get(client);
    if (call === undefined) {
      if (started >= shape.operations) continue;
      started++;
      flying.set(client, { client, request: newRequest(), invokedAt: now, invokedOrder: sequence, result: undefined });
    } else if (draw(99) < shape.unknownPercent) {
      if (call.result === undefined) ghosts.push(call);
      record(call, Infinity, 'unknown');
      flying.delete(client);
      clients = clients.map((other) => (other === client ? nextClient : other));
      nextClient++;
    } else if (call.result !== undefined) {
      record(call, now, call.result);
      flying.delete(client);
    } else if (draw(99) < shape.failedPercent) {
      record(call, now, 'failed');
      flying.delete(client);
    } else {
      call.result = apply(call.request);
    }
  }
  return calls;
}

/**
 * No key behind it at all: a few indeterminate writes and a few arbitrary answers over few values, so that the answers
 * can often be explained only by chains of indeterminate writes, if at all.
 */
export function arbitraryHistory(draw: Draw): Call[] {
  const values = 1 + draw(2);
  const value = () => `v${draw(values)}`;
  const maybe = () => (draw(4) > 0 ? value() : undefined);
  const calls: object[] = [];
  for (let count = 1 + draw(3); count > 0; count--) {
    const fields = { invokedAt: draw(1) * draw(10), returnedAt: Infinity, result: 'unknown' };
    const kinds = [
      { kind: 'put', value: value() },
      { kind: 'cas', expected: maybe(), next: value() },
      { kind: 'casVersion', expectedVersion: draw(6), next: value() },
      { kind: 'delete' },
    ];
    calls.push({ ...fields, ...kinds[[0, 1, 1, 1, 2, 2, 2, 3][draw(7)]!] });
  }
  let invokedAt = 0;
  let version = 0;
  for (let count = 1 + draw(3); count > 0; count--) {
    invokedAt += draw(3);
    version = Math.max(1, version + draw(3) - (draw(5) === 0 ? 1 : 0));
    const observed = draw(4) > 0 ? { value: value(), version } : { value: undefined, version: undefined };
    const applied = { applied: true, version };
    const expectedVersion = draw(version - 1);
    const kinds = [
      { kind: 'put', value: value(), result: { version } },
      { kind: 'get', result: observed },
      { kind: 'cas', expected: maybe(), next: value(), result: applied },
      { kind: 'cas', expected: maybe(), next: value(), result: { applied: false, ...observed } },
      { kind: 'casVersion', expectedVersion, next: value(), result: applied },
      { kind: 'casVersion', expectedVersion, next: value(), result: { applied: false, ...observed } },
      { kind: 'delete', result: { existed: draw(3) > 0, version } },
    ];
    calls.push({ invokedAt, returnedAt: invokedAt + draw(4), ...kinds[[0, 1, 1, 1, 2, 2, 3, 4, 4, 5, 6][draw(10)]!] });
  }
  return calls.map((call, client) => ({ client, key: KEY, ...call }) as Call);
}

/** What can be falsified, and how often each was. */
export type Falsification = 'version' | 'versions swapped' | 'value read' | 'answer' | 'time' | 'failed' | 'unknown';

/** A copy of the history with something in it changed, which may or may not make it wrong. */
export function falsified(
  draw: Draw,
  calls: readonly Call[],
  count: (change: Falsification) => void = () => undefined,
): readonly Call[] {
  for (let attempt = 0; attempt < 10; attempt++) {
    const at = draw(calls.length - 1);
    const from = draw(calls.length - 1);
    const change = FALSIFICATIONS[draw(FALSIFICATIONS.length - 1)]!;
    const changed = changeOf(draw, change, calls[at]!, calls[from]!);
    if (changed === undefined) continue;
    count(change);
    return calls.map((call, index) => (index === at ? changed[0] : index === from ? (changed[1] ?? call) : call));
  }
  return calls;
}

/** Weighted, because some rarely find a call that they can change. */
const WEIGHTS: Readonly<Record<Falsification, number>> = {
  version: 2,
  'versions swapped': 2,
  'value read': 3,
  answer: 3,
  time: 1,
  failed: 1,
  unknown: 1,
};
const FALSIFICATIONS = Object.entries(WEIGHTS).flatMap(([change, weight]) =>
  Array.from({ length: weight }, () => change as Falsification),
);

/** The changed call, and the other one when that changes too. */
function changeOf(draw: Draw, change: Falsification, call: Call, other: Call): readonly [Call, Call?] | undefined {
  const { result } = call;
  const as = (fields: object): Call => ({ ...call, ...fields });
  const withVersion = (changed: Call, version: number) =>
    ({ ...changed, result: { ...(changed.result as object), version } }) as Call;
  switch (change) {
    case 'version':
      if (typeof result === 'string' || result.version === undefined) return undefined;
      return [withVersion(call, Math.max(1, result.version + draw(4) - 2))];
    case 'versions swapped':
      if (typeof result === 'string' || typeof other.result === 'string') return undefined;
      if (result.version === undefined || other.result.version === undefined) return undefined;
      if (result.version === other.result.version) return undefined;
      return [withVersion(call, other.result.version), withVersion(other, result.version)];
    case 'value read':
      if (typeof result === 'string' || !('value' in result) || result.value === undefined) return undefined;
      return [as({ result: { ...result, value: `v${draw(3)}` } })];
    case 'answer': // What another operation of this kind was answered.
      if (other === call || other.kind !== call.kind || typeof result === 'string') return undefined;
      return typeof other.result === 'string' ? undefined : [as({ result: other.result })];
    case 'time': // It happened at another time.
      if (result === 'unknown') return [as({ invokedAt: other.invokedAt })];
      return [as({ invokedAt: call.invokedAt + 4, returnedAt: call.returnedAt + 4 })];
    case 'failed': // The client was told that it failed.
      return typeof result === 'string' ? undefined : [as({ result: 'failed' })];
    case 'unknown': // The client was not told how it ended, which never makes a history wrong.
      return result === 'failed' ? undefined : [as({ result: 'unknown', returnedAt: Infinity })];
  }
}
