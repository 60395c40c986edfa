/**
 * `npm run simulate`: runs scenarios by name and seed, and prints what replays a failure.
 */
import { execFileSync } from 'node:child_process';
import { Command, InvalidArgumentError } from 'commander';
import type { RunResult, Scenario } from './run.ts';
import { runScenario } from './run.ts';
import { scenarios } from './scenarios/index.ts';

interface Flags {
  readonly list?: true;
  readonly scenario?: string;
  readonly seed: number;
  readonly seeds: number;
  readonly seconds?: number;
  readonly trace?: true;
}

const print = (line: string): void => void process.stdout.write(`${line}\n`);

function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('It must be a whole number of at least 1.');
  return value;
}

const program = new Command('simulate')
  .description('Runs the production node and client on simulated time, network and disks, and checks every history.')
  .option('--list', 'list the scenarios')
  .option('--scenario <name>', 'run this one only (default: all)')
  .option('--seed <n>', 'the first seed', positiveInteger, 1)
  .option('--seeds <n>', 'how many seeds to run, from the first on', positiveInteger, 1)
  .option('--seconds <n>', 'simulated seconds of load and faults (default: what the scenario says)', positiveInteger)
  .option('--trace', 'print the last lines of the trace of every run')
  .addHelpText('after', '\nExample:\n  npm run simulate -- --scenario leader-crash --seed 7 --seeds 100\n')
  .parse();

const flags = program.opts<Flags>();

if (flags.list === true) {
  for (const scenario of scenarios) print(`${scenario.name.padEnd(24)} ${scenario.summary}`);
} else {
  const chosen = scenarios.filter((scenario) => flags.scenario === undefined || scenario.name === flags.scenario);
  if (chosen.length === 0) {
    program.error(`error: there is no scenario '${flags.scenario ?? ''}'; --list shows what there is`);
  }
  let failures = 0;
  for (const scenario of chosen) failures += runSeeds(scenario);
  print(failures === 0 ? 'all runs passed' : `${failures} runs failed`);
  process.exitCode = failures === 0 ? 0 : 1;
}

/** Runs a scenario over the seeds; returns how many runs failed. */
function runSeeds(scenario: Scenario): number {
  const startedMs = performance.now();
  const totals = new Map<string, number>();
  const largest = new Map<string, number>();
  let failures = 0;
  let simulatedMs = 0;
  let checked = 0;
  let hash = '';
  for (let seed = flags.seed; seed < flags.seed + flags.seeds; seed += 1) {
    const result = runScenario(scenario, { seed, seconds: flags.seconds ?? scenario.seconds });
    simulatedMs += result.simulatedMs;
    checked += result.figures?.checkedOperations ?? 0;
    hash = result.traceHash;
    for (const [name, value] of Object.entries(result.counts)) {
      totals.set(name, (totals.get(name) ?? 0) + value);
      largest.set(name, Math.max(largest.get(name) ?? 0, value));
    }
    if (flags.trace === true) for (const line of result.trace) print(line);
    if (result.complaints.length > 0) {
      failures += 1;
      reportFailure(scenario, result);
    }
  }
  const seconds = (performance.now() - startedMs) / 1000;
  const rate = Math.round(simulatedMs / 1000 / seconds);
  const passed = `${flags.seeds - failures} of ${flags.seeds} seeds passed`;
  print(
    `${scenario.name}: ${passed}, ${checked} operations checked, ${seconds.toFixed(1)} s, ` +
      `${rate} simulated seconds per second${flags.seeds === 1 ? `, trace hash ${hash}` : ''}`,
  );
  for (const [name, total] of totals) {
    print(`  ${name}: ${name.endsWith(' ms') ? `at most ${largest.get(name) ?? 0}` : Math.round(total)}`);
  }
  return failures;
}

function reportFailure(scenario: Scenario, result: RunResult): void {
  print(`FAILED ${scenario.name}, seed ${result.seed}, commit ${commit()}, trace hash ${result.traceHash}`);
  for (const complaint of result.complaints) print(`  ${complaint.replaceAll('\n', '\n  ')}`);
  if (flags.trace !== true) for (const line of result.trace.slice(-20)) print(`    ${line}`);
  const seconds = flags.seconds === undefined ? '' : ` --seconds ${flags.seconds}`;
  print(`  replay: npm run simulate -- --scenario ${scenario.name} --seed ${result.seed}${seconds} --trace`);
}

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch {
    return 'unknown';
  }
}
