/**
 * Counters that clients only add 1 to and read: whatever was answered must fit one order of all operations, in which real time
 * is kept. Each addition gives the counter one more than before, so its value is its place in that order, and the check needs no
 * search: values are never given twice, nobody sees a later state before an earlier one, and values that nobody was told of are
 * explained by additions of unknown outcome, each by one that was there in time.
 *
 * That covers `add` as the linearizability search covers the other commands, which has no states for sums.
 */

export interface SumCall {
  readonly key: string;
  readonly kind: 'add' | 'read';
  /** What it returned: the counter after the addition, or as it was read. An addition that certainly did nothing is left out. */
  readonly value: number | 'unknown';
  /** Places in the order of all invocations and returns. A return that never came is Infinity. */
  readonly invoked: number;
  readonly returned: number;
}

interface Told extends SumCall {
  readonly value: number;
}

/** What contradicts one order of all operations on a key; `final` was read when none was under way. */
export function sumComplaints(key: string, calls: readonly SumCall[], final: number): string[] {
  const name = `sum ${JSON.stringify(key)}`;
  const last: SumCall = { key, kind: 'read', value: final, invoked: Infinity, returned: Infinity };
  const told = [...calls, last].filter((call): call is Told => call.value !== 'unknown');
  const bad = told.find(({ value, kind }) => !Number.isSafeInteger(value) || value < (kind === 'add' ? 1 : 0));
  if (bad !== undefined) return [`${name} was ${bad.value}, which is not a count of additions`];
  const unknown = calls.filter(({ kind, value }) => kind === 'add' && value === 'unknown');
  return [...twice(name, told), ...backwards(name, told), ...unexplained(name, told, unknown)];
}

function twice(name: string, told: readonly Told[]): string[] {
  const seen = new Set<number>();
  for (const { kind, value } of told) {
    if (kind === 'add' && seen.has(value)) return [`${name} became ${value} by two additions`];
    if (kind === 'add') seen.add(value);
  }
  return [];
}

/** A read of n stands behind the addition that made it n, and before the next one. */
function placeOf({ kind, value }: Told): number {
  return kind === 'add' ? value : value + 0.5;
}

/** Nobody is told of a place before somebody asked who is told of an earlier one. */
function backwards(name: string, told: readonly Told[]): string[] {
  const descending = [...told].sort((a, b) => placeOf(b) - placeOf(a));
  let earliest: Told | undefined;
  let pending: Told[] = [];
  for (const call of descending) {
    const [first] = pending;
    if (first !== undefined && placeOf(first) > placeOf(call)) {
      for (const each of pending) if (earliest === undefined || each.returned < earliest.returned) earliest = each;
      pending = [];
    }
    if (earliest !== undefined && earliest.returned < call.invoked) {
      return [`${name} was ${earliest.value} before the ${call.kind} was asked that gave ${call.value}`];
    }
    pending.push(call);
  }
  return [];
}

/** The k-th value that nobody was told of needs k additions of unknown outcome that were asked before it was passed. */
function unexplained(name: string, told: readonly Told[], unknown: readonly SumCall[]): string[] {
  const given = new Set(told.filter(({ kind }) => kind === 'add').map(({ value }) => value));
  const highest = Math.max(...told.map(({ value }) => value));
  const asked = unknown.map(({ invoked }) => invoked).sort((a, b) => a - b);
  // For each value, when somebody was first told of it or of a higher one.
  const passed = new Map<number, number>();
  for (const { value, returned } of told) passed.set(value, Math.min(passed.get(value) ?? Infinity, returned));
  const missing: { value: number; before: number }[] = [];
  let before = Infinity;
  for (let value = highest; value >= 1; value -= 1) {
    before = Math.min(before, passed.get(value) ?? Infinity);
    if (!given.has(value)) missing.unshift({ value, before });
  }
  for (const [place, { value, before: by }] of missing.entries()) {
    if ((asked[place] ?? Infinity) > by || place >= asked.length) {
      return [`${name} passed ${value}, which no addition gave: ${unknown.length} are of unknown outcome`];
    }
  }
  return [];
}
