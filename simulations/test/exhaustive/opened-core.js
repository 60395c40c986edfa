/**
 * The compiled consensus core with its private members opened, so that a search can copy a replica and tell whether two are
 * equal: `#name` becomes `_name`, nothing else changes. Each planted bug gives a core of its own in the same process.
 */
import { readFileSync } from 'node:fs';
import { register } from 'node:module';
import ts from 'typescript';
import { changedSources } from '../planted-bugs/changed-sources.js';
import { coreModules, root } from '../planted-bugs/compiled.js';
import { plantedUrl } from '../planted-bugs/hooks.js';

/** The name of the core without a bug. */
const UNCHANGED = 'none';

/** Makes the cores with these bugs, and the one without, available. The result imports the one of a bug, or without. */
export function openCores(bugs) {
  const sources = new Map();
  const files = coreModules().filter((file) => file.startsWith('packages/consensus/'));
  const unchanged = new Map(files.map((file) => [file, opened(file, readFileSync(new URL(file, root), 'utf8'))]));
  for (const { name, edits } of [{ name: UNCHANGED, edits: [] }, ...bugs]) {
    const changed = changedSources({ name, edits });
    for (const file of files) {
      const { href } = new URL(file, root);
      const source = changed[href] === undefined ? unchanged.get(file) : opened(file, changed[href]);
      sources.set(plantedUrl(href, name), source);
    }
  }
  register('../planted-bugs/hooks.js', import.meta.url, { data: { root: root.href, sources } });
  return async (bug) => {
    const load = (file) => import(plantedUrl(new URL(file, root).href, bug?.name ?? UNCHANGED));
    const [core, transcript] = await Promise.all([
      load('packages/consensus/dist/index.js'),
      load('packages/consensus/test/transcript.ts'),
    ]);
    return { ...core, ...transcript };
  };
}

/** The module with `_name` in place of each `#name`. */
export function opened(file, text) {
  const places = [];
  const visit = (node) => {
    if (ts.isPrivateIdentifier(node)) places.push(node.end - node.text.length);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.ES2023));
  const letters = text.split('');
  for (const place of places) letters[place] = '_';
  return letters.join('');
}
