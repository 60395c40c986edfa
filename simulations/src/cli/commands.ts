/**
 * The commands that make a run again.
 */
import type { RunOptions, Scenario } from '../run/run.ts';
import { formatBranches } from './branches.ts';
import { formatRanges } from './number-ranges.ts';
import { NOT_REPEATABLE } from './task.ts';

const SIMULATE = 'npm run simulate --';

export interface FailedRun {
  readonly scenario: Scenario;
  readonly options: RunOptions;
  readonly complaints: readonly string[];
}

export function replayCommand(run: FailedRun): string {
  return `${SIMULATE} ${flagsOf(run)} --trace`;
}

export function shrinkCommand(run: FailedRun): string {
  return `${SIMULATE} ${flagsOf(run)} --shrink`;
}

function flagsOf({ scenario, options, complaints }: FailedRun): string {
  const { seed, seconds, nodes, clients, operations, without, branches } = options;
  const flags = [`--scenario ${scenario.name}`, `--seed ${seed}`];
  if (seconds !== scenario.seconds) flags.push(`--seconds ${seconds}`);
  if (nodes !== undefined) flags.push(`--nodes ${nodes}`);
  if (clients !== undefined) flags.push(`--clients ${clients}`);
  if (operations !== undefined) flags.push(`--operations ${operations}`);
  if (without !== undefined && without.length > 0) flags.push(`--without ${formatRanges(without)}`);
  if (branches !== undefined) flags.push(`--branches ${formatBranches(branches)}`);
  // One run alone would not show it.
  if (complaints.some((complaint) => complaint.startsWith(NOT_REPEATABLE))) flags.push('--repeat 100');
  return flags.join(' ');
}
