/**
 * What callers hand in, checked at the edge: the engine behind it only sees bytes within the limits.
 */
import type { Address } from '@kvorum/common';
import { defaultLimits as limits, encodeUtf8, KvorumError, parseAddress } from '@kvorum/common';

/** Text stands for its UTF-8 encoding. */
export type Bytes = string | Uint8Array;

export const DEFAULT_SERVER = '127.0.0.1:45678';
export const DEFAULT_TIMEOUT_MS = 5000;

export function keyBytes(key: Bytes): Uint8Array {
  const bytes = toBytes(key, 'the key');
  if (bytes.length === 0) throw new KvorumError('bad-request', 'the key is empty; a key has at least one byte');
  if (bytes.length > limits.keyBytesMax) {
    throw new KvorumError('too-large', `the key has ${bytes.length} bytes; the limit is ${limits.keyBytesMax} bytes`);
  }
  return bytes;
}

export function valueBytes(value: Bytes, what = 'the value'): Uint8Array {
  const bytes = toBytes(value, what);
  if (bytes.length > limits.valueBytesMax) {
    throw new KvorumError('too-large', `${what} has ${bytes.length} bytes; the limit is ${limits.valueBytesMax} bytes`);
  }
  return bytes;
}

/** Bytes are copied: the caller may change its array while the operation is still under way. */
function toBytes(value: unknown, what: string): Uint8Array {
  if (typeof value === 'string') return encodeUtf8(value);
  if (value instanceof Uint8Array) return new Uint8Array(value);
  throw new KvorumError('bad-request', `${what} must be a string or a Uint8Array, and is ${describe(value)}`);
}

export function checkTimeout(timeoutMs: unknown): number {
  if (typeof timeoutMs === 'number' && timeoutMs > 0 && Number.isFinite(timeoutMs)) return timeoutMs;
  throw new KvorumError('bad-request', `timeoutMs must be a number above 0, and is ${describe(timeoutMs)}`);
}

export function checkVersion(version: unknown): number {
  if (typeof version === 'number' && Number.isSafeInteger(version) && version >= 0) return version;
  throw new KvorumError('bad-request', `a version is a whole number from 0, and this is ${describe(version)}`);
}

export function checkLocalPort(port: unknown): number | undefined {
  if (port === undefined) return undefined;
  if (typeof port === 'number' && Number.isInteger(port) && port >= 1 && port <= 65535) return port;
  throw new KvorumError('bad-request', `localPort must be a port from 1 to 65535, and is ${describe(port)}`);
}

/** A list of "HOST:PORT", or one text with commas between them. */
export function serverAddresses(servers: unknown = DEFAULT_SERVER): Address[] {
  const names: unknown[] = Array.isArray(servers) ? servers : [servers];
  const texts = names.flatMap((name) => {
    if (typeof name === 'string') return name.split(',').map((part) => part.trim());
    throw new KvorumError('bad-request', `a server is named "HOST:PORT", and this is ${describe(name)}`);
  });
  if (texts.length === 0) throw new KvorumError('bad-request', 'no server is named; give at least one "HOST:PORT"');
  return texts.map((text) => {
    const address = parseAddress(text);
    if (address !== undefined) return address;
    throw new KvorumError('bad-request', `"${text}" is not an address; write HOST:PORT, like ${DEFAULT_SERVER}`);
  });
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'number') return `the number ${value}`;
  if (typeof value === 'string') return `the text "${value.slice(0, 40)}"`;
  if (typeof value === 'object') return `of the class ${value.constructor?.name ?? 'Object'}`;
  return `a ${typeof value}`;
}

/** A whole number of 64 bits, signed. */
export function counterDelta(delta: number | bigint): bigint {
  const isWhole = typeof delta === 'bigint' || Number.isSafeInteger(delta);
  if (!isWhole)
    throw new KvorumError('bad-request', `${describe(delta)} cannot be added: it takes a whole number that is exact`);
  const exact = BigInt(delta);
  if (BigInt.asIntN(64, exact) !== exact) {
    throw new KvorumError('bad-request', `${delta} does not fit into a signed 64-bit number`);
  }
  return exact;
}
