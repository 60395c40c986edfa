/**
 * The run in sentences: faults, leader changes step by step, violations, notes; and where the page opens.
 */
import { processName } from '../world/process-name.ts';
import type { Election, Exchange } from './elections.ts';
import type { KeyTimeline } from './operations.ts';
import type { Opening, PageFault, PageKey, StoryItem, StoryKind } from './page/page-data.ts';
import type { Note, Recording } from './recording.ts';
import { NO_GROUP } from './recording.ts';

const OPENING_US_MAX = 2_000_000;
/** A fault within this time before an election counts as its cause. */
const CAUSE_US_MAX = 3_000_000;
const NOTE_LINES_MAX = 2;

export function storyOf(
  recording: Recording,
  faults: readonly PageFault[],
  elections: readonly Election[],
  keys: readonly PageKey[],
): StoryItem[] {
  const items: StoryItem[] = [];
  const tell = (atUs: number, kind: StoryKind, group: number, text: string): void =>
    void items.push({ atUs, kind, group, text });
  for (const fault of faults) {
    tell(fault.fromUs, 'fault', NO_GROUP, fault.text);
    if (fault.toUs < recording.simulatedUs && fault.toUs > fault.fromUs)
      tell(fault.toUs, 'healed', NO_GROUP, endText(fault));
  }
  const notes = recording.notes
    .map(({ atUs, line }) => ({ atUs, line: withNames(line, recording.nodeIds) }))
    .flatMap(perGroup);
  for (const election of elections) tellElection(election, reasonOf(election, notes), tell);
  for (const { atUs, line } of notes) {
    const [, who, what, group, but] =
      /^([\w-]+): (leads group (\d+) with ballot \S+), (but reaches no .*)$/.exec(line) ?? [];
    if (what !== undefined) tell(atUs, 'leader', Number(group), `${who} ${what}, ${but}`);
  }
  for (const { atUs, group, process, ballot, leading } of recording.leaderships) {
    if (!leading)
      tell(atUs, 'leader', group, `${processName(process)} no longer leads group ${group} (ballot ${ballot})`);
  }
  for (const { stuckUs, key, verdict } of keys) {
    if (verdict === 'violation') tell(stuckUs, 'violation', NO_GROUP, `key ${key}: no linearization goes on from here`);
  }
  for (const { atUs, line } of mergedNotes(notes)) tell(atUs, 'note', NO_GROUP, line);
  return items.sort((a, b) => a.atUs - b.atUs);
}

/** A line about several groups, as one line about each. */
function perGroup({ atUs, line }: Note): Note[] {
  const [, who, what, groups = '', ballots = '', rest] =
    /^([\w-]+: )(leads) groups ([\d, ]+) with ballots ([\d.n, ]+?)((?:: |, but ).*)$/.exec(line) ?? [];
  if (who === undefined) return [{ atUs, line }];
  const each = ballots.split(', ');
  return groups.split(', ').map((group, place) => ({
    atUs,
    line: `${who}${what} group ${group} with ballot ${each[place]}${rest}`,
  }));
}

function endText({ kind, processes, text }: PageFault): string {
  if (kind === 'crash') return `${processes.map(processName).join(', ')} is up again`;
  return kind === 'cut' ? text.replace(' cut: ', ' whole again: ') : `over: ${text}`;
}

/** What the new leader says of the former one, such as "n2, which led it before, does not answer"; or nothing. */
function reasonOf({ process, group, ballot, isChange }: Election, notes: readonly Note[]): string {
  const begin = `${processName(process)}: leads group ${group} with ballot ${ballot}: `;
  const note = isChange
    ? notes.find(({ line }) => line.startsWith(begin) && /^n\d/.test(line.slice(begin.length)))
    : undefined;
  return note === undefined ? '' : `, because ${note.line.slice(begin.length)}`;
}

function tellElection(
  election: Election,
  reason: string,
  tell: (atUs: number, kind: StoryKind, group: number, text: string) => void,
): void {
  const { group, ballot, preparedUs, ledUs, synchronizedUs, decidedUs } = election;
  const name = processName(election.process);
  tell(preparedUs, 'election', group, `${name} wants to lead group ${group}${reason}: prepare, ballot ${ballot}`);
  if (ledUs === undefined) return;
  const phase1 = `${milliseconds(ledUs - preparedUs)} after its prepare`;
  tell(ledUs, 'leader', group, `a majority has promised, ${phase1}: ${name} leads group ${group}, ballot ${ballot}`);
  const [newer] = election.promises.filter(({ entries }) => entries !== undefined);
  if (newer !== undefined) {
    const brings = `${processName(newer.member)} brings ${entriesText(newer)} with its promise`;
    tell(ledUs, 'leader', group, `the log of ${name} was older: ${brings}`);
  }
  if (synchronizedUs !== undefined) {
    const complete = election.accepts.filter(({ entries }) => entries === undefined);
    const gets = election.accepts
      .filter(({ entries }) => entries !== undefined)
      .map((one) => `the log of ${processName(one.member)} was older, it gets ${entriesText(one)}`);
    if (complete.length > 0)
      gets.push(`nothing is missing at ${complete.map(({ member }) => processName(member)).join(', ')}`);
    tell(synchronizedUs, 'leader', group, `${name} gives its log to those that promised: ${gets.join('; ')}`);
  }
  if (decidedUs === undefined) return;
  const { decidedBeforeUs } = election;
  const gap =
    decidedBeforeUs === undefined || !election.isChange
      ? ''
      : `, ${milliseconds(decidedUs - decidedBeforeUs)} after the last one before it`;
  const index = (election.decidedIndex ?? 1) - 1;
  tell(decidedUs, 'decision', group, `first decision of ${name} in group ${group}: up to log entry ${index}${gap}`);
}

