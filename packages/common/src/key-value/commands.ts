/**
 * What a key-value group can be asked: one table of commands, which go through the log or change a register, and one of
 * queries, which only read. An entry says how the operation stands in a frame and in the log, which key routes it, which of
 * its values are bounded, and what it does to the records of its group. Clients, routers, logs and machines only go through
 * the tables, so that a new operation is an entry here and a test of it.
 */
import type { Reader, Writer } from '../codec.ts';
import { DecodeError, decodeUtf8, encodeUtf8, equalBytes } from '../codec.ts';
import type { ErrorCode } from '../errors.ts';
import type { Limits } from '../limits.ts';
import { FRAME_BYTES_MAX } from '../limits.ts';

/**
 * A key's version: the position its last write has in the order of all commands of its group. Grows with each write, so
 * that a key that was deleted and written again never repeats one. 0 stands for an absent key.
 */
export type Version = number;

/** A key's value and version, or undefined for an absent key. */
export interface Versioned {
  readonly version: Version;
  readonly value: Uint8Array;
}

/** The records of a group, as a command meets them. */
export interface Records {
  get(key: Uint8Array): Versioned | undefined;
  set(key: Uint8Array, version: Version, value: Uint8Array): void;
  remove(key: Uint8Array): void;
}

type NoFields = Readonly<Record<never, never>>;

/** What each command has besides its type and key. */
interface CommandFields {
  put: { readonly value: Uint8Array };
  /** Writes `next` if the value is `expected`; undefined expects the key to be absent. */
  cas: { readonly expected: Uint8Array | undefined; readonly next: Uint8Array };
  /** Writes `next` if the key has this version; 0 expects it to be absent. */
  'cas-version': { readonly expectedVersion: Version; readonly next: Uint8Array };
  delete: NoFields;
  /** Adds to a counter: a value that is a signed 64-bit decimal number as text; an absent key counts as 0. */
  add: { readonly delta: bigint };
}

interface QueryFields {
  get: NoFields;
}

type Keyed<Type, Fields> = { readonly type: Type; readonly key: Uint8Array } & Fields;
type CommandOf<T extends keyof CommandFields> = Keyed<T, CommandFields[T]>;
type QueryOf<T extends keyof QueryFields> = Keyed<T, QueryFields[T]>;
export type Command = { [T in keyof CommandFields]: CommandOf<T> }[keyof CommandFields];
export type Query = { [T in keyof QueryFields]: QueryOf<T> }[keyof QueryFields];
export type OperationType = Command['type'] | Query['type'];

export type CommandResult =
  | { readonly type: 'written'; readonly version: Version }
  /** Nothing was written; this is what the key has. Version 0 and no value: absent. */
  | { readonly type: 'mismatch'; readonly version: Version; readonly value: Uint8Array | undefined }
  /** `existed` is false when there was nothing to delete. */
  | { readonly type: 'deleted'; readonly existed: boolean; readonly version: Version }
  /** The counter after the addition. */
  | { readonly type: 'added'; readonly version: Version; readonly value: bigint }
  /** It was executed and changed nothing, for a reason that lies in the data. */
  | { readonly type: 'failed'; readonly code: FailureCode };

export type FailureCode = Extract<ErrorCode, 'not-a-number' | 'out-of-range'>;

export type Answer = { readonly type: 'value'; readonly found: Versioned | undefined };

/** Why an operation is not even tried. */
export interface Problem {
  readonly code: ErrorCode;
  readonly message: string;
}

/** What the tables say of every operation. `tag` stands for it in frames and in the log, and is never given to another one. */
interface OperationDefinition<O> {
  readonly tag: number;
  /** The key that decides the group. */
  route(operation: O): Uint8Array;
  /** The values it carries: each is bounded, and together they are what it weighs. */
  values(operation: O): readonly (Uint8Array | undefined)[];
}

interface CommandDefinition<C> extends OperationDefinition<C> {
  write(writer: Writer, command: C): void;
  read(reader: Reader): Omit<C, 'type' | 'key'>;
  apply(records: Records, command: C, version: Version): CommandResult;
}

interface QueryDefinition<Q> extends OperationDefinition<Q> {
  write(writer: Writer, query: Q): void;
  read(reader: Reader): Omit<Q, 'type' | 'key'>;
  answer(records: Records, query: Q): Answer;
}

const byKey = ({ key }: { readonly key: Uint8Array }): Uint8Array => key;

