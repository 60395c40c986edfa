/**
 * Coverage marks: counters on branches that are rare and matter, so that a simulation can tell that it really went there. A
 * mark that no seed reaches names a fault or a load that is missing. In production they cost an addition each.
 */
export const markNames = [
  // consensus
  'accept-gap',
  'accept-sync-in-parts',
  'accept-sync-repeated',
  'adopted-other-log',
  'log-cut',
  'persist-of-earlier-round',
  'prepare-repeated',
  'promise-after-majority',
  'promise-in-parts',
  'promised-by-snapshot',
  'recovering',
  'left-behind-round',
  'left-behind-member',
  'replicate-stalled',
  'replicate-below-log',
  'snapshot-offered',
  'snapshot-needed-by-leader',
  'read-round-repeated',
  'reads-refused-without-quorum',
  'reads-wait-for-inherited',
  'stalled-disk',
  // node
  'stood-still',
  'late-heartbeat',
  'pending-given-up',
  'busy',
  'forwarded-twice',
  'forwarded-to-earlier-start',
  'forward-given-up',
  'snapshot-cancelled',
  'snapshot-given-up',
  'snapshot-mark-at-start',
  'session-evicted',
  'session-expired',
  'session-reply-repeated',
  'session-stale',
  'session-window-full',
  'slow-reader-closed',
  'layout-moved',
  // client
  'silent-connection',
  'session-lost-with-unknown-outcome',
] as const;

export type Mark = (typeof markNames)[number];

const counts = new Map<Mark, number>();

export function mark(name: Mark): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

/** How often it was passed since `takeMarks`. */
export function marked(name: Mark): number {
  return counts.get(name) ?? 0;
}

/** How often each mark was passed since the last call. */
export function takeMarks(): Readonly<Record<Mark, number>> {
  const taken = Object.fromEntries(markNames.map((name) => [name, marked(name)])) as Record<Mark, number>;
  counts.clear();
  return taken;
}
