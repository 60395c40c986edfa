/**
 * What came of many runs, for the terminal.
 */
import { count, duration, several, speed } from './figures.ts';
import { formatRanges } from './number-ranges.ts';
import { textTable } from './table.ts';
import type { ScenarioTally, Tally } from './tally.ts';
import { extremeRows, failedSeeds, marksNeverHit, totalOf } from './tally.ts';

export interface SummarySettings {
  /** Runs that were asked for. */
  readonly wanted: number;
  readonly wallMs: number;
  readonly processes: number;
}

export function summaryText(tally: Tally, { wanted, wallMs, processes }: SummarySettings): string[] {
  const total = totalOf(tally);
  const places = processes > 1 ? ` on ${processes} processes` : '';
  const stopped = total.runs < wanted ? `stopped after ${count(total.runs)} of ${several(wanted, 'run')}, ` : '';
  return [
    '',
    ...scenarioTable(tally),
    ...section('nearest to a bound', extremesTable(tally)),
    ...section('faults by kind', pairs(tally.faults)),
    ...section('counted', pairs(tally.counts)),
    ...section('coverage marks', markLines(tally)),
    ...section('failed seeds', failedLines(tally)),
    '',
    ...(total.repeated === 0
      ? []
      : [`${several(total.repeated, 'run')} made twice, ${count(total.repeatedAlike)} with the same trace hash`]),
    `${stopped}${verdict(total)}; ${duration(wallMs)}${places}, ${speed(total.simulatedMs, wallMs)} simulated s/s`,
  ];
}

function verdict({ runs, passed }: Pick<ScenarioTally, 'runs' | 'passed'>): string {
  if (runs === 0) return 'nothing ran';
  if (passed < runs) return `${several(runs - passed, 'run')} of ${count(runs)} failed`;
  return runs === 1 ? 'the run passed' : `all ${several(runs, 'run')} passed`;
}

function scenarioTable(tally: Tally): string[] {
  const head = ['scenario', 'passed', 'operations checked', 'unknown', 'faults', 'simulated s', 's/s per process'];
  const row = (name: string, sums: Omit<ScenarioTally, 'failures' | 'extremes'>): string[] => [
    name,
    `${count(sums.passed)} of ${count(sums.runs)}`,
    count(sums.operations),
    count(sums.unknownVerdicts),
    count(sums.faults),
    count(sums.simulatedMs / 1000),
    speed(sums.simulatedMs, sums.tookMs),
  ];
  const rows = Object.entries(tally.scenarios).map(([name, sums]) => row(name, sums));
  if (rows.length > 1) rows.push(row('all', totalOf(tally)));
  return textTable([head, ...rows], ['left', 'right', 'right', 'right', 'right', 'right', 'right']);
}

function extremesTable(tally: Tally): string[] {
  const rows = extremeRows(tally).map(([scenario, name, value, seed]) => [scenario, name, value, `seed ${seed}`]);
  return textTable(rows, ['left', 'left', 'right', 'left']);
}

function markLines(tally: Tally): string[] {
  const never = marksNeverHit(tally);
  const hit = Object.fromEntries(Object.entries(tally.marks).filter(([, hits]) => hits > 0));
  return never.length === 0 ? pairs(hit) : [...pairs(hit), `never hit: ${never.join(', ')}`];
}

function failedLines(tally: Tally): string[] {
  return Object.entries(tally.scenarios)
    .map(([name, sums]) => ({ name, seeds: failedSeeds(sums) }))
    .filter(({ seeds }) => seeds.length > 0)
    .map(({ name, seeds }) => `${name}: ${formatRanges(seeds)}`);
}

/** Names and numbers in two columns, the names in order. */
function pairs(values: Readonly<Record<string, number>>): string[] {
  const rows = Object.entries(values)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => [name, count(value)]);
  return textTable(rows, ['left', 'right']);
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', title, ...lines.map((line) => `  ${line}`)];
}
