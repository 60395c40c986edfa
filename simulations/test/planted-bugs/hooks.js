/**
 * Module loader hooks that give out a second copy of the project's modules, with a bug planted in it. A module that is
 * imported as `...?planted=NAME` has the changes of that bug, and so does everything of the project that it imports.
 */
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
  const resolved = await next(specifier, context);
  const bug = context.parentURL?.startsWith('file:') && new URL(context.parentURL).searchParams.get(QUERY);
  const ours = resolved.url.startsWith(root) && !resolved.url.includes('/node_modules/');
  if (!bug || !ours || new URL(resolved.url).searchParams.has(QUERY)) return resolved;
  return { ...resolved, url: plantedUrl(resolved.url, bug) };
}

export async function load(url, context, next) {
  const source = sources.get(url);
  return source === undefined ? next(url, context) : { format: 'module', source, shortCircuit: true };
}

export function plantedUrl(url, bug) {
  return `${url}?${QUERY}=${bug}`;
}