const commands: { readonly [T in keyof CommandFields]: CommandDefinition<CommandOf<T>> } = {
  put: {
    tag: 0,
    route: byKey,
    write: (writer, { value }) => void writer.bytes(value),
    read: (reader) => ({ value: reader.bytes(anyBytes) }),
    values: ({ value }) => [value],
    apply: (records, { key, value }, version) => written(records, key, version, value),
  },
  cas: {
    tag: 1,
    route: byKey,
    write: (writer, { expected, next }) => {
      writeOptionalBytes(writer, expected);
      writer.bytes(next);
    },
    read: (reader) => ({ expected: readOptionalBytes(reader), next: reader.bytes(anyBytes) }),
    values: ({ expected, next }) => [expected, next],
    apply: (records, { key, expected, next }, version) => {
      const found = records.get(key);
      return hasValue(found, expected) ? written(records, key, version, next) : mismatch(found);
    },
  },
  'cas-version': {
    tag: 2,
    route: byKey,
    write: (writer, { expectedVersion, next }) => void writer.uint(expectedVersion).bytes(next),
    read: (reader) => ({ expectedVersion: reader.uint(), next: reader.bytes(anyBytes) }),
    values: ({ next }) => [next],
    apply: (records, { key, expectedVersion, next }, version) => {
      const found = records.get(key);
      return (found?.version ?? 0) === expectedVersion ? written(records, key, version, next) : mismatch(found);
    },
  },
  delete: {
    tag: 3,
    route: byKey,
    write: () => undefined,
    read: () => ({}),
    values: () => [],
    apply: (records, { key }, version) => {
      if (records.get(key) === undefined) return { type: 'deleted', existed: false, version: 0 };
      records.remove(key);
      return { type: 'deleted', existed: true, version };
    },
  },
  add: {
    tag: 4,
    route: byKey,
    write: (writer, { delta }) => void writer.i64(delta),
    read: (reader) => ({ delta: reader.i64() }),
    values: () => [],
    apply: (records, { key, delta }, version) => {
      const found = records.get(key);
      const before = found === undefined ? 0n : parseCounter(found.value);
      if (before === undefined) return { type: 'failed', code: 'not-a-number' };
      const value = before + delta;
      if (BigInt.asIntN(64, value) !== value) return { type: 'failed', code: 'out-of-range' };
      records.set(key, version, encodeUtf8(value.toString()));
      return { type: 'added', version, value };
    },
  },
};

const queries: { readonly [T in keyof QueryFields]: QueryDefinition<QueryOf<T>> } = {
  get: {
    tag: 0,
    route: byKey,
    write: () => undefined,
    read: () => ({}),
    values: () => [],
    answer: (records, { key }) => ({ type: 'value', found: records.get(key) }),
  },
};

const commandTypes = Object.keys(commands) as Command['type'][];
const queryTypes = Object.keys(queries) as Query['type'][];
const commandsByTag = new Map(commandTypes.map((type) => [commands[type].tag, type]));
const queriesByTag = new Map(queryTypes.map((type) => [queries[type].tag, type]));
// In wire order: the place of a type is its number, so new ones go to the end.
const resultTypes = ['written', 'mismatch', 'deleted', 'added', 'failed'] as const;
const failureCodes: readonly FailureCode[] = ['not-a-number', 'out-of-range'];

/** Everything that a key-value group can be asked. */
export const operationTypes: ReadonlySet<OperationType> = new Set([...commandTypes, ...queryTypes]);

/** The entry of a command; the type of an entry and that of its command belong together, which the compiler cannot follow. */
function definitionOf(type: Command['type']): CommandDefinition<Command> {
  return commands[type];
}

/** Whether it only reads. */
export function isQuery(operation: Command | Query): operation is Query {
  return operation.type in queries;
}

export function writeCommand(writer: Writer, command: Command): void {
  const definition = definitionOf(command.type);
  writer.u8(definition.tag).bytes(command.key);
  definition.write(writer, command);
}

export function readCommand(reader: Reader): Command {
  const type = readTag(reader, commandsByTag);
  const key = reader.bytes(anyBytes);
  return { type, key, ...definitionOf(type).read(reader) } as Command;
}

/** What it does to the records of its group at this place of the order. */
export function applyCommand(records: Records, command: Command, version: Version): CommandResult {
  return definitionOf(command.type).apply(records, command, version);
}

export function writeQuery(writer: Writer, query: Query): void {
  writer.u8(queries[query.type].tag).bytes(query.key);
  queries[query.type].write(writer, query);
}

export function readQuery(reader: Reader): Query {
  const type = readTag(reader, queriesByTag);
  const key = reader.bytes(anyBytes);
  return { type, key, ...queries[type].read(reader) };
}

export function answerQuery(records: Records, query: Query): Answer {
  return queries[query.type].answer(records, query);
}

/** The key that decides the group. */
export function routingKey(operation: Command | Query): Uint8Array {
  return isQuery(operation) ? queries[operation.type].route(operation) : definitionOf(operation.type).route(operation);
}

