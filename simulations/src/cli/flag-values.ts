/**
 * What flags take, with errors that say what is wrong.
 */
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { takeMarks } from '@kvorum/common';
import type { Scenario } from '../run/run.ts';
import type { Branch } from '../world/random-stream.ts';
import { randomParts } from '../world/random-stream.ts';
import { parseBranches } from './branches.ts';
import { nearNames } from './near-names.ts';
import { parseRanges } from './number-ranges.ts';
import { sourceNow } from './source.ts';
import { NODES_MIN } from './task.ts';

export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('It takes a whole number from 1 on.');
  return value;
}

export interface FirstSeed {
  readonly seed: number;
  /** What it comes from. */
  readonly commit?: string;
}

/** Where the seeds of commits begin, how many commits have seeds of their own, and how many each. */
const COMMIT_SEEDS_FIRST = 1_000_000;
const COMMITS = 1_000_000;
const SEEDS_PER_COMMIT = 1000;

export function firstSeed(text: string): FirstSeed {
  if (text !== 'commit') {
    const seed = Number(text);
    if (Number.isSafeInteger(seed) && seed >= 1) return { seed };
    throw new InvalidArgumentError('It takes a whole number from 1 on, or "commit".');
  }
  const { commit } = sourceNow();
  if (commit === undefined) throw new InvalidArgumentError('There is no commit here: name the first seed.');
  return { seed: seedOfCommit(commit), commit };
}

export function seedOfCommit(commit: string): number {
  return COMMIT_SEEDS_FIRST + (Number.parseInt(commit.slice(0, 7), 16) % COMMITS) * SEEDS_PER_COMMIT;
}

export function nodeCount(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= NODES_MIN) return value;
  throw new InvalidArgumentError(`It takes a whole number from ${NODES_MIN} on: fewer cannot lose a node and go on.`);
}

export function percentage(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 100)) throw new InvalidArgumentError('It takes 0 to 100.');
  return value;
}

/** Names of coverage marks with commas between them. */
export function markNames(text: string): string[] {
  const known = Object.keys(takeMarks());
  const names = text.split(',');
  for (const name of names) {
    if (known.includes(name)) continue;
    const near = nearNames(name, known);
    const hint = near.length === 0 ? '' : ` Did you mean ${near.join(' or ')}?`;
    throw new InvalidArgumentError(`There is no such mark: ${name}.${hint}`);
  }
  return names;
}

export function numberRanges(text: string): number[] {
  const numbers = parseRanges(text);
  if (numbers === undefined) throw new InvalidArgumentError('It takes numbers and ranges, such as 0-4,6,9-30.');
  return numbers;
}

export function branchList(text: string): Branch[] {
  const branches = parseBranches(text);
  if (branches === undefined)
    throw new InvalidArgumentError(
      `It takes MILLISECONDS:SEED:PART, with commas between them; a part is ${randomParts.join(', ')}.`,
    );
  return branches;
}

/** A file that can be written when the runs are over. */
export function outputFile(file: string): string {
  const directory = dirname(file);
  if (isDirectory(file)) throw new InvalidArgumentError('It is a directory: name a file.');
  if (!isDirectory(directory)) throw new InvalidArgumentError(`There is no directory ${directory}: make it first.`);
  try {
    accessSync(existsSync(file) ? file : directory, constants.W_OK);
  } catch {
    throw new InvalidArgumentError('It may not be written: name another file, or change the permissions.');
  }
  return file;
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** Flags only: refuses the name of a scenario that stands alone. */
export function refuseArguments(command: Command, flag: string): void {
  if (command.args.length === 0) return;
  const usage = `npm run ${command.name()} -- ${flag} ${command.args.join(',')}`;
  command.error(`error: unexpected "${command.args.join(' ')}": scenarios are named by a flag, as in "${usage}"`);
}

/** A parser for names of scenarios with commas between them. */
export function scenariosOf(scenarios: readonly Scenario[]): (names: string) => Scenario[] {
  const scenario = scenarioOf(scenarios);
  return (names) => {
    const chosen = names.split(',').map(scenario);
    if (new Set(chosen).size < chosen.length) throw new InvalidArgumentError('It names a scenario twice.');
    return chosen;
  };
}

/** A parser for the name of one of the scenarios. */
function scenarioOf(scenarios: readonly Scenario[]): (name: string) => Scenario {
  return (name) => {
    const found = scenarios.find((scenario) => scenario.name === name);
    if (found !== undefined) return found;
    const names = scenarios.map((scenario) => scenario.name);
    const near = nearNames(name, names);
    const hint = near.length === 0 ? '' : ` Did you mean ${near.join(' or ')}?`;
    throw new InvalidArgumentError(`There is no such scenario.${hint} "npm run simulate -- --list" shows all.`);
  };
}
