/** Each planted bug has its place in the code as it is, and one that has lost it says so by its name, and where to look. */
import { Linter } from 'eslint';
import { describe, expect, it } from 'vitest';

interface Edit {
  readonly at: string;
  readonly module?: string;
  readonly find: string;
  readonly replace: string;
}

interface PlantedBug {
  readonly name: string;
  readonly edits: readonly Edit[];
}

interface Place {
  readonly url: string;
  readonly start: number;
  readonly end: number;
}

interface Modules {
  readonly bugs: readonly PlantedBug[];
  readonly changedSources: (bug: PlantedBug) => Record<string, string>;
  readonly declarationsOf: (file: string, text: string) => readonly { readonly name: string }[];
  readonly locate: (edit: Omit<Edit, 'replace'>, declarations: readonly unknown[]) => Place;
}

/** Plain JavaScript, because it runs without a build. */
async function load(file: string): Promise<object> {
  return (await import(new URL(file, import.meta.url).href)) as object;
}

const files = ['bugs/index.js', 'changed-sources.js', 'anchors.js'];
const { bugs, changedSources, declarationsOf, locate } = Object.assign(
  {},
  ...(await Promise.all(files.map(load))),
) as Modules;

const linter = new Linter();
const globals = Object.fromEntries(Object.getOwnPropertyNames(globalThis).map((name) => [name, 'readonly' as const]));

/** Names that nothing declares, and members that are private to another class. */
function unknownNames(source: string): string[] {
  const problems = linter.verify(source, { languageOptions: { globals }, rules: { 'no-undef': 'error' } });
  return problems.map(({ message }) => message);
}

describe('a planted bug has its place', () => {
  it.each(bugs.map((bug) => [bug.name, bug] as const))('%s', (_, bug) => {
    const sources = Object.values(changedSources(bug));
    expect(sources).not.toEqual([]);
    // What takes the text's place must not break in another way than it is meant to.
    expect(sources.flatMap(unknownNames)).toEqual([]);
  });

  it('or fails by its name', () => {
    const [bug] = bugs as [PlantedBug];
    const lost = { ...bug, name: 'lost', edits: bug.edits.map((edit) => ({ ...edit, at: 'Nobody.nothing' })) };
    expect(() => changedSources(lost)).toThrow(
      'planted bug lost: nothing is called Nobody.nothing any more; it is in ',
    );
  });
});

const follower = `
export const LIMIT = 3;
class Follower {
    #log = [];
    constructor(log) {
        this.#log = log;
    }
    get length() {
        return this.#log.length;
    }
    #suffixStart(index) {
        if (index > LIMIT)
            return 0;
        return index;
    }
}
function joinSegments(first, second) {
    return [...first, ...second];
}
`;
const leader = `
class Leader {
    #suffixStart(index) {
        return index;
    }
}
function joinSegments(segments) {
    return segments.flat();
}
`;
const declarations = [
  ...declarationsOf('packages/consensus/dist/paxos/follower.js', follower),
  ...declarationsOf('packages/consensus/dist/paxos/leader.js', leader),
];

describe('a place', () => {
  const textAt = (edit: Omit<Edit, 'replace'>): string => {
    const { url, start, end } = locate(edit, declarations);
    return (url.endsWith('follower.js') ? follower : leader).slice(start, end);
  };

  it('is in a method, a field, a class, a function or a constant, by its name', () => {
    expect(declarations.map(({ name }) => name)).toEqual([
      'LIMIT',
      'Follower',
      'Follower.#log',
      'Follower.constructor',
      'Follower.length',
      'Follower.#suffixStart',
      'joinSegments',
      'Leader',
      'Leader.#suffixStart',
      'joinSegments',
    ]);
    expect(textAt({ at: 'LIMIT', find: '3' })).toBe('3');
    expect(textAt({ at: 'Follower.#log', find: '[]' })).toBe('[]');
    expect(textAt({ at: 'Follower.constructor', find: 'this.#log = log;' })).toBe('this.#log = log;');
    expect(locate({ at: 'Follower', find: '#log = [];' }, declarations).url).toMatch(/paxos\/follower\.js$/);
  });

  it('is found however its lines are broken', () => {
    const lines = 'if (index > LIMIT)\n            return 0;';
    expect(textAt({ at: 'Follower.#suffixStart', find: 'if (index > LIMIT) return 0;' })).toBe(lines);
  });

  it('that is gone is refused, with where its text is now', () => {
    const gone = { at: 'Follower.suffixStart', find: 'if (index > LIMIT) return 0;' };
    expect(() => textAt(gone)).toThrow(
      'nothing is called Follower.suffixStart any more; it is in Follower.#suffixStart (consensus/paxos/follower): if',
    );
    expect(() => textAt({ ...gone, at: 'Leader.#suffixStart' })).toThrow(
      'Leader.#suffixStart does not have its text; it is in Follower.#suffixStart (consensus/paxos/follower): if',
    );
    expect(() => textAt({ at: 'Leader', find: 'no such text' })).toThrow(
      'Leader does not have its text; no other declaration has it: no such text',
    );
  });

  it('that could be several is refused', () => {
    expect(() => textAt({ at: 'Follower', find: 'return' })).toThrow('Follower has its text 3 times, not once: return');
    expect(() => textAt({ at: 'joinSegments', find: 'return' })).toThrow(
      'joinSegments is declared 2 times; say with `module` which one is meant: consensus/paxos/follower, consensus/paxos/leader',
    );
    expect(textAt({ at: 'joinSegments', module: 'paxos/leader', find: 'segments.flat()' })).toBe('segments.flat()');
    expect(() => textAt({ at: 'joinSegments', module: 'axos/leader', find: 'return' })).toThrow(
      'nothing is called joinSegments of axos/leader any more',
    );
  });
});
