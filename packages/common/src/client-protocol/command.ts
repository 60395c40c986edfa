/**
 * What the key-value state machine understands: commands that go through the log, and their results.
 */
import type { Reader, Writer } from '../codec.ts';
import { DecodeError } from '../codec.ts';
import { limits } from '../limits.ts';

/**
 * A key's version: the position its last write has in the order of all commands of its group. Grows with each write, so
 * that a key that was deleted and written again never repeats one. 0 stands for an absent key.
 */
export type Version = number;

export type Command =
  | { readonly type: 'put'; readonly key: Uint8Array; readonly value: Uint8Array }
  /** Writes `next` if the value is `expected`; undefined expects the key to be absent. */
  | {
      readonly type: 'cas';
      readonly key: Uint8Array;
      readonly expected: Uint8Array | undefined;
      readonly next: Uint8Array;
    }
  /** Writes `next` if the key has this version; 0 expects it to be absent. */
  | {
      readonly type: 'cas-version';
      readonly key: Uint8Array;
      readonly expectedVersion: Version;
      readonly next: Uint8Array;
    }
  | { readonly type: 'delete'; readonly key: Uint8Array };

export type CommandResult =
  | { readonly type: 'written'; readonly version: Version }
  /** Nothing was written; this is what the key has. Version 0 and no value: absent. */
  | { readonly type: 'mismatch'; readonly version: Version; readonly value: Uint8Array | undefined }
  /** `existed` is false when there was nothing to delete. */
  | { readonly type: 'deleted'; readonly existed: boolean; readonly version: Version };

/** A key's value and version, or undefined for an absent key. */
export interface Versioned {
  readonly version: Version;
  readonly value: Uint8Array;
}

const commandKinds = ['put', 'cas', 'cas-version', 'delete'] as const;
const resultKinds = ['written', 'mismatch', 'deleted'] as const;

/** Bounds for decoding only: what is over the limits of keys and values is refused by name, not as a broken frame. */
const anyBytes = limits.frameBytesMax;

export function writeCommand(writer: Writer, command: Command): void {
  writer.u8(commandKinds.indexOf(command.type)).bytes(command.key);
  switch (command.type) {
    case 'put':
      writer.bytes(command.value);
      return;
    case 'cas':
      writeOptionalBytes(writer, command.expected);
      writer.bytes(command.next);
      return;
    case 'cas-version':
      writer.uint(command.expectedVersion).bytes(command.next);
      return;
    case 'delete':
      return;
  }
}

export function readCommand(reader: Reader): Command {
  const type = readKind(reader, commandKinds);
  const key = reader.bytes(anyBytes);
  switch (type) {
    case 'put':
      return { type, key, value: reader.bytes(anyBytes) };
    case 'cas':
      return { type, key, expected: readOptionalBytes(reader), next: reader.bytes(anyBytes) };
    case 'cas-version':
      return { type, key, expectedVersion: reader.uint(), next: reader.bytes(anyBytes) };
    case 'delete':
      return { type, key };
  }
}

export function writeCommandResult(writer: Writer, result: CommandResult): void {
  writer.u8(resultKinds.indexOf(result.type)).uint(result.version);
  if (result.type === 'mismatch') writeOptionalBytes(writer, result.value);
  if (result.type === 'deleted') writer.bool(result.existed);
}

export function readCommandResult(reader: Reader): CommandResult {
  const type = readKind(reader, resultKinds);
  const version = reader.uint();
  switch (type) {
    case 'written':
      return { type, version };
    case 'mismatch':
      return { type, version, value: readOptionalBytes(reader) };
    case 'deleted':
      return { type, version, existed: reader.bool() };
  }
}

export function writeOptionalBytes(writer: Writer, value: Uint8Array | undefined): void {
  writer.bool(value !== undefined);
  if (value !== undefined) writer.bytes(value);
}

export function readOptionalBytes(reader: Reader): Uint8Array | undefined {
  return reader.bool() ? reader.bytes(anyBytes) : undefined;
}

/** Reads a discriminator that was written as its place in `kinds`. */
export function readKind<K extends string>(reader: Reader, kinds: readonly K[]): K {
  const number = reader.u8();
  const kind = kinds[number];
  if (kind === undefined) throw new DecodeError(`unknown kind ${number}`);
  return kind;
}
