/**
 * What Tab offers: commands, flags, nodes, groups, and keys that were seen.
 */
import { nodeName } from '@kvorum/common';
import type { Client } from '@kvorum/client';
import type { ArgumentKind } from './command-table.ts';
import { commandTable, commonFlags, findCommand } from './command-table.ts';
import { looksLikeJson } from './json-word.ts';

export interface CompletionSources {
  readonly client: Pick<Client, 'layout'>;
  readonly keysSeen: readonly string[];
}

/** As node:readline wants it: the completions, and the part of the line they complete. */
export function complete(line: string, sources: CompletionSources): [string[], string] {
  const { words, current } = splitTyped(line);
  const candidates = words.length === 0 ? commandNames() : candidatesAfter(words, current, sources);
  const found = candidates.filter((candidate) => candidate.startsWith(current)).map((candidate) => `${candidate} `);
  return [found, current];
}

function commandNames(): string[] {
  return commandTable.map((spec) => spec.name);
}

function candidatesAfter(words: readonly string[], current: string, sources: CompletionSources): string[] {
  const spec = findCommand(words[0] ?? '');
  if (spec === undefined) return [];
  const flags = [...spec.flags, ...commonFlags];
  if (current.startsWith('-')) return words.includes('--') ? [] : flags.map((flag) => flag.name);
  let place = 0;
  for (let i = 1; i < words.length; i += 1) {
    const flag = flags.find((candidate) => candidate.name === words[i]);
    if (flag === undefined) place += 1;
    else if (flag.value !== undefined) i += 1;
  }
  const kind = spec.arguments[place]?.kind;
  return kind === undefined ? [] : candidatesOf(kind, sources);
}

function candidatesOf(kind: ArgumentKind, { client, keysSeen }: CompletionSources): string[] {
  switch (kind) {
    case 'key':
      return keysSeen.map(quoteWord).reverse();
    case 'node':
      return (client.layout?.nodes ?? []).map((node) => nodeName(node.id));
    case 'group':
      return (client.layout?.groups ?? []).map((group) => String(group.id));
    case 'switch':
      return ['on', 'off'];
    case 'command':
      return commandNames();
    case 'value':
    case 'text':
      return [];
  }
}

/** A key as it has to be typed. What is shown may hold \xHH, which stays as it is. */
export function quoteWord(shown: string): string {
  if (/^[^\s"'\\;#@-][^\s"'\\;]*$/.test(shown) && !looksLikeJson(shown)) return shown;
  return `"${shown.replaceAll(/\\(?!x[0-9a-f]{2})|"/g, (char) => `\\${char}`)}"`;
}

/** The words before the one being typed, and that one with its quote. */
function splitTyped(line: string): { words: string[]; current: string } {
  const words: string[] = [];
  let current = '';
  let quote = '';
  for (const char of line) {
    if (quote !== '') {
      current += char;
      if (char === quote) quote = '';
    } else if (char === ' ' || char === ';') {
      if (current !== '') words.push(current);
      if (char === ';') words.length = 0;
      current = '';
    } else {
      if (char === '"' || (char === "'" && current === '')) quote = char;
      current += char;
    }
  }
  return { words, current };
}
