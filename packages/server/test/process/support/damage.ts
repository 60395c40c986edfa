/**
 * Changes one stored record of a stopped node: damage, as a disk would do it, or a format that is not read here yet.
 */
import { asNewerFormat, withFlippedBit } from '@kvorum/testing';
import { open } from 'lmdb';

/** Tells the record from the others by its key. */
export type RecordKind = (key: Buffer) => boolean;

const named =
  (name: string): RecordKind =>
  (key) =>
    key[0] === 0 && key.subarray(1).toString() === name;

/** In the environment `log`, by the first byte: 0 a record of the node, 1 the head of a group's log, 2 a segment of it. */
export const LogRecord = {
  identity: named('identity'),
  layout: named('layout'),
  head: (key: Buffer) => key[0] === 1,
  segment: (key: Buffer) => key[0] === 2,
} as const;

/** In the environment `state`: 1, group, generation, and then the group's own kinds of records. */
const KIND_AT = 9;
export const StateRecord = {
  applied: (key: Buffer) => key[0] === 1 && key[KIND_AT] === 0x6d,
  value: (key: Buffer) =>
    key[0] === 1 &&
    key[KIND_AT] === 0x6b &&
    key
      .subarray(KIND_AT + 1)
      .toString()
      .startsWith('key-'),
} as const;

/** Flips one bit in the last byte of the last such record; that is user data rather than the layout of group 0. */
export function flipByte(environment: string, kind: RecordKind): Promise<void> {
  return changeLast(environment, kind, withFlippedBit);
}

/** Gives the last such record the format after its own. */
export function makeNewer(environment: string, kind: RecordKind): Promise<void> {
  return changeLast(environment, kind, asNewerFormat);
}

async function changeLast(
  environment: string,
  kind: RecordKind,
  change: (record: Uint8Array) => Uint8Array,
): Promise<void> {
  const database = open<Buffer, Buffer>({ path: environment, encoding: 'binary', keyEncoding: 'binary' });
  const keys = [...database.getKeys()].map((key) => Buffer.from(key)).filter(kind);
  const key = keys.at(-1);
  if (key === undefined) throw new Error(`${environment} has no such record`);
  await database.put(key, Buffer.from(change(database.get(key) ?? Buffer.alloc(0))));
  await database.close();
}
