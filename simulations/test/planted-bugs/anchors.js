/**
 * Finds the places of planted bugs in the compiled cores by name, so that a bug stays where it belongs when a file moves or
 * a similar line appears elsewhere: `Follower.onPrepare` is a method (the constructor, getters and setters too) or a field,
 * `Follower` the class with all that is in it, `joinSegments` a function or a constant of a module.
 */
import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { coreModules, root } from './compiled.js';

/** Of all modules, parsed once: that takes longer than everything else. */
let ofCores;

function declarationsOfCores() {
  ofCores ??= coreModules().flatMap((file) => declarationsOf(file, readFileSync(new URL(file, root), 'utf8')));
  return ofCores;
}

/** Of the compiled module with this text. */
export function declarationsOf(file, moduleText) {
  const source = ts.createSourceFile(file, moduleText, ts.ScriptTarget.ES2023);
  const module = file.replace('/dist/', '/').replace(/^packages\/|\.js$/g, '');
  const { href } = new URL(file, root);
  return source.statements.flatMap(partsOf).map(({ owner, node }) => {
    const name = [owner, node].filter(Boolean).map((part) => nameOf(part, source));
    const start = node.getStart(source);
    return { name: name.join('.'), module, url: href, start, text: moduleText.slice(start, node.end) };
  });
}

/** What a statement of a module declares; of a class also its members. */
function partsOf(statement) {
  if (ts.isVariableStatement(statement)) return statement.declarationList.declarations.map((node) => ({ node }));
  if (ts.isFunctionDeclaration(statement)) return [{ node: statement }];
  if (!ts.isClassDeclaration(statement)) return [];
  return [{ node: statement }, ...statement.members.map((node) => ({ owner: statement, node }))];
}

function nameOf(node, source) {
  return node.name?.getText(source) ?? (ts.isConstructorDeclaration(node) ? 'constructor' : '');
}

/** The one place that an edit means: the module's url, and from where to where its text stands. Throws when it is not one. */
export function locate({ at, module, find }, declarations = declarationsOfCores()) {
  const declaration = declarationCalled(at, module, find, declarations);
  const places = placesOf(find, declaration);
  const [place] = places;
  if (place === undefined) throw new Error(`${at} does not have its text; ${whereabouts(find, declarations)}`);
  if (places.length > 1) throw new Error(`${at} has its text ${places.length} times, not once: ${find}`);
  return { url: declaration.url, ...place };
}

function declarationCalled(at, module, find, declarations) {
  const called = declarations.filter(
    (declaration) =>
      declaration.name === at && (module === undefined || `/${declaration.module}`.endsWith(`/${module}`)),
  );
  const name = module === undefined ? at : `${at} of ${module}`;
  if (called.length === 0) throw new Error(`nothing is called ${name} any more; ${whereabouts(find, declarations)}`);
  if (called.length === 1) return called[0];
  const modules = called.map((declaration) => declaration.module).join(', ');
  throw new Error(`${name} is declared ${called.length} times; say with \`module\` which one is meant: ${modules}`);
}

/** Where the text stands in the declaration. Any white space is like any other: how deep a line stands does not matter. */
function placesOf(find, { start, text }) {
  const words = find.trim().split(/\s+/).map(escaped);
  return [...text.matchAll(new RegExp(words.join('\\s+'), 'g'))].map((match) => {
    return { start: start + match.index, end: start + match.index + match[0].length };
  });
}

function escaped(text) {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}

/** Where the text of an edit is now, for whoever has to mend it. */
function whereabouts(find, declarations) {
  const holders = declarations.filter((declaration) => placesOf(find, declaration).length > 0);
  const innermost = holders.filter(
    ({ name, module }) => !holders.some((other) => other.module === module && other.name.startsWith(`${name}.`)),
  );
  if (innermost.length === 0) return `no other declaration has it: ${find}`;
  return `it is in ${innermost.map(({ name, module }) => `${name} (${module})`).join(', ')}: ${find}`;
}
