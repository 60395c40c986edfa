/**
 * From a recording to what the page is given.
 */
import { nodeName } from '@kvorum/common';
import type { Call } from '../checkers/index.ts';
import { describeCall } from '../checkers/index.ts';
import type { Election } from './elections.ts';
import { electionsOf } from './elections.ts';
import type { KeyTimeline } from './operations.ts';
import { keyTimelines } from './operations.ts';
import type { LeaderSpan, MessageColumns, PageData, PageFault, PageKey, PageOperation } from './page/page-data.ts';
import type { Part, RecordedFault, Recording } from './recording.ts';
import { processName } from '../world/process-name.ts';
import { fates, partKinds } from './recording.ts';
import { openingOf, storyOf } from './story.ts';

export function reportData(recording: Recording): PageData {
  const { simulatedUs, nodes, nodeIds, decisions } = recording;
  const timelines = keyTimelines(recording.calls, simulatedUs).sort(byInterest);
  const keys = timelines.map((timeline) => pageKey(recording.calls, timeline));
  const elections = electionsOf(recording);
  const faults = mergedFaults(recording);
  const { columns, parts } = messageColumns(recording);
  return {
    about: {
      scenario: recording.scenario,
      summary: recording.summary,
      seed: recording.seed,
      commit: recording.commit,
      options: Object.entries(recording.options)
        .map(([name, value]) => `${name} ${value}`)
        .join(', '),
      replay: recording.replay,
      simulatedUs,
      droppedEvents: recording.droppedEvents,
    },
    verdicts: recording.verdicts,
    nodes: Array.from({ length: nodes }, (_, process) => {
      const id = nodeIds.get(process);
      const name = processName(process);
      const inBallots = id === undefined ? name : nodeName(id);
      return { name, inBallots: inBallots === name ? '' : inBallots };
    }),
    groups: groupsOf(recording, parts),
    kinds: partKinds,
    fates,
    messages: columns,
    parts: parts.map(({ kind, group, text }) => [partKinds.indexOf(kind), group, text]),
    faults,
    inflicted: recording.inflicted,
    leaders: leaderSpans(recording),
    elections: elections.map(pageElection),
    decisions: {
      atUs: decisions.map(({ atUs }) => atUs),
      process: decisions.map(({ process }) => process),
      group: decisions.map(({ group }) => group),
      index: decisions.map(({ index }) => index),
    },
    story: storyOf(recording, faults, elections, keys),
    keys,
    opening: openingOf(recording, faults, elections, keys, timelines),
  };
}

/** Keys without a linearization first, then by name. */
function byInterest(a: KeyTimeline, b: KeyTimeline): number {
  const rank = { violation: 0, unknown: 1, linearizable: 2 };
  return rank[a.verdict] - rank[b.verdict] || a.key.localeCompare(b.key, 'en', { numeric: true });
}

function pageElection({ group, process, ballot, isChange, preparedUs, ledUs = -1, decidedUs = -1 }: Election) {
  return { group, process, ballot, isChange, preparedUs, ledUs, decidedUs };
}

function groupsOf({ leaderships }: Recording, parts: readonly Part[]): number[] {
  const groups = new Set([...leaderships.map(({ group }) => group), ...parts.map(({ group }) => group)]);
  return [...groups].filter((group) => group >= 0).sort((a, b) => a - b);
}

function messageColumns({ messages }: Recording): { columns: MessageColumns; parts: Part[] } {
  const parts = new Map<Part, number>();
  const partIndex = (part: Part): number => {
    const known = parts.get(part);
    if (known !== undefined) return known;
    parts.set(part, parts.size);
    return parts.size - 1;
  };
  const columns = {
    sentDeltaUs: messages.map(({ sentUs }, i) => sentUs - (messages[i - 1]?.sentUs ?? 0)),
    tookUs: messages.map(({ sentUs, arrivedUs }) => arrivedUs - sentUs),
    from: messages.map(({ from }) => from),
    to: messages.map(({ to }) => to),
    fate: messages.map(({ fate }) => fates.indexOf(fate)),
    partCount: messages.map(({ parts }) => parts.length),
    parts: messages.flatMap(({ parts }) => parts.map(partIndex)),
  };
  return { columns, parts: [...parts.keys()] };
}

/** A fault of a moment that puts a node down, such as a power-off that breaks the disk, is one with the time it is down. */
function withoutDoubles(faults: readonly RecordedFault[]): RecordedFault[] {
  const nameOf = ({ fromUs, processes }: RecordedFault): string => `${fromUs} ${processes.join()}`;
  const downs = new Set(faults.filter(({ kind }) => kind === 'crash').map(nameOf));
  const isDouble = (fault: RecordedFault): boolean =>
    fault.kind !== 'crash' && fault.toUs === fault.fromUs && downs.has(nameOf(fault));
  const causes = new Map(faults.filter(isDouble).map((fault) => [nameOf(fault), fault.text]));
  return faults
    .filter((fault) => !isDouble(fault))
    .map((fault) => (fault.kind === 'crash' ? { ...fault, text: causes.get(nameOf(fault)) ?? fault.text } : fault));
}

