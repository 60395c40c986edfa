/**
 * The recording as a log for ShiViz (https://bestchai.bitbucket.io/shiviz/): the first line is the expression that parses
 * it, the second one would separate executions and is empty, and then come two lines for each event, with its vector clock.
 *
 * Invariant: an event's clock is at least that of every event that happened before it, along a process or along a message.
 * Messages that are left out of the log leave no order behind.
 */
import type { Recording } from './recording.ts';
import { isClient, processName } from '../world/process-name.ts';
import { NO_GROUP } from './recording.ts';

export const SHIVIZ_PARSER = '(?<event>.*)\\n(?<host>\\S*) (?<clock>{.*})';

export interface ShivizOptions {
  /** Also heartbeats: most of the messages, and seldom what one looks for. */
  readonly heartbeats?: boolean;
  /** Also clients and their messages. */
  readonly clients?: boolean;
  /** Only messages and events of this group. */
  readonly group?: number;
}

interface LogEvent {
  readonly atUs: number;
  readonly process: number;
  readonly text: string;
  /** Of a send and its receive. */
  readonly message: number | undefined;
  readonly isReceive: boolean;
}

type VectorClock = Map<number, number>;

export function shiviz(recording: Recording, options: ShivizOptions = {}): string {
  const clocks = new Map<number, VectorClock>();
  const sent = new Map<number, VectorClock>();
  const lines = [SHIVIZ_PARSER, ''];
  for (const { atUs, process, text, message, isReceive } of eventsOf(recording, options)) {
    const clock = clocks.get(process) ?? new Map<number, number>();
    clocks.set(process, clock);
    if (message !== undefined && isReceive) {
      for (const [other, count] of sent.get(message) ?? []) clock.set(other, Math.max(clock.get(other) ?? 0, count));
      sent.delete(message);
    }
    clock.set(process, (clock.get(process) ?? 0) + 1);
    if (message !== undefined && !isReceive) sent.set(message, new Map(clock));
    const named = Object.fromEntries([...clock].map(([other, count]) => [processName(other), count]));
    lines.push(
      `${(atUs / 1e6).toFixed(6)} ${text.replaceAll(/\s+/g, ' ')}`,
      `${processName(process)} ${JSON.stringify(named)}`,
    );
  }
  return `${lines.join('\n')}\n`;
}

/** By time; at one time what a process receives before what it sends, as it happens in a turn. */
function eventsOf(recording: Recording, options: ShivizOptions): LogEvent[] {
  const events: LogEvent[] = [];
  recording.messages.forEach(({ sentUs, arrivedUs, from, to, fate, parts }, message) => {
    if (options.clients !== true && (isClient(from) || isClient(to))) return;
    const shown = parts.filter(
      ({ kind, group }) =>
        (kind !== 'heartbeat' || options.heartbeats === true) &&
        (options.group === undefined || group === options.group || group === NO_GROUP),
    );
    if (shown.length === 0) return;
    const what = shown.map(({ group, text }) => (group === NO_GROUP ? text : `g${group} ${text}`)).join(', ');
    const arrives = fate === 'delivered' || fate === 'repeated';
    const ending = arrives ? (fate === 'repeated' ? ' (second copy)' : '') : ` (${fate})`;
    const sendText = `send to ${processName(to)}: ${what}${ending}`;
    // A message that arrives nowhere has no receive to hand its clock to.
    events.push({
      atUs: sentUs,
      process: from,
      text: sendText,
      message: arrives ? message : undefined,
      isReceive: false,
    });
    if (!arrives) return;
    const receiveText = `receive from ${processName(from)}: ${what}${ending}`;
    events.push({ atUs: arrivedUs, process: to, text: receiveText, message, isReceive: true });
  });
  const local = (atUs: number, process: number, text: string): void =>
    void events.push({ atUs, process, text, message: undefined, isReceive: true });
  const concerns = (group: number): boolean => options.group === undefined || options.group === group;
  for (const { atUs, process, group, ballot, leading } of recording.leaderships) {
    if (concerns(group))
      local(atUs, process, `${leading ? 'leads' : 'no longer leads'} group ${group}, ballot ${ballot}`);
  }
  for (const { atUs, process, group, index } of recording.decisions) {
    if (concerns(group)) local(atUs, process, `knows group ${group} to be decided below ${index}`);
  }
  for (const { kind, fromUs, toUs, processes } of recording.faults) {
    if (kind !== 'crash' && kind !== 'pause') continue;
    for (const process of processes) {
      local(fromUs, process, kind === 'crash' ? 'crashes' : 'pauses');
      if (toUs !== undefined) local(toUs, process, kind === 'crash' ? 'starts again' : 'goes on');
    }
  }
  return events.sort((a, b) => a.atUs - b.atUs || Number(b.isReceive) - Number(a.isReceive));
}
