/**
 * The checks catch known bugs: each is planted in a copy of the compiled code, in a process of its own, and the run that is
 * known to catch it must complain, for the same reason; without the bug the same run must not.
 */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { sampleOf } from '../sample.ts';

interface Edit {
  readonly at: string;
  readonly module?: string;
  readonly find: string;
  readonly replace: string;
}

interface PlantedBug {
  readonly name: string;
  readonly area: string;
  readonly scenario: string;
  readonly edits: readonly Edit[];
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
  readonly changedSources: (bug: PlantedBug) => Record<string, string>;
  readonly searchNear: (bug: PlantedBug, found: Found) => SearchOptions;
  readonly search: (bug: PlantedBug, options: SearchOptions) => Promise<SearchResult>;
  readonly inTurns: <T>(tasks: readonly (() => Promise<T>)[], jobs: number) => Promise<T>[];
  readonly readFound: () => Record<string, Found | undefined>;
  readonly documentation: () => Promise<string>;
}

/** Plain JavaScript, because it runs without a build. */
async function load(file: string): Promise<object> {
  return (await import(new URL(file, import.meta.url).href)) as object;
}

const files = ['bugs/index.js', 'changed-sources.js', 'near-seeds.js', 'children.js', 'records.js'];
const { bugs, changedSources, searchNear, search, inTurns, readFound, documentation } = Object.assign(
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
    expect(areas).toEqual(new Set(['protocol', 'storage', 'session', 'routing', 'client']));
    expect(new Set(bugs.map((bug) => bug.name)).size).toBe(bugs.length);
  });

  it('stand in the documentation as they were found', async () => {
    const text = readFileSync(new URL('../../../docs/planted-bugs.md', import.meta.url), 'utf8');
    expect(text).toBe(await documentation());
  });
});

describe('the place of a planted bug', () => {
  it.each(bugs)('is there: $name', (bug) => {
    expect(Object.keys(changedSources(bug))).not.toEqual([]);
  });

  const [edit] = (bugs.find((bug) => bug.name === 'gap-accepted') as PlantedBug).edits as [Edit];
  const refusalOf = (change: Partial<Edit>): (() => unknown) => {
    const stale = { ...(bugs[0] as PlantedBug), name: 'stale-bug', edits: [{ ...edit, ...change }] };
    return () => changedSources(stale);
  };

  it('that is gone is refused, by the name of the bug, with where its text is now', () => {
    const text = 'it is in Follower.onAccept (consensus/sequence-paxos/follower): if (!sameBallot(';
    expect(refusalOf({ at: 'Follower.onGone' })).toThrow(
      `planted bug stale-bug: nothing is called Follower.onGone any more; ${text}`,
    );
    expect(refusalOf({ at: 'Follower.onDecide' })).toThrow(`Follower.onDecide does not have its text; ${text}`);
    expect(refusalOf({ find: 'what is not there' })).toThrow(
      'Follower.onAccept does not have its text; no other declaration has it: what is not there',
    );
  });

  it('that could be several is refused', () => {
    expect(refusalOf({ find: 'acceptor' })).toThrow(/Follower\.onAccept has its text \d+ times, not once: acceptor/);
    expect(refusalOf({ at: 'Follower', find: 'return;' })).toThrow(/Follower has its text \d+ times/);
    expect(refusalOf({ at: 'Follower.onAccept', module: 'follower' })).not.toThrow();
    expect(refusalOf({ at: 'Follower.onAccept', module: 'leader' })).toThrow(
      'nothing is called Follower.onAccept of leader',
    );
  });
});

const { chosen, meta } = sampleOf('planted bugs', caught, 8);

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
