/**
 * The page's code as one classic script: its compiled modules, each before those that import it, without their imports and
 * exports. That is all a bundler would do here, because the modules keep to a few rules: named imports of each other
 * without renaming, no default exports, no name twice at the top of two modules (the browser would refuse that).
 */
import { readFileSync } from 'node:fs';

/** The same place seen from the source and from what is compiled, because both are at one depth. */
const COMPILED = new URL('../../dist/report/page/', import.meta.url);

const IMPORT = /^import \{[^}]*\} from ['"]\.\/([\w-]+)\.js['"];$/gm;

export function pageScript(): string {
  const modules = new Map<string, string>();
  addModule('main', modules);
  // A script element ends at its first closing tag, even inside a string.
  const code = [...modules.values()].join('\n').replaceAll(/<\/(script)/gi, '<\\/$1');
  return `'use strict';\n(() => {\n${code}\n})();`;
}

function addModule(name: string, modules: Map<string, string>): void {
  if (modules.has(name)) return;
  const code = compiled(name);
  for (const [, imported] of code.matchAll(IMPORT)) if (imported !== undefined) addModule(imported, modules);
  const plain = code
    .replaceAll(IMPORT, '')
    .replaceAll(/^export (?=class|function|const)/gm, '')
    .replaceAll(/^export \{\};$/gm, '')
    .replaceAll(/^\/\/# sourceMappingURL=.*$/gm, '');
  if (/^(import|export)\b/m.test(plain))
    throw new Error(`page module ${name} imports or exports in a way not provided for`);
  modules.set(name, plain);
}

function compiled(name: string): string {
  const file = new URL(`${name}.js`, COMPILED);
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new Error(`${file.pathname} is not there: npm run build makes it`, { cause });
  }
}
