/**
 * The report page and the ShiViz log of one run: the run is made once more, with a recorder that watches it.
 */
import { writeFileSync } from 'node:fs';
import type { Call } from '../checkers/index.ts';
import type { Recording, ReportVerdict } from '../report/index.ts';
import { Recorder, recordRun, shiviz, writeReport } from '../report/index.ts';
import type { Run, RunOptions, RunResult, Scenario } from '../run/run.ts';
import { runScenario } from '../run/run.ts';
import { replayCommand } from './commands.ts';
import { complaintKind } from './complaint-kind.ts';
import { formatRanges } from './number-ranges.ts';

export interface PictureFiles {
  readonly report?: string | undefined;
  readonly shiviz?: string | undefined;
}

export interface Drawn {
  /** That of the run without a recorder. */
  readonly traceHash: string;
  readonly written: readonly string[];
  /** A sentence for each file that could not be written. */
  readonly problems: readonly string[];
}

export function writePictures(scenario: Scenario, options: RunOptions, commit: string, files: PictureFiles): Drawn {
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
  const written: string[] = [];
  const problems: string[] = [];
  const write = (file: string | undefined, picture: (recording: Recording) => string): void => {
    if (file === undefined) return;
    const text = picture(recording);
    try {
      writeFileSync(file, text);
      written.push(file);
    } catch (error) {
      problems.push(`${file} could not be written: ${(error as Error).message}`);
    }
  };
  write(files.report, writeReport);
  write(files.shiviz, shiviz);
  return { traceHash: result.traceHash, written, problems };
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
