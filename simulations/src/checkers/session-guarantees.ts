/**
 * The four session guarantees of Terry et al. ("Session Guarantees for Weakly Consistent Replicated Data", 1994), for
 * each client and key, by the versions in the results. Versions number the writes of a key in the one order they take
 * effect in, so "sees the effect of" is a comparison:
 *
 * - read your writes: a read does not see an earlier version than the client has written;
 * - monotonic reads: nor an earlier one than the client has read;
 * - monotonic writes: a write gets a later version than every write of the client before it;
 * - writes follow reads: and a later one than whatever the client has read before it.
 *
 * A linearizable history has all four, and linearizability says more; but these take one pass, hold for consistency
 * levels that are weaker, and name the two operations that do not fit together.
 *
 * Nothing is guessed: calls that failed or whose outcome is unknown have no version and say nothing. A read of an absent
 * key has none either; it counts as the latest delete that may have come before it, which is the most it can have seen.
 * Invariant: a client's calls are recorded in the order it made them; a client that is found to overlap with itself is
 * complained about, because its session has no order.
 */

import { Complaints } from './complaints.ts';
import { describeCall } from './explain.ts';
import type { Call, DeleteCall } from './history.ts';

type Guarantee = 'read your writes' | 'monotonic reads' | 'monotonic writes' | 'writes follow reads';

/** The version an operation saw or gave, and the operation. */
interface Mark {
  readonly call: Call;
  readonly version: number;
}

/** One client on one key: the latest versions it has written and read. */
interface Session {
  written: Mark | undefined;
  read: Mark | undefined;
}

/** What a definite call tells; `read` comes before `written` where it has both. */
interface Effects {
  readonly read: number | undefined;
  readonly sawAbsent: boolean;
  readonly written: number | undefined;
}

export function sessionComplaints(calls: readonly Call[]): string[] {
  const complaints = new Complaints();
  const deletes = deletesOf(calls);
  const sessions = new Map<number, Map<string, Session>>();
  const latest = new Map<number, Call>();
  for (const call of calls) {
    if (typeof call.result !== 'object') continue;
    const previous = latest.get(call.client);
    if (previous !== undefined && isOutOfOrder(previous, call)) {
      complaints.add(
        () => `client ${call.client} ran two operations at a time: ${describeCall(previous)}, ${describeCall(call)}`,
      );
    }
    latest.set(call.client, call);
    checkCall(call, sessionOf(sessions, call), deletes.get(call.key), complaints);
  }
  return complaints.list();
}

function checkCall(call: Call, session: Session, deletes: Deletes | undefined, complaints: Complaints): void {
  const { read, sawAbsent, written } = effectsOf(call);
  const expect = (guarantee: Guarantee, version: number, earlier: Mark | undefined, isNew: boolean): void => {
    if (earlier === undefined || version > earlier.version || (version === earlier.version && !isNew)) return;
    complaints.add(
      () =>
        `${guarantee}: client ${call.client} on key ${JSON.stringify(call.key)} ` +
        `${versionText(version, call, isNew)} (${describeCall(call)}) ` +
        `after version ${earlier.version} (${describeCall(earlier.call)})`,
    );
  };
  const seen = sawAbsent ? (deletes?.latestBefore(call.returnedAt) ?? 0) : read;
  if (seen !== undefined) {
    expect('read your writes', seen, session.written, false);
    expect('monotonic reads', seen, session.read, false);
  }
  if (read !== undefined && read > (session.read?.version ?? 0)) session.read = { call, version: read };
  if (written === undefined) return;
  expect('monotonic writes', written, session.written, true);
  expect('writes follow reads', written, session.read, true);
  if (written > (session.written?.version ?? 0)) session.written = { call, version: written };
}

function versionText(version: number, call: Call, isNew: boolean): string {
  if (isNew) return `wrote version ${version}`;
  if (typeof call.result === 'object' && 'value' in call.result && call.result.value === undefined) {
    return version === 0 ? 'saw no value with no delete before it' : `saw no value, as of version ${version} at most`;
  }
  return `saw version ${version}`;
}

const NOTHING: Effects = { read: undefined, sawAbsent: false, written: undefined };

function effectsOf(call: Call): Effects {
  const { result } = call;
  if (typeof result === 'string') return NOTHING;
  if ('existed' in result) {
    // One that found nothing changed nothing: it saw the absent key at a version that it tells.
    return result.existed ? { ...NOTHING, written: result.version } : { ...NOTHING, read: result.version };
  }
  if ('value' in result) return { ...NOTHING, read: result.version, sawAbsent: result.value === undefined };
  if (call.kind === 'cas') return { ...NOTHING, sawAbsent: call.expected === undefined, written: result.version };
  if (call.kind !== 'casVersion') return { ...NOTHING, written: result.version };
  const sawAbsent = call.expectedVersion === 0;
  return { read: sawAbsent ? undefined : call.expectedVersion, sawAbsent, written: result.version };
}

function sessionOf(sessions: Map<number, Map<string, Session>>, { client, key }: Call): Session {
  let keys = sessions.get(client);
  if (keys === undefined) sessions.set(client, (keys = new Map<string, Session>()));
  let session = keys.get(key);
  if (session === undefined) keys.set(key, (session = { written: undefined, read: undefined }));
  return session;
}

function isOutOfOrder(previous: Call, call: Call): boolean {
  if (call.invokedAt !== previous.returnedAt || call.order === undefined || previous.order === undefined) {
    return call.invokedAt < previous.returnedAt;
  }
  return call.order[0] < previous.order[1];
}

/** The deletes of a key, by invocation. */
class Deletes {
  readonly #invokedAt: number[] = [];
  /** The latest version that the deletes up to this one gave; Infinity from an indeterminate one on. */
  readonly #latest: number[] = [];

  constructor(deletes: readonly DeleteCall[]) {
    let latest = 0;
    for (const { invokedAt, result } of [...deletes].sort((a, b) => a.invokedAt - b.invokedAt)) {
      latest = Math.max(latest, typeof result === 'object' ? result.version : Infinity);
      this.#invokedAt.push(invokedAt);
      this.#latest.push(latest);
    }
  }

  /** The latest version a delete can have given that took effect before this time; 0 when there was none. */
  latestBefore(time: number): number {
    let low = 0;
    let high = this.#invokedAt.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#invokedAt[middle]! <= time) low = middle + 1;
      else high = middle;
    }
    return this.#latest[low - 1] ?? 0;
  }
}

function deletesOf(calls: readonly Call[]): Map<string, Deletes> {
  const byKey = new Map<string, DeleteCall[]>();
  for (const call of calls) {
    if (call.kind !== 'delete' || call.result === 'failed') continue;
    const deletes = byKey.get(call.key);
    if (deletes === undefined) byKey.set(call.key, [call]);
    else deletes.push(call);
  }
  return new Map([...byKey].map(([key, deletes]) => [key, new Deletes(deletes)]));
}
