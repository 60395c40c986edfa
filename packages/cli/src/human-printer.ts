/**
 * Results for people. What scripts may rely on: the lines of get, put, cas and delete, see the examples of the help.
 */
import { METADATA_GROUP, nodeName } from '@kvorum/common';
import type { ClusterView, GroupView, NodeView } from './cluster-view.ts';
import { countLed, groupTroubles } from './cluster-view.ts';
import { hexHash } from './json-printer.ts';
import type { Output } from './output.ts';
import type { Printer, ShownError } from './printer.ts';
import type { Result, Timing } from './result.ts';
import { showBytes } from './show-bytes.ts';
import type { Paint } from './style.ts';
import { alignColumns } from './table.ts';

export class HumanPrinter implements Printer {
  readonly #output: Output;

  constructor(output: Output) {
    this.#output = output;
  }

  result(result: Result, timing: Timing | undefined): void {
    this.#show(result);
    if (timing !== undefined) this.#output.notice(this.#output.paintNotice('dim', describeTiming(timing)));
  }

  error({ message, hint, line }: ShownError): void {
    const place = line === undefined ? '' : `line ${line}: `;
    this.#output.notice(this.#output.paintNotice('red', `${place}${message}`));
    if (hint !== undefined) this.#output.notice(hint);
  }

  #show(result: Result): void {
    const output = this.#output;
    const paint = output.paintData;
    switch (result.type) {
      case 'value':
        if (result.found === undefined) output.notice('not found');
        else if (result.raw) output.writeData(result.found.value);
        else output.printLine(showBytes(result.found.value));
        return;
      case 'written':
        output.printLine(`${paint('green', 'OK')} version ${result.version}`);
        return;
      case 'mismatch': {
        const { value, version } = result;
        const has = value === undefined ? 'the key is absent' : `value ${showBytes(value)} version ${version}`;
        output.notice(`${output.paintNotice('yellow', 'MISMATCH')} ${has}`);
        return;
      }
      case 'deleted':
        if (result.existed) output.printLine(paint('green', 'OK'));
        else output.notice('not found');
        return;
      case 'added':
        output.printLine(result.value.toString());
        return;
      default:
        for (const line of linesOf(result, paint)) output.printLine(line);
    }
  }
}

type ClusterResult = Exclude<Result, { readonly type: 'value' | 'written' | 'mismatch' | 'deleted' | 'added' }>;

function linesOf(result: ClusterResult, paint: Paint): string[] {
  switch (result.type) {
    case 'where':
      return alignColumns([
        ['key', showBytes(result.key)],
        ['hash', hexHash(result.hash)],
        ['group', String(result.group)],
        ['members', result.members.map(({ id, address }) => `${nodeName(id)} ${address}`).join(', ')],
        ['leader', result.leader === 0 ? paint('red', 'none') : nodeName(result.leader)],
      ]);
    case 'forming':
      return [
        `the cluster is being formed: ${result.present} of ${result.wanted} nodes have checked in at ${result.address}`,
      ];
    case 'status':
      return statusLines(result.view, paint);
    case 'nodes':
      return nodesTable(result.nodes, paint);
    case 'groups':
      return groupsTable(result.groups, paint);
    case 'node':
      return nodeLines(result.node, paint);
    case 'group':
      return groupLines(result.group, paint);
  }
}

function statusLines({ clusterId, epoch, nodes, groups }: ClusterView, paint: Paint): string[] {
  const up = nodes.filter((node) => node.status !== undefined).length;
  const led = countLed(groups);
  const judge = (good: boolean, text: string): string => paint(good ? 'green' : 'red', text);
  const facts = alignColumns([
    ['cluster', clusterId],
    ['epoch', String(epoch)],
    ['nodes', judge(up === nodes.length, `${up} of ${nodes.length} up`)],
    ['groups', judge(led === groups.length, `${led} of ${groups.length} with a leader`)],
  ]);
  return [...facts, ...groupTroubles(groups).map((trouble) => paint('red', trouble))];
}

function nodesTable(nodes: readonly NodeView[], paint: Paint): string[] {
  const rows = nodes.map((node) => [
    nodeName(node.id),
    node.address,
    numbers(node.leads),
    numbers(node.holds),
    nodeState(node, paint),
  ]);
  return alignColumns([header(['NODE', 'ADDRESS', 'LEADS', 'HOLDS', 'STATE'], paint), ...rows]);
}

function nodeState({ status, trouble, suspectedBy }: NodeView, paint: Paint): string {
  const state = status === undefined ? paint('red', `no answer: ${trouble ?? ''}`) : paint('green', 'up');
  return suspectedBy.length === 0 ? state : `${state}, ${paint('yellow', `suspected by ${names(suspectedBy)}`)}`;
}

