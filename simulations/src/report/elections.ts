/**
 * Leader changes, found in the recorded messages: one for each ballot that somebody prepared.
 */
import type { Leadership, Part, Recording, RecordedMessage } from './recording.ts';

export interface Election {
  readonly group: number;
  readonly ballot: string;
  /** Who wants to lead. */
  readonly process: number;
  /** Whether the group had a leader before. */
  readonly isChange: boolean;
  /** The first prepare leaves. */
  readonly preparedUs: number;
  /** A majority has promised, and the leader has what they had accepted. Undefined: it never came to that. */
  readonly ledUs: number | undefined;
  /** The first accept-sync leaves. */
  readonly synchronizedUs: number | undefined;
  /** By member: the promises that arrived until it led, and the accept-syncs that left until its first decision. */
  readonly promises: readonly Exchange[];
  readonly accepts: readonly Exchange[];
  /** The new leader knows its first decision. */
  readonly decidedUs: number | undefined;
  readonly decidedIndex: number | undefined;
  /** The last decision that anybody learned before that. */
  readonly decidedBeforeUs: number | undefined;
}

/** What a member brings or gets. */
export interface Exchange {
  readonly atUs: number;
  readonly member: number;
  readonly entries: Part['entries'];
}

const NONE = [Infinity, -Infinity] as const;

interface Prepared {
  readonly group: number;
  readonly ballot: string;
  readonly process: number;
  readonly preparedUs: number;
  readonly promises: Exchange[];
  readonly accepts: Exchange[];
}

/** By the time of their first prepare. */
export function electionsOf(recording: Recording): Election[] {
  const led = recording.leaderships.filter(({ leading }) => leading);
  return preparedBallots(recording.messages).map((prepared) => {
    const { group, ballot, process, preparedUs } = prepared;
    const leadership = led.find((one) => one.group === group && one.ballot === ballot && one.process === process);
    const decisions = decisionsAround(recording, leadership);
    return {
      group,
      ballot,
      process,
      isChange: led.some((one) => one.group === group && one.atUs < (leadership?.atUs ?? preparedUs)),
      preparedUs,
      ledUs: leadership?.atUs,
      synchronizedUs: prepared.accepts[0]?.atUs,
      promises: byMember(prepared.promises, leadership?.atUs),
      accepts: byMember(prepared.accepts, decisions.decidedUs),
      ...decisions,
    };
  });
}

function preparedBallots(messages: readonly RecordedMessage[]): Prepared[] {
  const ballots = new Map<string, Prepared>();
  for (const { sentUs, arrivedUs, from, to, fate, parts } of messages) {
    for (const { kind, group, ballot, entries } of parts) {
      if (ballot === undefined) continue;
      if (kind === 'prepare') {
        const name = `${group} ${ballot} ${from}`;
        if (ballots.has(name)) continue;
        ballots.set(name, { group, ballot, process: from, preparedUs: sentUs, promises: [], accepts: [] });
      } else if (kind === 'promise' && fate === 'delivered') {
        ballots.get(`${group} ${ballot} ${to}`)?.promises.push({ atUs: arrivedUs, member: from, entries });
      } else if (kind === 'accept-sync') {
        ballots.get(`${group} ${ballot} ${from}`)?.accepts.push({ atUs: sentUs, member: to, entries });
      }
    }
  }
  return [...ballots.values()];
}

/** One for each member, with all it brings or gets up to the time: a long suffix comes in several messages. */
function byMember(exchanges: readonly Exchange[], untilUs = Infinity): Exchange[] {
  const members = new Map<number, Exchange>();
  for (const exchange of exchanges) {
    if (exchange.atUs > untilUs) continue;
    const known = members.get(exchange.member) ?? exchange;
    const [[from, end], [moreFrom, moreEnd]] = [known.entries ?? NONE, exchange.entries ?? NONE];
    const span = [Math.min(from, moreFrom), Math.max(end, moreEnd)] as const;
    members.set(exchange.member, { ...known, entries: span[0] < span[1] ? span : undefined });
  }
  return [...members.values()];
}

function decisionsAround(
  { decisions, leaderships }: Recording,
  leadership: Leadership | undefined,
): Pick<Election, 'decidedUs' | 'decidedIndex' | 'decidedBeforeUs'> {
  const nothing = { decidedUs: undefined, decidedIndex: undefined, decidedBeforeUs: undefined };
  if (leadership === undefined) return nothing;
  const { group, process, atUs } = leadership;
  const end = leaderships.find(
    (one) => !one.leading && one.group === group && one.process === process && one.atUs > atUs,
  );
  const untilUs = end?.atUs ?? Infinity;
  // A leader may learn old decisions from the promises; those are at most at what somebody knew before.
  const known = decisions.filter((one) => one.group === group && one.atUs < atUs);
  const highest = known.reduce((most, { index }) => Math.max(most, index), 0);
  const first = decisions.find(
    (one) =>
      one.group === group && one.process === process && one.index > highest && one.atUs >= atUs && one.atUs <= untilUs,
  );
  if (first === undefined) return nothing;
  return { decidedUs: first.atUs, decidedIndex: first.index, decidedBeforeUs: known.at(-1)?.atUs };
}
