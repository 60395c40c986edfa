/**
 * The section about a long run in docs/evidence.md: what ran and what came of it, nothing else.
 */
import { count, duration, several, speed } from './figures.ts';
import { formatRanges } from './number-ranges.ts';
import { markdownTable } from './table.ts';
import type { ScenarioTally, Tally } from './tally.ts';
import { extremeRows, failedSeeds, marksNeverHit, totalOf } from './tally.ts';

export interface EvidenceFacts {
  /** YYYY-MM-DD */
  readonly date: string;
  readonly commit: string;
  readonly command: string;
  readonly node: string;
  readonly processes: number;
  readonly wallMs: number;
  /** Runs that were asked for. */
  readonly wanted: number;
  /** First and last seed of each scenario. */
  readonly seeds: Readonly<Record<string, readonly [number, number]>>;
  readonly tally: Tally;
}

export function evidenceSection(facts: EvidenceFacts): string {
  const { date, commit, command, node, processes, wallMs, wanted, tally } = facts;
  const total = totalOf(tally);
  const whole = total.runs === wanted;
  const paragraphs = [
    [`## ${date}: ${whole ? '' : `${count(total.runs)} of `}${several(wanted, 'seed')} at ${commit}`],
    [
      `\`${command}\`, Node.js ${node}, ${processes === 1 ? 'one process' : `${processes} processes`}, ${duration(wallMs)} in all.`,
    ],
    ...(whole
      ? []
      : [
          [
            `Not complete: these are the figures of the ${several(total.runs, 'run')} that had ended when it was written.`,
          ],
        ]),
    scenarioTable(facts),
    [
      `- Failures: ${failures(tally)}`,
      `- Unknown verdicts: ${count(total.unknownVerdicts)}.`,
      `- Runs made twice: ${count(total.repeated)}, of which ${count(total.repeatedAlike)} gave the same trace hash again.`,
      `- Faults by kind: ${pairs(tally.faults)}.`,
      `- Counted: ${pairs(tally.counts)}.`,
      `- Coverage marks: ${marks(tally)}`,
    ],
    extremesTable(tally),
  ];
  return `${paragraphs.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function scenarioTable({ tally, seeds }: EvidenceFacts): string[] {
  const head = [
    'scenario',
    'seeds',
    'runs',
    'passed',
    'simulated s',
    's/s per process',
    'operations checked',
    'faults',
  ];
  const row = (name: string, range: string, sums: Omit<ScenarioTally, 'failures' | 'extremes'>): string[] => [
    name,
    range,
    count(sums.runs),
    count(sums.passed),
    count(sums.simulatedMs / 1000),
    speed(sums.simulatedMs, sums.tookMs),
    count(sums.operations),
    count(sums.faults),
  ];
  const rows = Object.entries(tally.scenarios).map(([name, sums]) => {
    const [first, last] = seeds[name] ?? [];
    return row(name, first === undefined ? '' : `${first} to ${last}`, sums);
  });
  if (rows.length > 1) rows.push(row('all', '', totalOf(tally)));
  return markdownTable([head, ...rows], ['left', 'left', 'right', 'right', 'right', 'right', 'right', 'right']);
}

function extremesTable(tally: Tally): string[] {
  const rows = extremeRows(tally);
  if (rows.length === 0) return ['Nothing was measured that has a bound.'];
  return markdownTable([['scenario', 'what', 'measured', 'seed'], ...rows], ['left', 'left', 'right', 'right']);
}

function failures(tally: Tally): string {
  const lists = Object.entries(tally.scenarios)
    .map(([name, sums]) => ({ name, seeds: failedSeeds(sums) }))
    .filter(({ seeds }) => seeds.length > 0)
    .map(({ name, seeds }) => `${name}, ${several(seeds.length, 'seed')} (${formatRanges(seeds)})`);
  return lists.length === 0 ? 'none.' : `${lists.join('; ')}.`;
}

function marks(tally: Tally): string {
  if (Object.keys(tally.marks).length === 0) return 'none were counted.';
  const never = marksNeverHit(tally);
  return `${pairs(tally.marks)}; never hit: ${never.length === 0 ? 'none' : never.join(', ')}.`;
}

function pairs(values: Readonly<Record<string, number>>): string {
  const names = Object.keys(values).sort();
  return names.length === 0 ? 'none' : names.map((name) => `${name} ${count(values[name] ?? 0)}`).join(', ');
}