function entriesText({ entries: [from, end] = [0, 0] }: Exchange): string {
  return end === from + 1 ? `entry ${from}` : `entries ${from}–${end - 1}`;
}

/** What a node logs at one moment is one item; beyond a few lines it is counted. */
function mergedNotes(notes: readonly Note[]): Note[] {
  const merged = new Map<string, { readonly atUs: number; readonly who: string; readonly lines: string[] }>();
  for (const { atUs, line } of notes) {
    const [who = ''] = /^[\w-]+: /.exec(line) ?? [];
    const name = `${atUs} ${who === '' ? line : who}`;
    const same = merged.get(name);
    if (same === undefined) merged.set(name, { atUs, who, lines: [line.slice(who.length)] });
    else same.lines.push(line.slice(who.length));
  }
  return [...merged.values()].map(({ atUs, who, lines }) => {
    const more = lines.length > NOTE_LINES_MAX ? `; and ${lines.length - NOTE_LINES_MAX} more` : '';
    return { atUs, line: `${who}${lines.slice(0, NOTE_LINES_MAX).join('; ')}${more}` };
  });
}

/** What a node writes of others, by the names that the page has for them; ballots such as "3.n2" stay what they are. */
function withNames(line: string, nodeIds: Recording['nodeIds']): string {
  const [who] = /^n\d+: /.exec(line) ?? [];
  if (who === undefined) return line;
  const processes = new Map([...nodeIds].map(([process, id]) => [id, process]));
  const words = line.slice(who.length).replaceAll(/(?<![.\w])(?:node )?n(\d+)\b/g, (text, id: string) => {
    const process = processes.get(Number(id));
    return process === undefined ? text : processName(process);
  });
  return `${who}${words}`;
}

function milliseconds(us: number): string {
  return us < 100_000 ? `${(us / 1000).toFixed(1)} ms` : `${Math.round(us / 1000)} ms`;
}

/** A violation first, then the first leader change under load, then the first fault, then the beginning of the load. */
export function openingOf(
  recording: Recording,
  faults: readonly PageFault[],
  elections: readonly Election[],
  keys: readonly PageKey[],
  timelines: readonly KeyTimeline[],
): Opening {
  const { simulatedUs, calls } = recording;
  const violated = keys.findIndex(({ verdict }) => verdict === 'violation');
  const busiest = timelines.reduce(
    (most, { calls }, i) => (calls.length > (timelines[most]?.calls.length ?? 0) ? i : most),
    0,
  );
  const key = violated >= 0 ? violated : busiest;
  const loadUs = calls.reduce((first, { invokedAt }) => Math.min(first, invokedAt), Infinity);
  const change = elections.find(
    (one) => one.isChange && one.group > 0 && one.ledUs !== undefined && one.preparedUs >= loadUs,
  );
  const fault = faults.find(({ fromUs }) => fromUs >= Math.min(loadUs, simulatedUs));
  const groups = [...new Set(recording.leaderships.map(({ group }) => group))].filter((group) => group > 0);
  const group = change?.group ?? Math.min(...groups, Infinity);
  const opening = (fromUs: number, toUs: number, why: string): Opening => {
    const margin = Math.max(2000, (toUs - fromUs) * 0.15);
    const from = Math.max(0, fromUs - margin);
    // More room after it: that is where one sees that things go on.
    const to = Math.min(simulatedUs, toUs + 3 * margin, from + OPENING_US_MAX);
    return { fromUs: from, toUs: Math.max(to, from + 1), group: Number.isFinite(group) ? group : -1, key, why };
  };
  const stuck = keys[violated];
  if (stuck !== undefined) {
    return opening(stuck.stuckUs - 100_000, stuck.stuckUs + 100_000, `where key ${stuck.key} has no linearization`);
  }
  if (change !== undefined) {
    const cause = faults.findLast(
      ({ fromUs }) => fromUs <= change.preparedUs && fromUs > change.preparedUs - CAUSE_US_MAX,
    );
    const beginUs = cause?.fromUs ?? change.preparedUs;
    const endUs = change.decidedUs ?? change.ledUs ?? change.preparedUs;
    // Up to the moment at which clients are served again, unless that squeezes the election too much.
    const servedUs = calls.reduce(
      (first, { returnedAt }) => (returnedAt > endUs && returnedAt < first ? returnedAt : first),
      Infinity,
    );
    const lastUs = servedUs - beginUs < 2.5 * (endUs - beginUs) ? servedUs : endUs;
    return opening(beginUs, lastUs, 'the first leader change under load');
  }
  if (fault !== undefined)
    return opening(fault.fromUs, Math.min(fault.toUs, fault.fromUs + 1_000_000), 'the first fault');
  const beginUs = Number.isFinite(loadUs) ? loadUs : 0;
  return opening(beginUs, Math.min(simulatedUs, beginUs + 500_000), 'the beginning of the load');
}