/** About how long it is in a frame or an entry. */
export function commandBytes(command: Command): number {
  let bytes = 40 + command.key.length;
  for (const value of definitionOf(command.type).values(command)) bytes += value?.length ?? 0;
  return bytes;
}

/** What is wrong with it before anyone looks at the data; undefined for nothing. */
export function operationProblem(
  operation: Command | Query,
  limits: Pick<Limits, 'keyBytesMax' | 'valueBytesMax'>,
): Problem | undefined {
  const { key } = operation;
  if (key.length === 0) return { code: 'bad-request', message: 'the key is empty' };
  if (key.length > limits.keyBytesMax) return tooLarge('key', key.length, limits.keyBytesMax);
  const values = isQuery(operation)
    ? queries[operation.type].values(operation)
    : definitionOf(operation.type).values(operation);
  for (const value of values) {
    if (value !== undefined && value.length > limits.valueBytesMax) {
      return tooLarge('value', value.length, limits.valueBytesMax);
    }
  }
  return undefined;
}

export function writeCommandResult(writer: Writer, result: CommandResult): void {
  writer.u8(resultTypes.indexOf(result.type));
  if (result.type === 'failed') {
    writer.u8(failureCodes.indexOf(result.code));
    return;
  }
  writer.uint(result.version);
  if (result.type === 'mismatch') writeOptionalBytes(writer, result.value);
  if (result.type === 'deleted') writer.bool(result.existed);
  if (result.type === 'added') writer.i64(result.value);
}

export function readCommandResult(reader: Reader): CommandResult {
  const type = readKind(reader, resultTypes);
  if (type === 'failed') return { type, code: readKind(reader, failureCodes) };
  const version = reader.uint();
  switch (type) {
    case 'written':
      return { type, version };
    case 'mismatch':
      return { type, version, value: readOptionalBytes(reader) };
    case 'deleted':
      return { type, version, existed: reader.bool() };
    case 'added':
      return { type, version, value: reader.i64() };
  }
}

/** What a failed command tells people. */
export function failureText(code: FailureCode): string {
  return code === 'not-a-number'
    ? 'the value is not a decimal number, so nothing can be added to it'
    : 'the sum does not fit into a signed 64-bit number; nothing was added';
}

export function writeAnswer(writer: Writer, { found }: Answer): void {
  writer.bool(found !== undefined);
  if (found !== undefined) writer.uint(found.version).bytes(found.value);
}

export function readAnswer(reader: Reader): Answer {
  const found = reader.bool() ? { version: reader.uint(), value: reader.bytes(anyBytes) } : undefined;
  return { type: 'value', found };
}

/** Bounds for decoding only: what is over the limits of keys and values is refused by name, not as a broken frame. */
const anyBytes = FRAME_BYTES_MAX;

function writeOptionalBytes(writer: Writer, value: Uint8Array | undefined): void {
  writer.bool(value !== undefined);
  if (value !== undefined) writer.bytes(value);
}

function readOptionalBytes(reader: Reader): Uint8Array | undefined {
  return reader.bool() ? reader.bytes(anyBytes) : undefined;
}

function readTag<K extends string>(reader: Reader, types: ReadonlyMap<number, K>): K {
  const tag = reader.u8();
  const type = types.get(tag);
  if (type === undefined) throw new DecodeError(`unknown kind ${tag}`);
  return type;
}

/** Reads a discriminator that was written as its place in `kinds`. */
export function readKind<K extends string>(reader: Reader, kinds: readonly K[]): K {
  const number = reader.u8();
  const kind = kinds[number];
  if (kind === undefined) throw new DecodeError(`unknown kind ${number}`);
  return kind;
}

/** The number that a counter's value stands for; undefined when it stands for none. No zeros in front, no plus, no space. */
export function parseCounter(value: Uint8Array): bigint | undefined {
  // A sign and 19 digits.
  if (value.length > 20) return undefined;
  try {
    const text = decodeUtf8(value);
    if (!/^(0|-?[1-9]\d*)$/.test(text)) return undefined;
    const number = BigInt(text);
    return BigInt.asIntN(64, number) === number ? number : undefined;
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

function hasValue(found: Versioned | undefined, expected: Uint8Array | undefined): boolean {
  if (found === undefined || expected === undefined) return found === undefined && expected === undefined;
  return equalBytes(found.value, expected);
}

function written(records: Records, key: Uint8Array, version: Version, value: Uint8Array): CommandResult {
  records.set(key, version, value);
  return { type: 'written', version };
}

function mismatch(found: Versioned | undefined): CommandResult {
  return { type: 'mismatch', version: found?.version ?? 0, value: found?.value };
}

function tooLarge(what: string, bytes: number, limit: number): Problem {
  return { code: 'too-large', message: `the ${what} has ${bytes} bytes, the limit is ${limit}` };
}