function groupsTable(groups: readonly GroupView[], paint: Paint): string[] {
  const rows = groups.map((group) => [
    String(group.id),
    keysOf(group),
    membersOf(group),
    leaderOf(group, paint),
    ...(group.reports.length === 0
      ? ['?', '?', '?']
      : [group.ballot, group.decidedIndex, group.appliedIndex].map(String)),
    paint(group.state === 'ok' ? 'green' : 'red', group.state),
  ]);
  const titles = ['GROUP', 'KEYS', 'MEMBERS', 'LEADER', 'BALLOT', 'DECIDED', 'APPLIED', 'STATE'];
  const note = groups.some((group) => group.silent.length > 0) ? ['! does not answer'] : [];
  return [...alignColumns([header(titles, paint), ...rows]), ...note];
}

function keysOf({ id, hashes }: GroupView): string {
  if (id === METADATA_GROUP || hashes === undefined) return 'the layout';
  return `${hexHash(hashes[0])}-${hexHash(hashes[1])}`;
}

function membersOf({ members, silent }: GroupView): string {
  return members.map((member) => `${nodeName(member)}${silent.includes(member) ? '!' : ''}`).join(' ');
}

function leaderOf({ leader, silent }: GroupView, paint: Paint): string {
  if (leader === 0) return paint('red', 'none');
  return `${nodeName(leader)}${silent.includes(leader) ? '!' : ''}`;
}

function nodeLines(node: NodeView, paint: Paint): string[] {
  const facts = [
    ['node', nodeName(node.id)],
    ['address', node.address],
    ['state', nodeState(node, paint)],
    ['leads', numbers(node.leads)],
    ['holds', numbers(node.holds)],
  ];
  const known = new Set(['node', 'address', 'state', 'groups', 'nodes']);
  for (const [name, value] of Object.entries(node.status?.raw ?? {})) {
    if (known.has(name)) continue;
    if (typeof value === 'string' || typeof value === 'number') facts.push([name, String(value)]);
  }
  const rows = (node.status?.groups ?? []).map((group) => [
    String(group.group),
    group.leading ? 'leader' : 'follower',
    group.leader === 0 ? paint('red', 'none') : nodeName(group.leader),
    String(group.ballot),
    String(group.decidedIndex),
    String(group.appliedIndex),
  ]);
  const lines = alignColumns(facts);
  if (rows.length === 0) return lines;
  const titles = header(['GROUP', 'ROLE', 'LEADER', 'BALLOT', 'DECIDED', 'APPLIED'], paint);
  return [...lines, '', ...alignColumns([titles, ...rows])];
}

function groupLines(group: GroupView, paint: Paint): string[] {
  const facts = alignColumns([
    ['group', String(group.id)],
    ['keys', keysOf(group)],
    ['members', names(group.members)],
    ['leader', leaderOf(group, paint)],
    ['state', paint(group.state === 'ok' ? 'green' : 'red', group.state)],
  ]);
  const rows = group.members.map((member) => {
    const status = group.reports.find((report) => report.node === member)?.status;
    if (status === undefined) return [nodeName(member), paint('red', 'no answer')];
    const { leading, leader, ballot, decidedIndex, appliedIndex } = status;
    const follows = leader === 0 ? 'none' : nodeName(leader);
    return [
      nodeName(member),
      leading ? 'leader' : 'follower',
      follows,
      ...[ballot, decidedIndex, appliedIndex].map(String),
    ];
  });
  return [
    ...facts,
    '',
    ...alignColumns([header(['NODE', 'ROLE', 'LEADER', 'BALLOT', 'DECIDED', 'APPLIED'], paint), ...rows]),
  ];
}

function describeTiming({ durationMs, served }: Timing): string {
  const duration = `${durationMs < 10 ? durationMs.toFixed(2) : Math.round(durationMs)} ms`;
  if (served === undefined) return duration;
  const { node, group, ballot, index } = served;
  return `${duration}, served by ${nodeName(node)} for group ${group}, ballot ${ballot}, log position ${index}`;
}

function header(titles: readonly string[], paint: Paint): string[] {
  return titles.map((title) => paint('bold', title));
}

function names(nodes: readonly number[]): string {
  return nodes.map(nodeName).join(' ');
}

/** "0 1 5-8 12" */
function numbers(ids: readonly number[]): string {
  if (ids.length === 0) return '-';
  const runs: string[] = [];
  for (let from = 0; from < ids.length;) {
    let to = from;
    while (to + 1 < ids.length && ids[to + 1] === (ids[to] as number) + 1) to += 1;
    runs.push(to > from + 1 ? `${ids[from]}-${ids[to]}` : ids.slice(from, to + 1).join(' '));
    from = to + 1;
  }
  return runs.join(' ');
}
