/**
 * Module loader hooks that give out a second copy of the project's modules, with a bug planted in it. A module that is
 * imported as `...?planted=NAME` has the changes of that bug, and so does everything of the project that it imports.
 * Tests can be imported too: they are compiled on the way, and get the compiled sources that they ask for.
 */
import { readFile } from 'node:fs/promises';

const QUERY = 'planted';

/** @type {string} */
let root;
/** Changed sources by bug and the module's url. */
let sources = new Map();

export function initialize(data) {
  root = data.root;
  sources = data.sources;
}

export async function resolve(specifier, context, next) {
  const found = await next(specifier, context);
  const resolved = { ...found, url: found.url.replace(/(\/packages\/[^/]+)\/src\/(.*)\.ts$/, '$1/dist/$2.js') };
  const bug = context.parentURL?.startsWith('file:') && new URL(context.parentURL).searchParams.get(QUERY);
  const ours = resolved.url.startsWith(root) && !resolved.url.includes('/node_modules/');
  if (!bug || !ours || new URL(resolved.url).searchParams.has(QUERY)) return resolved;
  return { ...resolved, url: plantedUrl(resolved.url, bug) };
}

export async function load(url, context, next) {
  const { pathname } = new URL(url);
  const source = sources.get(url) ?? (pathname.endsWith('.ts') ? await compile(pathname) : undefined);
  return source === undefined ? next(url, context) : { format: 'module', source, shortCircuit: true };
}

async function compile(file) {
  const { default: typescript } = await import('typescript');
  const compilerOptions = { module: typescript.ModuleKind.ESNext, target: typescript.ScriptTarget.ES2023 };
  return typescript.transpileModule(await readFile(file, 'utf8'), { compilerOptions }).outputText;
}

export function plantedUrl(url, bug) {
  return `${url}?${QUERY}=${bug}`;
}
