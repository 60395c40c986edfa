/**
 * `npm run simulate:exhaustive`: goes through all that can happen to a few replicas of the consensus core within bounds, and
 * prints how much that was. Ends with exit code 1 when something was violated, or the search was given up.
 */
import { Command, InvalidArgumentError } from 'commander';
import { searches, smallest } from './bounds.js';
import { searchedBugs } from './bugs.js';
import { COUNTED, Model } from './model.js';
import { openCores } from './opened-core.js';
import { search } from './search.js';

/** What a state has room to count. */
const COUNT_MAX = 15;

const print = (line) => void process.stdout.write(`${line}\n`);

const flags = new Command('simulate:exhaustive')
  .description(
    'Goes through every order of messages, losses, repetitions, writes, crashes and elections of three replicas of the ' +
      'consensus core, within bounds. Without flags: the searches of docs/evidence.md, one after the other.',
  )
  .option('--elections <n>', 'how often a replica stands for election', count)
  .option('--entries <n>', 'how many entries are proposed', count)
  .option('--crashes <n>', 'how many replicas crash; each may restart', count)
  .option('--reads <n>', 'how many linearizable reads are asked for, one at a time', count)
  .option('--rounds <n>', 'how many heartbeat rounds end, besides those of elections', count)
  .option('--writes <n>', 'how many writes a replica has under way at most', count)
  .option(
    '--bugs <names...>',
    'with each of these planted in the core, breadth first: for shortest paths to what they break',
  )
  .option('--any-path', 'with --bugs: not a shortest path but one that is found soon')
  .option('--states-max <n>', 'give a search up after so many states', positive)
  .option('--json', 'print a line of JSON for each search')
  .allowExcessArguments(false)
  .parse()
  .opts();

const bugs = (flags.bugs ?? []).map((name) => searchedBugs.find((bug) => bug.name === name) ?? { name });
const unknown = bugs.filter(({ edits }) => edits === undefined).map(({ name }) => name);
if (unknown.length > 0) {
  const names = searchedBugs.map(({ name }) => name).join(', ');
  process.stderr.write(`there is no bug ${unknown.join(', ')} for this search, but ${names}\n`);
  process.exit(1);
}
const coreOf = openCores(bugs);
const given = Object.fromEntries(
  [...COUNTED, 'writes'].filter((name) => name in flags).map((name) => [name, flags[name]]),
);
const isOne = Object.keys(given).length > 0;
const tasks =
  bugs.length > 0
    ? bugs.map((bug) => ({ bug, bounds: bug.bounds }))
    : isOne
      ? [{}]
      : searches.map((bounds) => ({ bounds }));
for (const { bug, bounds } of tasks) {
  const startMs = performance.now();
  const all = { ...smallest, ...bounds, ...given };
  const shortest = bug !== undefined && !flags.anyPath;
  const result = search(new Model(await coreOf(bug), all), { shortest, statesMax: flags.statesMax });
  const seconds = Math.round((performance.now() - startMs) / 100) / 10;
  const figures = { ...result, seconds, mb: Math.round(process.memoryUsage().rss / 2 ** 20) };
  print(flags.json ? JSON.stringify(figures) : textOf(bug, all, figures));
  if (!result.complete) process.exitCode = 1;
}

function count(text) {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > COUNT_MAX)
    throw new InvalidArgumentError(`It takes a whole number from 0 to ${COUNT_MAX}.`);
  return value;
}

function positive(text) {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('It takes a whole number from 1 on.');
  return value;
}

function textOf(bug, bounds, { complete, violation, path = [], ...figures }) {
  const within = [...COUNTED, 'writes'].map((name) => `${bounds[name]} ${name}`).join(', ');
  const found = violation ?? (complete ? 'no violation, and nothing left out' : 'given up, without a violation so far');
  const numbers = Object.entries(figures).map(([name, value]) => `${name} ${value.toLocaleString('en')}`);
  const steps = path.map((step, place) => `  ${place + 1}. ${step}`);
  return [`${bug === undefined ? '' : `${bug.name}, `}${within}: ${found}`, `  ${numbers.join(', ')}`, ...steps].join(
    '\n',
  );
}