/** Faults of one kind that begin and end together are one band: a partition cuts many links at once. */
function mergedFaults({ faults: recorded, simulatedUs }: Recording): PageFault[] {
  const merged = new Map<string, PageFault & { readonly texts: string[] }>();
  withoutDoubles(recorded).forEach((fault, i) => {
    const toUs = fault.toUs ?? simulatedUs;
    const name = fault.kind === 'cut' ? `${fault.fromUs} ${toUs}` : `fault ${i}`;
    const known = merged.get(name);
    if (known === undefined) merged.set(name, { ...fault, toUs, texts: [fault.text] });
    else {
      const links = [...known.links, ...fault.links];
      const processes = [...new Set([...known.processes, ...fault.processes])];
      merged.set(name, { ...known, links, processes, texts: [...known.texts, fault.text] });
    }
  });
  return [...merged.values()].map(({ texts, ...fault }) => ({
    ...fault,
    text: fault.kind === 'cut' && fault.links.length > 0 ? cutText(fault.links) : (texts[0] ?? ''),
  }));
}

function cutText(links: PageFault['links']): string {
  const has = (from: number, to: number): boolean => links.some(([a, b]) => a === from && b === to);
  const pairs = links.filter(([from, to]) => from < to || !has(to, from));
  const name = ([from, to]: readonly [number, number]): string =>
    `${processName(from)} ${has(to, from) ? '–' : '→'} ${processName(to)}`;
  return `${pairs.length === 1 ? 'link' : 'links'} cut: ${pairs.map(name).join(', ')}`;
}

function leaderSpans({ leaderships, simulatedUs }: Recording): LeaderSpan[] {
  return leaderships.flatMap(({ leading, group, process, ballot, atUs }, i) => {
    if (!leading) return [];
    const later = leaderships.slice(i + 1).filter((one) => one.group === group);
    const toUs = later.find((one) => !one.leading && one.process === process)?.atUs ?? simulatedUs;
    const supersededUs = Math.min(toUs, later.find((one) => one.leading)?.atUs ?? toUs);
    return [{ group, process, ballot, fromUs: atUs, toUs, supersededUs }];
  });
}

function pageKey(calls: readonly Call[], timeline: KeyTimeline): PageKey {
  const places = new Map(timeline.order.map((call, place) => [call, place]));
  const stuck = new Map(timeline.stuck.map(({ call, reason }) => [call, reason]));
  const operations = timeline.calls.flatMap((index): PageOperation[] => {
    const call = calls[index];
    if (call === undefined) return [];
    const place = places.get(index) ?? -1;
    const effectUs = timeline.pointsUs[place] ?? -1;
    return [pageOperation(call, place, effectUs, stuck.get(index) ?? '')];
  });
  return {
    key: timeline.key,
    verdict: timeline.verdict,
    explanation: timeline.explanation,
    stuckUs: timeline.verdict === 'linearizable' ? -1 : stuckPoint(calls, timeline),
    operations,
  };
}

/** One of the stuck operations has returned here at the latest: no order can put off all of them any further. */
function stuckPoint(calls: readonly Call[], { stuck, pointsUs }: KeyTimeline): number {
  const returns = stuck.map(({ call }) => calls[call]?.returnedAt ?? Infinity);
  const earliest = Math.min(...returns, Infinity);
  return Number.isFinite(earliest) ? earliest : (pointsUs.at(-1) ?? 0);
}

function pageOperation(call: Call, place: number, effectUs: number, stuck: string): PageOperation {
  const { client, invokedAt, returnedAt, result } = call;
  const isUnknown = result === 'unknown';
  return {
    client,
    label: operationLabel(call),
    // Without the interval, which the page writes in its own units.
    text: describeCall(call).replace(/ \[[^\]]*\]$/, ''),
    kind: call.kind === 'get' ? 'read' : 'write',
    outcome: isUnknown ? 'unknown' : result === 'failed' ? 'failed' : 'ok',
    invokedUs: invokedAt,
    returnedUs: isUnknown || !Number.isFinite(returnedAt) ? -1 : returnedAt,
    effectUs,
    place,
    stuck,
  };
}

function operationLabel(call: Call): string {
  const { result } = call;
  switch (call.kind) {
    case 'get':
      return typeof result === 'string' ? 'get' : `get ${'value' in result ? (result.value ?? 'absent') : ''}`;
    case 'put':
      return `put ${call.value}`;
    case 'delete':
      return 'delete';
    case 'cas':
    case 'casVersion': {
      const missed = typeof result === 'object' && 'applied' in result && !result.applied;
      return `cas ${call.next}${missed ? ' (mismatch)' : ''}`;
    }
  }
}
