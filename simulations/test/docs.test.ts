/** The documentation is true where that can be seen: links lead somewhere, files that are named exist, rules that tests cite do. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const SKIPPED = new Set(['node_modules', 'dist', '.git', '.kvorum']);

function files(directory: string, ending: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    if (SKIPPED.has(entry.name)) return [];
    const full = path.join(directory, entry.name);
    if (entry.isDirectory()) return files(full, ending);
    return entry.name.endsWith(ending) ? [full] : [];
  });
}

const pages = files(root, '.md');

/** A heading as a link names it. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}

describe('links', () => {
  it.each(pages.map((page) => path.relative(root, page)))('of %s lead somewhere', (page) => {
    const text = readFileSync(path.join(root, page), 'utf8');
    const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
    const broken = links.filter((link) => {
      if (/^[a-z]+:/.test(link)) return false;
      const [file = '', anchor] = link.split('#');
      const target = file === '' ? path.join(root, page) : path.resolve(path.dirname(path.join(root, page)), file);
      if (!existsSync(target)) return true;
      if (anchor === undefined || !target.endsWith('.md')) return false;
      const headings = [...readFileSync(target, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => heading);
      return !headings.map(anchorOf).includes(anchor);
    });
    expect(broken).toEqual([]);
  });

  it.each(['CONTRIBUTING.md', 'docs/protocol.md', 'docs/simulation.md'])('%s names files that exist', (page) => {
    const text = readFileSync(path.join(root, page), 'utf8');
    const named = [...text.matchAll(/\b((?:packages|simulations|scripts|benchmarks)\/[\w./-]+\.(?:ts|js))\b/g)];
    expect(named.map(([, file = '']) => file).filter((file) => !existsSync(path.join(root, file)))).toEqual([]);
  });
});

describe('rules', () => {
  it('that tests cite stand in docs/protocol.md', () => {
    const text = readFileSync(path.join(root, 'docs/protocol.md'), 'utf8');
    const stated = new Set([...text.matchAll(/^(\d+)\. /gm)].map(([, number]) => Number(number)));
    const cited = files(path.join(root, 'packages/consensus/test'), '.ts').flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(/\brule (\d+)\b/g)].map(([, number]) => Number(number)),
    );
    expect(new Set(cited).size).toBeGreaterThan(10);
    expect(cited.filter((number) => !stated.has(number))).toEqual([]);
  });
});
