/**
 * From words to a command: names, flags and the number of arguments are checked here, before anything is sent.
 */
import { parseAddress } from '@kvorum/common';
import type { CommandName, CommandSpec, FlagSpec } from './command-table.ts';
import { commandTable, commonFlags, findCommand, usageOf } from './command-table.ts';
import { didYouMean } from './did-you-mean.ts';
import type { Word } from './words.ts';
import { UsageError } from './words.ts';

/** What a cas expects; a word may still stand for a file. */
export type Expected =
  | { readonly type: 'value'; readonly value: Word }
  | { readonly type: 'absent' }
  | { readonly type: 'version'; readonly version: number };

interface CommonFlags {
  readonly json: boolean;
  readonly timeoutMs: number | undefined;
}

export type ParsedCommand = CommonFlags &
  (
    | { readonly name: 'get'; readonly key: Word; readonly raw: boolean }
    | { readonly name: 'put'; readonly key: Word; readonly value: Word }
    | { readonly name: 'cas'; readonly key: Word; readonly expected: Expected; readonly next: Word }
    | { readonly name: 'delete' | 'where'; readonly key: Word }
    | { readonly name: 'add'; readonly key: Word; readonly delta: bigint }
    | { readonly name: 'status' | 'nodes' | 'groups' }
    | { readonly name: 'exit' }
    | { readonly name: 'node' | 'group'; readonly id: number }
    | { readonly name: 'timing'; readonly on: boolean }
    | { readonly name: 'history'; readonly search: string }
    | { readonly name: 'help'; readonly about: CommandSpec | undefined }
  );

/** A command whose arguments were left out: somebody on a terminal can be asked for them. */
export class IncompleteCommand extends UsageError {
  readonly spec: CommandSpec;
  /** What was given. */
  readonly words: readonly Word[];

  constructor(spec: CommandSpec, words: readonly Word[], message: string) {
    super(message);
    this.spec = spec;
    this.words = words;
  }
}

export function parseCommand(words: readonly Word[]): ParsedCommand {
  const [first, ...rest] = words;
  if (first === undefined) throw new UsageError('there is no command');
  const spec = findCommand(first.text) ?? findCommand(first.text.toLowerCase());
  if (spec === undefined) throw new UsageError(unknownCommand(first.text));
  const { operands, flags } = splitFlags(spec, rest);
  if (flags.has('--help')) return { name: 'help', about: spec, json: false, timeoutMs: undefined };
  const timeout = flags.get('--timeout');
  const common = { json: flags.has('--json'), timeoutMs: timeout && wholeNumber('--timeout', timeout, 1) };
  if (spec.name === 'cas') return { ...common, ...parseCas(spec, operands, flags) };
  checkCount(spec, operands, spec.arguments.length, usageOf(spec));
  return { ...common, ...build(spec.name, operands, flags) };
}

function unknownCommand(typed: string): string {
  const meant = didYouMean(typed, [...commandTable.flatMap((spec) => [spec.name, ...spec.aliases])]);
  const hint = meant === undefined ? '"help" lists the commands' : `did you mean "${meant}"?`;
  return `unknown command "${typed}"; ${hint}`;
}

type Flags = Map<string, Word>;

