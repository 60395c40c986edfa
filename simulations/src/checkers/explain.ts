/** Words for a search that did not end well: the key, how far it came, and the operations it could not go on with. */

import type { Call } from './history.ts';
import { eventsOf, type KeyHistory } from './key-history.ts';
import { ABSENT, isImpossible, stepOf, versionAfter } from './model.ts';
import type { SearchResult } from './search.ts';

const SHOWN_MAX = 6;
const PREFIX_SHOWN_MAX = 3;

export function explain(calls: readonly Call[], key: string, history: KeyHistory, found: SearchResult): string {
  const definite = found.path.filter((index) => calls[index]?.result !== 'unknown').length;
  const unknown = found.verdict === 'unknown';
  const lines = [
    `key ${quote(key)}: ${unknown ? `no verdict within ${found.steps} steps` : 'not linearizable'}`,
    `the longest order found covers ${definite} of ${history.steps.length} definite operations`,
  ];
  const last = found.path.slice(-PREFIX_SHOWN_MAX);
  if (last.length > 0) lines.push(`it ends with ${list(calls, last)}`);
  lines.push(`the key is then ${stateText(calls, found)}`);
  lines.push(`${unknown ? 'next may come' : 'none of these can come next'}: ${list(calls, found.pending)}`);
  if (found.unusedWrites > 0) lines.push(`indeterminate writes that could still take effect: ${found.unusedWrites}`);
  const regression = versionRegression(calls, history.indices);
  if (regression !== undefined) lines.push(regression);
  return lines.join('; ');
}

/** One operation as text, such as `client 3 put "a" -> version 7 [100, 120]`. */
export function describeCall(call: Call): string {
  const step = stepOf(call, () => 1);
  const contradiction = step !== undefined && isImpossible(step) ? ' (contradicts itself)' : '';
  const end = call.result === 'unknown' ? '?' : call.returnedAt;
  return `client ${call.client} ${request(call)} -> ${answer(call)}${contradiction} [${call.invokedAt}, ${end}]`;
}

function request(call: Call): string {
  switch (call.kind) {
    case 'get':
    case 'delete':
      return call.kind;
    case 'put':
      return `put ${quote(call.value)}`;
    case 'cas':
      return `cas ${quote(call.expected)} to ${quote(call.next)}`;
    case 'casVersion':
      return `cas version ${call.expectedVersion} to ${quote(call.next)}`;
  }
}

function answer({ result }: Call): string {
  if (typeof result === 'string') return result;
  if ('existed' in result) return `${result.existed ? 'existed' : 'was absent'}, version ${result.version}`;
  if ('value' in result) {
    const observed = `${quote(result.value)}${result.version === undefined ? '' : ` version ${result.version}`}`;
    return 'applied' in result ? `mismatch, ${observed}` : observed;
  }
  return `version ${result.version}`;
}

function stateText(calls: readonly Call[], { path, state }: SearchResult): string {
  if (state.value === ABSENT) return state.version === 0 ? 'absent' : `absent (latest version ${state.version})`;
  const values = path.map((index) => writtenValue(calls[index]));
  return `${quote(values.findLast((value) => value !== undefined))} version ${state.version}${state.exact ? '' : ' or later'}`;
}

function writtenValue(call: Call | undefined): string | undefined {
  if (call === undefined || call.kind === 'get' || call.kind === 'delete' || call.result === 'failed') return undefined;
  if (call.kind === 'put') return call.value;
  return call.result === 'unknown' || call.result.applied ? call.next : undefined;
}

/** The plainest sign of lost state, worth naming: a later operation reports an earlier version. */
function versionRegression(calls: readonly Call[], indices: readonly number[]): string | undefined {
  let latest: { readonly call: Call; readonly version: number } | undefined;
  for (const event of eventsOf(calls, indices)) {
    const call = calls[indices[event >>> 1]!]!;
    const step = stepOf(call, () => 1);
    if (step === undefined || versionAfter(step) === 0) continue;
    const version = versionAfter(step);
    if ((event & 1) === 1) {
      if (latest === undefined || version > latest.version) latest = { call, version };
      continue;
    }
    const isNew = step.writes && !step.mayRepeatVersion;
    if (latest !== undefined && (version < latest.version || (isNew && version === latest.version))) {
      return `the version went back: ${describeCall(call)} came after ${describeCall(latest.call)} returned`;
    }
  }
  return undefined;
}

function list(calls: readonly Call[], indices: readonly number[]): string {
  const shown = indices.slice(0, SHOWN_MAX).flatMap((index) => {
    const call = calls[index];
    return call === undefined ? [] : [describeCall(call)];
  });
  return `${shown.join(', ')}${indices.length > SHOWN_MAX ? ` and ${indices.length - SHOWN_MAX} more` : ''}`;
}

function quote(value: string | undefined): string {
  return value === undefined ? 'absent' : JSON.stringify(value);
}
