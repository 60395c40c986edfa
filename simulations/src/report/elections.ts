/**
 * Leader changes, found in the recorded messages: one for each ballot that somebody prepared.
 */
import type { Leadership, Recording, RecordedMessage } from './recording.ts';

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
  readonly synchronizedText: string | undefined;
  /** The new leader knows its first decision. */
  readonly decidedUs: number | undefined;
  readonly decidedIndex: number | undefined;
  /** The last decision that anybody learned before that. */
  readonly decidedBeforeUs: number | undefined;
}

interface Prepared {
  readonly group: number;
  readonly ballot: string;
  readonly process: number;
  readonly preparedUs: number;
  synchronizedUs?: number;
  synchronizedText?: string;
}

/** By the time of their first prepare. */
export function electionsOf(recording: Recording): Election[] {
  const led = recording.leaderships.filter(({ leading }) => leading);
  return preparedBallots(recording.messages).map((prepared) => {
    const { group, ballot, process, preparedUs } = prepared;
    const leadership = led.find((one) => one.group === group && one.ballot === ballot && one.process === process);
    return {
      group,
      ballot,
      process,
      isChange: led.some((one) => one.group === group && one.atUs < (leadership?.atUs ?? preparedUs)),
      preparedUs,
      ledUs: leadership?.atUs,
      synchronizedUs: prepared.synchronizedUs,
      synchronizedText: prepared.synchronizedText,
      ...decisionsAround(recording, leadership),
    };
  });
}

function preparedBallots(messages: readonly RecordedMessage[]): Prepared[] {
  const ballots = new Map<string, Prepared>();
  for (const { sentUs, from, parts } of messages) {
    for (const { kind, group, ballot, text } of parts) {
      if (ballot === undefined || (kind !== 'prepare' && kind !== 'accept-sync')) continue;
      const name = `${group} ${ballot} ${from}`;
      const known = ballots.get(name);
      if (known === undefined && kind === 'prepare') {
        ballots.set(name, { group, ballot, process: from, preparedUs: sentUs });
      } else if (known !== undefined && kind === 'accept-sync' && known.synchronizedUs === undefined) {
        known.synchronizedUs = sentUs;
        known.synchronizedText = text;
      }
    }
  }
  return [...ballots.values()];
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
