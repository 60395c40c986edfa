/**
 * Results for programs: one JSON object to a line. The fields are a contract, described by `kvorum client --help`; new ones may
 * be added.
 */
import { nodeName } from '@kvorum/common';
import type { GroupView, NodeView } from './cluster-view.ts';
import { countLed, groupTroubles } from './cluster-view.ts';
import type { Output } from './output.ts';
import type { Printer, ShownError } from './printer.ts';
import type { Result, Timing } from './result.ts';
import { textOf } from './show-bytes.ts';

export class JsonPrinter implements Printer {
  readonly #output: Output;

  constructor(output: Output) {
    this.#output = output;
  }

  result(result: Result, timing: Timing | undefined): void {
    this.#print({ ...resultToJson(result), ...(timing && { timing: timingToJson(timing) }) });
  }

  error({ code, message, outcome, hint, line }: ShownError): void {
    this.#print({ error: { code, message, outcome, hint, line } });
  }

  #print(object: Record<string, unknown>): void {
    this.#output.printLine(JSON.stringify(object));
  }
}

export function resultToJson(result: Result): Record<string, unknown> {
  switch (result.type) {
    case 'value': {
      const { found } = result;
      const value = found && { ...bytesToJson('value', found.value), version: found.version };
      return { command: 'get', ...bytesToJson('key', result.key), found: found !== undefined, ...value };
    }
    case 'written': {
      const applied = result.command === 'cas' ? { applied: true } : {};
      return { command: result.command, ...bytesToJson('key', result.key), ...applied, version: result.version };
    }
    case 'mismatch': {
      const value = result.value === undefined ? { value: null } : bytesToJson('value', result.value);
      return { command: 'cas', ...bytesToJson('key', result.key), applied: false, ...value, version: result.version };
    }
    case 'deleted':
      return {
        command: 'delete',
        ...bytesToJson('key', result.key),
        existed: result.existed,
        version: result.version,
      };
    case 'added': {
      // As text: a number of 64 bits does not survive JSON.
      const { value, version } = result;
      return { command: 'add', ...bytesToJson('key', result.key), value: value.toString(), version };
    }
    case 'where': {
      const { hash, group, members } = result;
      const leader = result.leader === 0 ? null : result.leader;
      return { command: 'where', ...bytesToJson('key', result.key), hash: hexHash(hash), group, members, leader };
    }
    case 'status': {
      const { clusterId, epoch, nodes, groups } = result.view;
      const up = nodes.filter((node) => node.status !== undefined).length;
      const withLeader = countLed(groups);
      return {
        command: 'status',
        state: 'formed',
        clusterId,
        epoch,
        nodes: { up, total: nodes.length },
        groups: { withLeader, total: groups.length },
        troubles: groupTroubles(groups),
      };
    }
    case 'forming': {
      const { address, present, wanted } = result;
      return { command: 'status', state: 'forming', address, nodes: { present, wanted } };
    }
    case 'nodes':
      return { command: 'nodes', nodes: result.nodes.map(nodeToJson) };
    case 'groups':
      return { command: 'groups', groups: result.groups.map(groupToJson) };
    case 'node':
      return { command: 'node', ...nodeToJson(result.node), status: result.node.status?.raw ?? null };
    case 'group': {
      const reports = result.group.reports.map(({ node, status }) => ({ node, ...status }));
      return { command: 'group', ...groupToJson(result.group), reports };
    }
  }
}

/** Text where it is UTF-8; else base64, marked: "encoding" for a value, "keyEncoding" for a key. */
export function bytesToJson(name: 'key' | 'value', bytes: Uint8Array): Record<string, string> {
  const text = textOf(bytes);
  if (text !== undefined) return { [name]: text };
  return { [name]: Buffer.from(bytes).toString('base64'), [name === 'key' ? 'keyEncoding' : 'encoding']: 'base64' };
}

export function hexHash(hash: number): string {
  return hash.toString(16).padStart(8, '0');
}

function nodeToJson(node: NodeView): Record<string, unknown> {
  const { id, address, trouble, suspectedBy, leads, holds } = node;
  return { id, name: nodeName(id), address, answers: node.status !== undefined, trouble, suspectedBy, leads, holds };
}

function groupToJson(group: GroupView): Record<string, unknown> {
  const { id, hashes, members, silent, state, ballot, decidedIndex, appliedIndex } = group;
  return {
    id,
    hashes: hashes ? hashes.map(hexHash) : null,
    members,
    silent,
    leader: group.leader === 0 ? null : group.leader,
    state,
    ballot,
    decidedIndex,
    appliedIndex,
  };
}

function timingToJson({ durationMs, served }: Timing): Record<string, unknown> {
  return { durationMs: Math.round(durationMs * 1000) / 1000, ...served };
}
