/**
 * The help texts of the commands.
 */
import type { CommandSpec } from './command-table.ts';
import { CLUSTER, commandTable, commonFlags, DATA, SESSION, usageOf } from './command-table.ts';
import type { Paint } from './style.ts';
import { alignColumns } from './table.ts';

/** All commands, grouped, with one example each. */
export function helpOverview(paint: Paint): string[] {
  const lines: string[] = [];
  for (const section of [DATA, CLUSTER, SESSION]) {
    const specs = commandTable.filter((spec) => spec.section === section);
    lines.push(paint('bold', section));
    const rows = specs.map((spec) => [`  ${usageOf(spec)}`, spec.summary, paint('dim', spec.example)]);
    lines.push(...alignColumns(rows), '');
  }
  lines.push(
    'Quotes keep spaces in a value: put city "New York". JSON is taken as it stands. A quote that is open goes on in the',
    'next line. ";" separates commands. "help COMMAND" tells more about one command.',
  );
  return lines;
}

export function helpAbout(spec: CommandSpec, paint: Paint): string[] {
  const also = spec.aliases.length === 0 ? '' : ` (also: ${spec.aliases.join(', ')})`;
  const flags = [...spec.flags, ...commonFlags].map((flag) => [
    `  ${flag.value === undefined ? flag.name : `${flag.name} ${flag.value}`}`,
    flag.summary,
  ]);
  const details = spec.details.length === 0 ? [] : ['', ...spec.details];
  return [
    `${paint('bold', usageOf(spec))}${also}`,
    `  ${spec.summary}`,
    ...details,
    '',
    ...alignColumns(flags),
    '',
    `Example: ${spec.example}`,
  ];
}
