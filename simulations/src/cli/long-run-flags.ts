/**
 * The flags of `npm run simulate:long`.
 */
import { Command, Option } from 'commander';
import type { Scenario } from '../run/run.ts';
import { positiveInteger, refuseArguments, scenariosOf } from './flag-values.ts';
import type { Batch } from './plan.ts';
import { runsOf } from './plan.ts';

export interface LongRunFlags {
  readonly batches: readonly Batch[];
  readonly jobs: number;
  readonly restart: boolean;
  readonly appendNow: boolean;
}

interface Parsed {
  readonly seeds: number;
  readonly scenarios: readonly Scenario[];
  readonly seconds?: number;
  readonly jobs: number;
  readonly restart?: true;
  readonly appendNow?: true;
}

const NOTES = `
What it did is saved every few seconds: the same command goes on where it was stopped, by Ctrl-C for example. When it is
complete, it adds a section to docs/evidence.md. One run in twenty is made twice, and its trace hashes compared.

Examples:
  npm run simulate:long -- --jobs 2                          100,000 seeds, nearly a quarter of them of each chaos scenario
  npm run simulate:long -- --seeds 2000 --scenarios chaos-5
  npm run simulate:long -- --append-now                      write down what it did so far
`;

export function longRunCommand(scenarios: readonly Scenario[]): Command {
  const usual = scenarios.filter(({ name }) => isChaos(name) || name.startsWith('aimed-'));
  return new Command('simulate:long')
    .description('Runs very many seeds, resumably, and adds the figures to docs/evidence.md.')
    .option('--seeds <n>', 'how many, spread over the scenarios', positiveInteger, 100_000)
    .addOption(
      new Option('--scenarios <names>', 'with commas between them')
        .argParser(scenariosOf(scenarios))
        .default(usual, usual.map(({ name }) => name).join(',')),
    )
    .option('--seconds <n>', 'simulated seconds of load and faults (default: what the scenario says)', positiveInteger)
    .option('--jobs <n>', 'processes that run seeds at the same time', positiveInteger, 2)
    .option('--restart', 'forget what was done so far')
    .option('--append-now', 'add what was done so far to docs/evidence.md, and run nothing')
    .allowExcessArguments()
    .addHelpText('after', NOTES);
}

export function readLongRunFlags(command: Command, argv: readonly string[]): LongRunFlags {
  const parsed = command.parse(argv, { from: 'user' }).opts<Parsed>();
  refuseArguments(command, '--scenarios');
  const { scenarios, seeds, seconds } = parsed;
  const refuse = (problem: string): never => command.error(`error: ${problem}`);
  if (parsed.restart === true && parsed.appendNow === true) refuse('--restart would leave --append-now nothing');
  return {
    batches: spread(scenarios, seeds, seconds),
    jobs: parsed.jobs,
    restart: parsed.restart === true,
    appendNow: parsed.appendNow === true,
  };
}

/** A run of a chaos scenario takes some ten times less than one under heavy load, and is worth most by being one of many. */
const CHAOS_SHARE = 20;

/** Shares of the seeds, each from seed 1 on; the first scenarios have one more if it does not come out even. */
function spread(scenarios: readonly Scenario[], seeds: number, seconds: number | undefined): Batch[] {
  const shareOf = ({ name }: Scenario): number => (isChaos(name) ? CHAOS_SHARE : 1);
  const shares = scenarios.reduce((sum, scenario) => sum + shareOf(scenario), 0);
  let taken = 0;
  const upToHere = (): number => Math.ceil((seeds * taken) / shares);
  return scenarios
    .map((scenario) => {
      const before = upToHere();
      taken += shareOf(scenario);
      const options = { seconds: seconds ?? scenario.seconds };
      return { scenario: scenario.name, firstSeed: 1, seeds: upToHere() - before, options };
    })
    .filter((batch) => runsOf([batch]) > 0);
}

function isChaos(name: string): boolean {
  return name.startsWith('chaos-');
}

/** What starts this run again. */
export function longRunText(batches: readonly Batch[], scenarios: readonly Scenario[]): string {
  const flags = [`--seeds ${runsOf(batches)}`, `--scenarios ${batches.map((batch) => batch.scenario).join(',')}`];
  const [batch] = batches;
  const usual = scenarios.find(({ name }) => name === batch?.scenario)?.seconds;
  if (batch !== undefined && batch.options.seconds !== usual) flags.push(`--seconds ${batch.options.seconds}`);
  return `npm run simulate:long -- ${flags.join(' ')}`;
}
