/**
 * The checks catch known bugs: each is planted in a copy of the compiled code, in a process of its own, and the run that is
 * known to catch it must complain, for the same reason; without the bug the same run must not.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

interface PlantedBug {
  readonly name: string;
  readonly area: string;
  readonly scenario: string;
  readonly edits: readonly { readonly file: string; readonly find: string; readonly replace: string }[];
}

interface Found {
  readonly seeds: number;
  readonly checkers: readonly string[];
  readonly brief: { readonly seed: number; readonly seconds?: number };
}

interface SearchResult {
  readonly seed?: number;
  readonly checkers?: readonly string[];
  readonly complaints?: readonly string[];
  readonly control?: readonly string[];
}

interface Modules {
  readonly bugs: readonly PlantedBug[];
  readonly checkFit: (bugs: readonly PlantedBug[]) => void;
  readonly search: (bug: PlantedBug, first: number, seeds: number, seconds?: number) => Promise<SearchResult>;
  readonly inTurns: <T>(tasks: readonly (() => Promise<T>)[], jobs: number) => Promise<T>[];
  readonly readFound: () => Record<string, Found | undefined>;
  readonly documentation: () => Promise<string>;
}

/** Plain JavaScript, because it runs without a build. */
async function load(file: string): Promise<object> {
  return (await import(new URL(file, import.meta.url).href)) as object;
}

const files = ['bugs/index.js', 'plant.js', 'children.js', 'records.js'];
const { bugs, checkFit, search, inTurns, readFound, documentation } = Object.assign(
  {},
  ...(await Promise.all(files.map(load))),
) as Modules;

/** A change of the simulator may move a bug to a seed nearby. */
const SEEDS = 10;
const found = readFound();
const caught = bugs.filter((bug) => found[bug.name]?.brief !== undefined);

describe('planted bugs', () => {
  it('are caught: at least 25, of every area', () => {
    expect(caught.length).toBeGreaterThanOrEqual(25);
    const areas = new Set(caught.map((bug) => bug.area));
    expect(areas).toEqual(new Set(['protocol', 'storage', 'session', 'routing', 'client']));
    expect(new Set(bugs.map((bug) => bug.name)).size).toBe(bugs.length);
  });

  it('that do not fit the code any more are refused', () => {
    const [bug] = bugs as [PlantedBug];
    const stale = { ...bug, edits: bug.edits.map((edit) => ({ ...edit, find: 'what is not there' })) };
    expect(() => checkFit([stale])).toThrow(/0 times, not once/);
    const vague = { ...bug, edits: bug.edits.map((edit) => ({ ...edit, find: 'return' })) };
    expect(() => checkFit([vague])).toThrow(/times, not once/);
    checkFit(bugs);
  });

  it('stand in the documentation as they were found', async () => {
    const text = readFileSync(new URL('../../../docs/planted-bugs.md', import.meta.url), 'utf8');
    expect(text).toBe(await documentation());
  });

  const tasks = caught.map((bug) => async () => {
    const brief = found[bug.name]?.brief;
    return brief === undefined ? {} : search(bug, brief.seed, SEEDS, brief.seconds);
  });
  const results: readonly Promise<SearchResult>[] = inTurns(tasks, 2);

  it.each(caught.map((bug, place) => [bug.name, place] as const))('%s is caught', async (name, place) => {
    const result: SearchResult | undefined = await results[place];
    expect(result?.complaints ?? []).not.toEqual([]);
    const expected = found[name]?.checkers ?? [];
    expect(result?.checkers?.filter((checker) => expected.includes(checker))).not.toEqual([]);
    expect(result?.control).toEqual([]);
  });
});
