/**
 * What the searches have found, in `found.json`, and the table of it in the documentation.
 *
 * Of each bug: the seeds until it was caught, counted from 1 in runs of the scenario's own length; the checkers that
 * complained; and a brief run that catches it too, for the test.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { bugs } from './bugs/index.js';

const foundFile = new URL('found.json', import.meta.url);
const tableFile = new URL('../../../docs/planted-bugs.md', import.meta.url);
const BEGIN = '<!-- table: written by npm run simulate:bugs -->';
const END = '<!-- end of the table -->';

export function readFound() {
  return JSON.parse(readFileSync(foundFile, 'utf8'));
}

/** Notes results by the bug's name, and forgets bugs that there are no more. */
export async function noteFound(results) {
  const known = readFound();
  const next = bugs
    .map(({ name }) => [name, { ...known[name], ...results[name] }])
    .filter(([, result]) => Object.keys(result).length > 0);
  writeFileSync(foundFile, await formatted(foundFile, JSON.stringify(Object.fromEntries(next))));
}

export function table() {
  const found = readFound();
  const rows = bugs
    .filter(({ name }) => found[name]?.seeds !== undefined)
    .map(({ name, area, wrong, scenario }) => {
      const { seeds, checkers } = found[name];
      return [name, area, wrong, scenario, seeds, checkers.join(', ')];
    });
  return markdown([['bug', 'area', 'what is wrong', 'scenario', 'seeds', 'caught by'], Array(6).fill('---'), ...rows]);
}

/** What no seed has found so far. */
function missingTable() {
  const found = readFound();
  const rows = bugs
    .filter(({ name }) => found[name]?.seeds === undefined)
    .map(({ name, area, wrong, hard }) => [name, area, wrong, seedsTried(found[name]?.tried ?? {}), hard ?? '']);
  const head = ['bug', 'area', 'what is wrong', 'seeds tried', 'what would have to coincide'];
  return markdown([head, Array(5).fill('---'), ...rows]);
}

function seedsTried(tried) {
  return Object.entries(tried)
    .map(([scenario, seeds]) => `${seeds} of ${scenario}`)
    .join(', ');
}

function markdown(rows) {
  return rows.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** The documentation with the tables as they are now. */
export async function documentation() {
  const text = readFileSync(tableFile, 'utf8');
  const [before, rest] = text.split(BEGIN);
  const after = rest?.split(END)[1];
  if (after === undefined) throw new Error(`${tableFile.pathname} has no place for the table`);
  return formatted(
    tableFile,
    `${before}${BEGIN}\n\n${table()}\n\n## Not caught yet\n\n${missingTable()}\n\n${END}${after}`,
  );
}

async function formatted(url, text) {
  const file = fileURLToPath(url);
  return format(text, { ...(await resolveConfig(file)), filepath: file });
}

export async function writeDocumentation() {
  writeFileSync(tableFile, await documentation());
}
