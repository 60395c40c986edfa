/**
 * The report page and the ShiViz log of one run: the run is made once more, with a recorder that watches it.
 */
import { writeFileSync } from 'node:fs';
import type { Call } from '../checkers/index.ts';
import type { Recording, ReportVerdict } from '../report/index.ts';
import { Recorder, recordRun, shiviz, writeReport } from '../report/index.ts';
import type { Run, RunOptions, RunResult, Scenario } from '../run.ts';
import { runScenario } from '../run.ts';
import { replayCommand } from './commands.ts';
import { complaintKind } from './complaint-kind.ts';
import { formatRanges } from './number-ranges.ts';

export interface PictureFiles {
  readonly report?: string | undefined;
  readonly shiviz?: string | undefined;
}

/** Returns the trace hash, which is that of the run without a recorder. */
export function writePictures(scenario: Scenario, options: RunOptions, commit: string, files: PictureFiles): string {
  let watched: { readonly run: Run; readonly recorder: Recorder } | undefined;
  const recorded: Scenario = {
    ...scenario,
    run(run) {
      const recorder = new Recorder(run.world.processes.length);
      watched = { run, recorder };
      recordRun(recorder, run.world, run.nemesis);
      scenario.run(run);
    },
  };
  const result = runScenario(recorded, options);
  if (watched === undefined) throw new Error('the run never began');
  const { run, recorder } = watched;
  const recording: Recording = recorder.finish({
    scenario: scenario.name,
    summary: scenario.summary,
    seed: options.seed,
    commit,
    options: shownOptions(scenario, options),
    replay: replayCommand({ scenario, options, complaints: result.complaints }),
    simulatedUs: run.world.schedule.nowUs,
    calls: callsOf(run),
    verdicts: verdictsOf(result),
  });
  if (files.report !== undefined) writeFileSync(files.report, writeReport(recording));
  if (files.shiviz !== undefined) writeFileSync(files.shiviz, shiviz(recording));
  return result.traceHash;
}

function shownOptions(scenario: Scenario, options: RunOptions): Record<string, string | number> {
  const { seconds, nodes, clients, operations, without } = options;
  return {
    nodes: nodes ?? scenario.nodes,
    seconds,
    ...(clients === undefined ? {} : { clients }),
    ...(operations === undefined ? {} : { operations }),
    ...(without === undefined || without.length === 0 ? {} : { without: formatRanges(without) }),
  };
}

/** A run that failed before its load began has no calls. */
function callsOf(run: Run): readonly Call[] {
  try {
    return run.load.calls;
  } catch {
    return [];
  }
}

function verdictsOf({ complaints, verdicts }: RunResult): ReportVerdict[] {
  const shown = verdicts.map((verdict) => ({
    name: verdict.name,
    passed: verdict.complaints.length === 0,
    detail: verdict.complaints.length === 0 ? verdict.detail : verdict.complaints.join('\n'),
  }));
  const general = new Set(verdicts.flatMap((verdict) => verdict.complaints));
  const own = complaints.filter((complaint) => !general.has(complaint));
  if (own.length === 0) return [...shown, { name: 'what the scenario asks besides', passed: true, detail: '' }];
  return [...shown, ...own.map((complaint) => ({ name: complaintKind(complaint), passed: false, detail: complaint }))];
}
