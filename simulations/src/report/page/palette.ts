/**
 * Colours, and what each kind of message means, in the words of a lecture on Paxos.
 */
export interface KindStyle {
  readonly color: string;
  /** Drawn above the others, and never left out. */
  readonly important: boolean;
  readonly means: string;
}

const style = (color: string, important: boolean, means: string): KindStyle => ({ color, important, means });

export const kindStyles: Readonly<Record<string, KindStyle>> = {
  prepare: style('#d9480f', true, 'Phase 1: a node that wants to lead asks for promises in its own, higher ballot.'),
  promise: style(
    '#e8a200',
    true,
    'Phase 1: the member will take nothing from lower ballots any more, and sends what the candidate’s log lacks. “log of 44 with 40–43”: its log has 44 entries, numbered from 0, of which it sends the last four.',
  ),
  'prepare-request': style('#b0793a', true, 'A member that missed something asks to be prepared again.'),
  'accept-sync': style(
    '#9c36b5',
    true,
    'Start of phase 2: the new leader gives those that promised the one log that may hold all chosen entries. “25–30”: these entries replace whatever follows entry 24; “nothing from 44”: the member has all entries up to 43, and keeps none after them.',
  ),
  accept: style('#1971c2', false, 'Phase 2: the leader asks the members to accept new log entries.'),
  accepted: style('#15a3b8', false, 'Phase 2: the member has these entries on disk.'),
  decide: style('#2b8a3e', false, 'A majority has accepted: the entries are decided, for good.'),
  snapshot: style('#7a5230', true, 'A member that is too far behind gets the state instead of the log.'),
  'read-check': style('#8a94a0', false, 'Before a read: the leader makes sure that it still leads.'),
  'read-checked': style('#8a94a0', false, 'The member has promised nothing to a higher ballot.'),
  forward: style('#c2578f', false, 'A client’s request on its way to the leader, or the answer to it.'),
  layout: style('#8a94a0', false, 'Which nodes hold which group.'),
  heartbeat: style('#c3cad2', false, 'Who is alive, and does it see a leader that a majority reaches?'),
  request: style('#a3b3c2', false, 'A client asks.'),
  reply: style('#a3b3c2', false, 'A node answers a client.'),
  unreadable: style('#c92a2a', true, 'Bytes that do not decode.'),
};

export const faultColor = '#c92a2a';
export const leaderColor = '#4c3fb1';
export const electionColor = '#fff3df';
export const catchUpColor = '#f6eafa';
export const phase1Color = '#b54708';
export const phase2Color = '#862e9c';
export const inkColor = '#1d2733';
export const softColor = '#5f6d7c';
export const lineColor = '#aab4bf';
export const gridColor = '#eceff2';

const groupColors = ['#4c3fb1', '#0b7285', '#a61e4d', '#5c940d', '#343a40', '#1864ab', '#7b8fd4', '#6b4f2a'];

export function groupColor(group: number): string {
  return groupColors[group % groupColors.length] ?? leaderColor;
}

export function styleOf(kind: string): KindStyle {
  return kindStyles[kind] ?? style('#8a94a0', false, '');
}
