/**
 * The checks catch known bugs: each is planted in a copy of the compiled code, in a process of its own, and the run that is
 * known to catch it must complain, for the same reason; without the bug the same run must not.
 */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { sampleOf } from '../sample.ts';

interface PlantedBug {
  readonly name: string;
  readonly area: string;
  readonly scenario: string;
}

interface Found {
  readonly checkers: readonly string[];
  readonly brief: { readonly seed: number; readonly seconds?: number };
}

interface SearchOptions {
  readonly first: number;
  readonly seeds: number;
  readonly seconds?: number;
  readonly checkers: readonly string[];
}

interface SearchResult {
  readonly seed?: number;
  readonly checkers?: readonly string[];
  readonly complaints?: readonly string[];
  readonly control?: readonly string[];
  readonly misfits: readonly string[];
}

interface Modules {
  readonly bugs: readonly PlantedBug[];
  readonly searchNear: (bug: PlantedBug, found: Found) => SearchOptions;
  readonly search: (bug: PlantedBug, options: SearchOptions) => Promise<SearchResult>;
  readonly inTurns: <T>(tasks: readonly (() => Promise<T>)[], jobs: number) => Promise<T>[];
  readonly readFound: () => Record<string, Found | undefined>;
  readonly documentation: () => Promise<string>;
  readonly checkerNames: readonly string[];
}

/** Plain JavaScript, because it runs without a build. */
async function load(file: string): Promise<object> {
  return (await import(new URL(file, import.meta.url).href)) as object;
}

const files = ['bugs/index.js', 'near-seeds.js', 'children.js', 'records.js', 'checkers.js'];
const { bugs, searchNear, search, inTurns, readFound, documentation, checkerNames } = Object.assign(
  {},
  ...(await Promise.all(files.map(load))),
) as Modules;

const found = readFound();
const caught = bugs.flatMap((bug) => {
  const record = found[bug.name];
  return record?.brief === undefined ? [] : [{ bug, record }];
});

describe('planted bugs', () => {
  it('are caught: at least 25, of every area', () => {
    expect(caught.length).toBeGreaterThanOrEqual(25);
    const areas = new Set(caught.map(({ bug }) => bug.area));
    expect(areas).toEqual(new Set(['protocol', 'storage', 'session', 'routing', 'client', 'limits', 'lab']));
    expect(new Set(bugs.map((bug) => bug.name)).size).toBe(bugs.length);
  });

  it('are caught by every check that there is', () => {
    const checkers = new Set(caught.flatMap(({ record }) => record.checkers));
    expect(checkerNames.filter((name) => !checkers.has(name))).toEqual([]);
  });

  it('stand in the documentation as they were found', async () => {
    const text = readFileSync(new URL('../../../docs/planted-bugs.md', import.meta.url), 'utf8');
    expect(text).toBe(await documentation());
  });
});

const { chosen, meta } = sampleOf('planted bugs', caught, 24);

describe('a planted bug is caught', { meta, timeout: 120_000 }, () => {
  let results: readonly Promise<SearchResult>[] = [];
  beforeAll(() => {
    const tasks = chosen.map(
      ({ bug, record }) =>
        () =>
          search(bug, searchNear(bug, record)),
    );
    results = inTurns(tasks, 2);
  });

  it.each(chosen.map(({ bug, record }, place) => [bug.name, record, place] as const))(
    '%s',
    async (_, { checkers }, place) => {
      const result: SearchResult | undefined = await results[place];
      // A complaint of another kind than those that caught it is not enough.
      expect(result?.complaints ?? [], `nothing but ${result?.misfits.join('; ') || 'silence'}`).not.toEqual([]);
      expect(result?.checkers?.filter((checker) => checkers.includes(checker))).not.toEqual([]);
      expect(result?.control).toEqual([]);
    },
  );
});