/** Flags may stand anywhere before "--"; only words that begin with "--" are flags, so "-5" is a value. */
function splitFlags(spec: CommandSpec, words: readonly Word[]): { operands: Word[]; flags: Flags } {
  const known = [...spec.flags, ...commonFlags];
  const operands: Word[] = [];
  const flags: Flags = new Map();
  for (let i = 0; i < words.length; i += 1) {
    const word = words[i] as Word;
    if (!word.literal && word.text === '--') {
      operands.push(...words.slice(i + 1).map((rest) => ({ ...rest, literal: true })));
      break;
    }
    if (word.literal || !word.text.startsWith('--')) {
      operands.push(word);
      continue;
    }
    const [name = '', inline] = splitOnce(word.text, '=');
    const flag = known.find((candidate) => candidate.name === name);
    if (flag === undefined) throw new UsageError(unknownFlag(spec, name, known));
    if (flag.value === undefined) {
      if (inline !== undefined) throw new UsageError(`${name} takes no value`);
      flags.set(name, word);
      continue;
    }
    if (inline === undefined) i += 1;
    const value = inline === undefined ? words[i] : { ...word, text: inline };
    if (value === undefined) throw new UsageError(`${name} needs a value: ${name} ${flag.value}`);
    flags.set(name, value);
  }
  return { operands, flags };
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

const programFlags = ['--server', '--local-port', '--execute'];

function unknownFlag(spec: CommandSpec, name: string, known: readonly FlagSpec[]): string {
  if (programFlags.includes(name))
    return `${name} belongs before the command: kvorum client ${name} ... ${spec.name} ...`;
  const meant = didYouMean(
    name,
    known.map((flag) => flag.name),
  );
  const hint = meant === undefined ? '' : `; did you mean "${meant}"?`;
  return `${spec.name} has no flag ${name}${hint} (a value that begins with dashes goes after "--")`;
}

function checkCount(spec: CommandSpec, operands: readonly Word[], most: number, usage: string): void {
  const least = spec.arguments.filter((argument) => !argument.optional).length - (spec.arguments.length - most);
  if (operands.length < least) {
    const short = most < spec.arguments.length;
    const missing = spec.arguments[operands.length + (short && operands.length > 0 ? 1 : 0)]?.name ?? 'an argument';
    const message = `${spec.name} needs ${missing}: ${usage}`;
    throw short ? new UsageError(message) : new IncompleteCommand(spec, operands, message);
  }
  if (operands.length <= most) return;
  const server = operands.findIndex((word) => word.text === '-s');
  if (server !== -1 && parseAddress(operands[server + 1]?.text ?? '') !== undefined) {
    throw new UsageError(`-s belongs before the command: kvorum client -s HOST:PORT ${usage}`);
  }
  const quotes = spec.name === 'put' || spec.name === 'cas' ? '; put quotes around a value with spaces' : '';
  throw new UsageError(`too many arguments for ${spec.name}: ${usage}${quotes}`);
}

function parseCas(spec: CommandSpec, operands: readonly Word[], flags: Flags) {
  const version = flags.get('--version');
  const absent = flags.has('--absent');
  if (absent && version !== undefined) throw new UsageError('cas takes --absent or --version, not both');
  const [key, second, third] = operands as [Word, Word, Word];
  if (!absent && version === undefined) {
    checkCount(spec, operands, 3, usageOf(spec));
    return { name: 'cas', key, expected: { type: 'value', value: second }, next: third } as const;
  }
  checkCount(spec, operands, 2, `cas KEY ${absent ? '--absent' : '--version N'} NEXT`);
  const expected: Expected =
    version === undefined ? { type: 'absent' } : { type: 'version', version: wholeNumber('--version', version, 0) };
  return { name: 'cas', key, expected, next: second } as const;
}

/** The command's own part, once the number of its operands is right. */
type CommandPart = ParsedCommand extends infer C ? (C extends CommonFlags ? Omit<C, keyof CommonFlags> : never) : never;

function build(name: Exclude<CommandName, 'cas'>, operands: readonly Word[], flags: Flags): CommandPart {
  const [first, second] = operands as [Word, Word];
  switch (name) {
    case 'get':
      return { name, key: first, raw: flags.has('--raw') };
    case 'put':
      return { name, key: first, value: second };
    case 'delete':
    case 'where':
      return { name, key: first };
    case 'add':
      return { name, key: first, delta: operands[1] === undefined ? 1n : counterDelta(operands[1].text) };
    case 'status':
    case 'nodes':
    case 'groups':
    case 'exit':
      return { name };
    case 'node':
      return { name, id: identifier(first, /^n?(\d+)$/i, 'a node, like n1') };
    case 'group':
      return { name, id: identifier(first, /^(\d+)$/, 'the number of a group, like 3') };
    case 'timing':
      return { name, on: onOff(first.text) };
    case 'history':
      return { name, search: operands[0]?.text ?? '' };
    case 'help':
      return { name, about: operands[0] && aboutCommand(operands[0].text) };
  }
}

function counterDelta(text: string): bigint {
  if (/^[+-]?\d{1,19}$/.test(text)) {
    const delta = BigInt(text.replace('+', ''));
    if (BigInt.asIntN(64, delta) === delta) return delta;
  }
  throw new UsageError(`DELTA is a whole number of 64 bits, not "${text}"`);
}

function aboutCommand(name: string): CommandSpec {
  const spec = findCommand(name.toLowerCase());
  if (spec === undefined) throw new UsageError(unknownCommand(name));
  return spec;
}

function onOff(text: string): boolean {
  if (text !== 'on' && text !== 'off') throw new UsageError(`timing is "on" or "off", not "${text}"`);
  return text === 'on';
}

function identifier(word: Word, form: RegExp, what: string): number {
  const number = Number(form.exec(word.text)?.[1]);
  if (Number.isSafeInteger(number)) return number;
  throw new UsageError(`"${word.text}" is not ${what}`);
}

function wholeNumber(flag: string, word: Word, least: number): number {
  const number = /^\d+$/.test(word.text) ? Number(word.text) : NaN;
  if (Number.isSafeInteger(number) && number >= least) return number;
  throw new UsageError(`${flag} takes a whole number from ${least}, not "${word.text}"`);
}
