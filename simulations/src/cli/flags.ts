/**
 * The flags of `npm run simulate`.
 */
import { Command, Option } from 'commander';
import type { RunOptions, Scenario } from '../run/run.ts';
import type { PictureFiles } from './pictures.ts';
import type { Branch } from '../world/random-stream.ts';
import type { FirstSeed } from './flag-values.ts';
import {
  branchList,
  firstSeed,
  markNames,
  nodeCount,
  numberRanges,
  outputFile,
  percentage,
  positiveInteger,
  refuseArguments,
  scenariosOf,
} from './flag-values.ts';

export interface Flags {
  readonly list: boolean;
  readonly chosen: readonly Scenario[];
  readonly seed: number;
  /** The commit that the first seed comes from; undefined where it was named. */
  readonly seedOf: string | undefined;
  readonly seeds: number;
  /** Instead of what the scenario says. */
  readonly overrides: Partial<Omit<RunOptions, 'seed'>>;
  /** What runs reach is counted, and with `steer` gone after. */
  readonly reached: boolean;
  readonly steer: boolean;
  readonly trace: boolean;
  readonly shrink: boolean;
  readonly jobs: number;
  readonly repeatPercent: number;
  readonly requireMarks: boolean;
  /** Of the marks that are required, these may be missed. */
  readonly rareMarks: readonly string[];
  /** Checked operations of all runs together, at least. */
  readonly requireOperations: number;
  readonly pictures: PictureFiles;
}

interface Parsed {
  readonly list?: true;
  readonly scenario?: Scenario[];
  readonly seed: FirstSeed;
  readonly seeds: number;
  readonly seconds?: number;
  readonly nodes?: number;
  readonly clients?: number;
  readonly operations?: number;
  readonly without?: number[];
  readonly branches?: Branch[];
  readonly reached?: true;
  readonly steer?: true;
  readonly trace?: true;
  readonly shrink?: true;
  readonly jobs: number;
  readonly repeat: number;
  readonly requireMarks?: true;
  readonly rareMarks?: string[];
  readonly requireOperations?: number;
  readonly report?: string;
  readonly shiviz?: string;
}

/** Random streams take seeds of 32 bits: larger ones would be the same runs again. */
const SEED_MAX = 2 ** 32 - 1;

const EXAMPLES = `
Examples:
  npm run simulate -- --list
  npm run simulate -- --scenario leader-crash --seed 7 --seeds 100
  npm run simulate -- --scenario chaos-3,aimed-3 --seeds 50
  npm run simulate -- --seed commit --seeds 20           seeds that nobody has run before
  npm run simulate -- --scenario chaos-5 --seeds 2000 --steer
  npm run simulate -- --seeds 1000 --jobs 4              every scenario, a thousand seeds each, on four cores
  npm run simulate -- --scenario chaos-5 --seed 7 --trace
  npm run simulate -- --scenario chaos-5 --seed 7 --report run.html
  npm run simulate -- --scenario chaos-5 --seed 7 --shrink
  npm run simulate -- --scenario chaos-5 --seed 7 --seconds 12 --nodes 3 --without 0-4,6,9-30 --trace

The exit status is 0 if every run passed, 1 if one failed or a flag is wrong, 130 after Ctrl-C or
when nobody reads the output any more.
`;

