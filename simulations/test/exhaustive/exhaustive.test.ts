/**
 * The exhaustive search of the consensus core: it goes through everything within small bounds and finds nothing, and finds
 * planted bugs by paths that show them. The replicas that it copies do what the originals do.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { sampleOf } from '../sample.ts';

interface Result {
  readonly complete: boolean;
  readonly expanded: number;
  readonly violation?: string;
  readonly path?: readonly string[];
}

interface SearchedBug {
  readonly name: string;
  /** How many actions its shortest path has. */
  readonly actions?: number;
}

interface Modules {
  readonly searchedBugs: readonly SearchedBug[];
  readonly opened: (file: string, text: string) => string;
}

/** Plain JavaScript, because it runs without a build. */
async function load(file: string): Promise<object> {
  return (await import(new URL(file, import.meta.url).href)) as object;
}

const { searchedBugs, opened } = Object.assign(
  {},
  ...(await Promise.all(['bugs.js', 'opened-core.js'].map(load))),
) as Modules;

interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
}

/** In a process of its own, because it changes how modules are loaded. */
async function run(script: string, ...flags: string[]): Promise<Outcome> {
  const file = fileURLToPath(new URL(script, import.meta.url));
  return promisify(execFile)(process.execPath, [file, ...flags]).catch((error: Outcome) => error);
}

async function searched(...flags: string[]): Promise<Result[]> {
  const { stdout } = await run('main.js', '--json', ...flags);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Result);
}

/** Longer paths take longer to find. */
const ACTIONS_MAX = 15;

describe('the exhaustive search', { timeout: 120_000 }, () => {
  it('finds nothing within small bounds, and leaves nothing out', async () => {
    const [result] = await searched('--elections', '1');
    expect(result).toMatchObject({ complete: true });
    expect(result?.violation).toBeUndefined();
    expect(result?.expanded).toBeGreaterThan(5_000);
  });

  const caught = searchedBugs.filter(({ actions = Infinity }) => actions <= ACTIONS_MAX);
  const { chosen, meta } = sampleOf('bugs of the exhaustive search', caught, 6);

  it('finds planted bugs, each by a shortest path', { meta }, async () => {
    expect(caught.length).toBeGreaterThanOrEqual(8);
    const names = chosen.map(({ name }) => name);
    const results = await searched('--bugs', ...names);
    const actions = results.map(({ violation, path }, place) => [names[place], violation !== undefined, path?.length]);
    expect(actions).toEqual(chosen.map((bug) => [bug.name, true, bug.actions]));
  });

  it('copies replicas that do what the originals do', async () => {
    const { stdout } = await run('copies-check.js');
    const { steps, decided } = JSON.parse(stdout) as { readonly steps: number; readonly decided: number };
    expect(steps).toBeGreaterThan(2_000);
    expect(decided).toBeGreaterThan(20);
  });

  it('opens what is private, and nothing else', () => {
    const text = 'class A { #n = "#n"; #add() { return this.#n; } } // #n';
    expect(opened('a.js', text)).toBe('class A { _n = "#n"; _add() { return this._n; } } // #n');
  });

  it('says what is wrong with its flags', async () => {
    const outcomes = await Promise.all([
      run('main.js', '--crashes', 'two'),
      run('main.js', '--entries', '16'),
      run('main.js', '--bugs', 'nobody'),
      run('main.js', 'crashes'),
    ]);
    const said = outcomes.map(({ stderr }) => stderr);
    expect(said[0]).toContain('It takes a whole number from 0 to 15.');
    expect(said[1]).toContain('It takes a whole number from 0 to 15.');
    expect(said[2]).toContain('there is no bug nobody for this search, but ');
    expect(said[3]).toContain('too many arguments');
  });
});
