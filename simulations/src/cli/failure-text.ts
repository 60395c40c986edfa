/**
 * A failed run, and a failed run that was made smaller, as text.
 */
import type { Deed } from '../faults/nemesis.ts';
import type { RunOptions, Scenario } from '../run/run.ts';
import { processName } from '../world/process-name.ts';
import { replayCommand, shrinkCommand } from './commands.ts';
import { duration, several } from './figures.ts';
import { formatRanges } from './number-ranges.ts';
import type { Reduced } from './shrink.ts';
import { firedFaults } from './shrink.ts';
import type { Outcome, Task } from './task.ts';

const TRACE_LINES = 20;

export interface Context {
  readonly scenario: Scenario;
  readonly commit: string;
}

export function failureText(context: Context, { options, detailed }: Task, outcome: Outcome): string[] {
  const { scenario, commit } = context;
  const run = { scenario, options, complaints: outcome.complaints };
  return [
    `FAILED ${scenario.name}, seed ${options.seed}, commit ${commit}, trace hash ${outcome.traceHash}`,
    `  options: ${optionsText(scenario, options)}`,
    ...complaintLines(outcome),
    // A trace that was asked for was printed already.
    ...(detailed ? [] : outcome.trace.slice(-TRACE_LINES)).map((line) => `    ${line}`),
    `  replay: ${replayCommand(run)}`,
    `  shrink: ${shrinkCommand(run)}`,
  ];
}

export function failureLine(scenario: Scenario, { options }: Task, { complaints }: Outcome): string {
  const [firstLine = ''] = (complaints[0] ?? '').split('\n', 1);
  const replay = replayCommand({ scenario, options, complaints });
  return `FAILED ${scenario.name}, seed ${options.seed}: ${firstLine}; replay: ${replay}`;
}

export function reducedText(
  { scenario, commit }: Context,
  before: Outcome,
  reduced: Reduced,
  tookMs: number,
): string[] {
  const { options, outcome, failure, runs, cutShort } = reduced;
  const faults = firedFaults(outcome);
  return [
    `SHRUNK ${scenario.name}, seed ${options.seed}, commit ${commit}: ${several(runs, 'run')}, ${duration(tookMs)}` +
      (cutShort ? ', cut short: it may go further' : ''),
    `  failure: ${failure}`,
    `  options: ${optionsText(scenario, { ...options, without: undefined })}`,
    `  faults: ${faults.length} of ${firedFaults(before).length}`,
    ...faults.map((deed) => `    ${faultText(deed, options.nodes ?? scenario.nodes)}`),
    ...complaintLines(outcome),
    `  replay: ${replayCommand({ scenario, options, complaints: outcome.complaints })}`,
  ];
}

function complaintLines({ complaints }: Outcome): string[] {
  return complaints.flatMap((complaint) => complaint.split('\n').map((line) => `  ${line}`));
}

function optionsText(scenario: Scenario, { seconds, nodes, clients, operations, without }: RunOptions): string {
  return [
    `${seconds} simulated seconds of load`,
    several(nodes ?? scenario.nodes, 'node'),
    clients === undefined ? 'all clients' : `at most ${several(clients, 'client')}`,
    ...(operations === undefined ? [] : [`at most ${several(operations, 'operation')}`]),
    ...(without === undefined || without.length === 0 ? [] : [`without the faults ${formatRanges(without)}`]),
  ].join(', ');
}

function faultText({ number, atMs, kind, processes, text }: Deed, nodes: number): string {
  const where = processes.length === nodes ? 'all' : processes.map(processName).join(', ');
  return `${number} at ${(atMs / 1000).toFixed(3)} s: ${kind}${where === '' ? '' : `, ${where}`}: ${text}`;
}