export function simulateCommand(scenarios: readonly Scenario[]): Command {
  return new Command('simulate')
    .description('Runs the production node and client on simulated time, network and disks, and checks every history.')
    .option('--list', 'list the scenarios')
    .option('--scenario <names>', 'run these only, with commas between them (default: all)', scenariosOf(scenarios))
    .addOption(
      new Option('--seed <n>', 'the first seed; "commit" for seeds of the commit\'s own')
        .argParser(firstSeed)
        .default({ seed: 1 }, '1'),
    )
    .option('--seeds <n>', 'how many seeds to run, from the first on', positiveInteger, 1)
    .option('--seconds <n>', 'simulated seconds of load and faults (default: what the scenario says)', positiveInteger)
    .option('--nodes <n>', 'how many nodes (default: what the scenario says)', nodeCount)
    .option('--clients <n>', 'at most so many clients', positiveInteger)
    .option('--operations <n>', 'at most so many operations of the load', positiveInteger)
    .option('--without <numbers>', 'leave out the faults with these numbers, such as 0-4,6,9-30', numberRanges)
    .option('--branches <list>', 'part from the run of the seed there, such as 31250:77:timing', branchList)
    .option('--reached', 'count what runs reach: marks, and pairs of a state and a message')
    .option('--steer', 'keep the runs that reach what few do, and go on from there')
    .option('--trace', 'print the last lines of the trace of one run')
    .option('--shrink', 'make the first run that fails smaller while it fails in the same way')
    .option('--jobs <n>', 'processes that run seeds at the same time', positiveInteger, 1)
    .option(
      '--repeat <percent>',
      'make so many of the runs of each scenario twice, at least one, and compare trace hashes',
      percentage,
      1,
    )
    .option('--require-marks', 'fail if a coverage mark was never hit')
    .option('--rare-marks <names>', 'do not require these of the coverage marks', markNames)
    .option('--require-operations <n>', 'fail if fewer operations were checked, in all runs together', positiveInteger)
    .option('--report <file>', 'write a page with pictures of one run', outputFile)
    .option('--shiviz <file>', 'write a log of one run for ShiViz', outputFile)
    .allowExcessArguments()
    .addHelpText('after', EXAMPLES);
}

/** Ends the program, or throws if the command was told so, when flags contradict each other. */
export function readFlags(command: Command, argv: readonly string[], scenarios: readonly Scenario[]): Flags {
  const parsed = command.parse(argv, { from: 'user' }).opts<Parsed>();
  refuseArguments(command, '--scenario');
  const problem = contradiction(parsed);
  if (problem !== undefined) command.error(`error: ${problem}`);
  const { seconds, nodes, clients, operations, without, branches } = parsed;
  return {
    list: parsed.list === true,
    chosen: parsed.scenario ?? scenarios,
    seed: parsed.seed.seed,
    seedOf: parsed.seed.commit,
    seeds: parsed.seeds,
    overrides: {
      ...(seconds === undefined ? {} : { seconds }),
      ...(nodes === undefined ? {} : { nodes }),
      ...(clients === undefined ? {} : { clients }),
      ...(operations === undefined ? {} : { operations }),
      ...(without === undefined ? {} : { without }),
      ...(branches === undefined ? {} : { branches }),
    },
    reached: parsed.reached === true || parsed.steer === true,
    steer: parsed.steer === true,
    trace: parsed.trace === true,
    shrink: parsed.shrink === true,
    jobs: parsed.jobs,
    repeatPercent: parsed.repeat,
    requireMarks: parsed.requireMarks === true,
    rareMarks: parsed.rareMarks ?? [],
    requireOperations: parsed.requireOperations ?? 0,
    pictures: { report: parsed.report, shiviz: parsed.shiviz },
  };
}

/** What is wrong with the flags together. */
function contradiction({
  scenario: named,
  seed: first,
  seeds,
  without,
  trace,
  shrink,
  ...rest
}: Parsed): string | undefined {
  const pictures = (rest.report ?? rest.shiviz) !== undefined;
  const lastSeed = first.seed + seeds - 1;
  if (lastSeed > SEED_MAX) return `--seed and --seeds lead to ${lastSeed}: seeds end at ${SEED_MAX}`;
  if (shrink === true && named?.length !== 1) return '--shrink needs one --scenario';
  const single = named?.length === 1 && seeds === 1;
  if (trace === true && !single) return '--trace is for one run: name a --scenario, and leave out --seeds';
  if (rest.branches !== undefined && !single) return '--branches is for one run: another seed is another run';
  if (rest.steer === true && (shrink === true || single))
    return '--steer is for many runs: leave out --shrink, and give --seeds';
  if (without !== undefined && !single) return '--without is for one run: another seed has other faults';
  if (pictures && (!single || shrink === true)) {
    return '--report and --shiviz are for one run: name a --scenario, and leave out --seeds and --shrink';
  }
  if (rest.rareMarks !== undefined && rest.requireMarks !== true)
    return '--rare-marks is for runs with --require-marks';
  if (trace === true && shrink === true) return '--shrink prints no trace: replay what it leaves';
  return undefined;
}
