/**
 * The binary encoding under every frame and record: unsigned varints, length-prefixed bytes and text.
 *
 * Decoding is the validation of what comes from outside: every read is bounded by the bytes that are there, every
 * length and number by a limit the caller names, so that a hostile frame costs no more memory than its own size.
 */

/** Text encoding is a pure function of the language's hosts; only its type is missing from the ES2023 library. */
declare const TextEncoder: new () => { encode(text: string): Uint8Array };
declare const TextDecoder: new (
  label: string,
  options: { fatal: boolean; ignoreBOM: boolean },
) => { decode(bytes: Uint8Array): string };

const utf8Encoder = new TextEncoder();
const utf8Decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function encodeUtf8(text: string): Uint8Array {
  return utf8Encoder.encode(text);
}

/** Throws a {@link DecodeError} when the bytes are not well-formed UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return utf8Decoder.decode(bytes);
  } catch {
    throw new DecodeError('text is not well-formed UTF-8');
  }
}

/** The bytes are not an encoding of what was asked for. Never leaves the edge that decodes. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
}

const SCRATCH_BYTES_MIN = 4096;
/** A larger one is not kept. */
const SCRATCH_BYTES_KEPT = 1024 * 1024;
const SCRATCHES_KEPT = 32;

/** Buffers of writers that have finished, for the next ones: as many as are written to at a time, one per peer and frame. */
const spares: Uint8Array[] = [];

const nothing = new Uint8Array(0);

/** To take numbers apart into bytes, and put them together. */
const number = new DataView(new ArrayBuffer(8));

/** Appends values to a growing buffer; `finish` hands out the bytes. */
export class Writer {
  #bytes = spares.pop() ?? new Uint8Array(SCRATCH_BYTES_MIN);
  #length = 0;

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  /** A copy of the bytes written. The writer is not used afterwards. */
  finish(): Uint8Array {
    const result = this.#bytes.slice(0, this.#length);
    if (this.#bytes.length <= SCRATCH_BYTES_KEPT && spares.length < SCRATCHES_KEPT) spares.push(this.#bytes);
    // Another writer may have them now.
    this.#bytes = nothing;
    return result;
  }

  u8(value: number): this {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
    return this;
  }

  u32(value: number): this {
    this.#reserve(4);
    this.#bytes[this.#length++] = value >>> 24;
    this.#bytes[this.#length++] = value >>> 16;
    this.#bytes[this.#length++] = value >>> 8;
    this.#bytes[this.#length++] = value;
    return this;
  }

  f64(value: number): this {
    number.setFloat64(0, value);
    return this.u32(number.getUint32(0)).u32(number.getUint32(4));
  }

  /** A signed 64-bit integer. */
  i64(value: bigint): this {
    number.setBigInt64(0, value);
    return this.u32(number.getUint32(0)).u32(number.getUint32(4));
  }

  bool(value: boolean): this {
    return this.u8(value ? 1 : 0);
  }

  /**
   * An unsigned integer up to `max`, seven bits to a byte, least significant first. Throws a RangeError for anything else: what
   * a reader would refuse is never written.
   */
  uint(value: number, max: number = Number.MAX_SAFE_INTEGER): this {
    // Most are small, and take one byte.
    if ((value & 0x7f) === value && value <= max) return this.u8(value);
    if (!(value >= 0 && value <= max && Math.floor(value) === value))
      throw new RangeError(`${value} is not a whole number up to ${max}`);
    this.#reserve(8);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#length++] = rest;
    return this;
  }

  /** Bytes with their length in front. */
  bytes(value: Uint8Array): this {
    return this.uint(value.length).raw(value);
  }

  /** Bytes without a length. */
  raw(value: Uint8Array): this {
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
    return this;
  }

  text(value: string): this {
    return this.bytes(utf8Encoder.encode(value));
  }

  /** Room for the length of what comes next, in four bytes, so that it can be passed over unread: `endSized` fills it in. */
  beginSized(): number {
    this.u32(0);
    return this.#length;
  }

  /** `start` is what `beginSized` returned. */
  endSized(start: number): void {
    const end = this.#length;
    this.#length = start - 4;
    this.u32(end - start);
    this.#length = end;
  }

  list<T>(items: readonly T[], write: (writer: this, item: T) => void): this {
    this.uint(items.length);
    for (const item of items) write(this, item);
    return this;
  }

  #reserve(extra: number): void {
    const needed = this.#length + extra;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}

/** Reads values in the order they were written. Every method throws {@link DecodeError} rather than read past the end. */
export class Reader {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  /** Throws unless every byte has been read. */
  end(): void {
    if (this.remaining !== 0) throw new DecodeError(`${this.remaining} bytes after the end`);
  }

  u8(): number {
    return this.#byte(this.#take(1));
  }

  u32(): number {
    const at = this.#take(4);
    const [a, b, c, d] = [this.#byte(at), this.#byte(at + 1), this.#byte(at + 2), this.#byte(at + 3)];
    return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
  }

  /** Any finite number. */
  f64(): number {
    number.setUint32(0, this.u32());
    number.setUint32(4, this.u32());
    const value = number.getFloat64(0);
    if (!Number.isFinite(value)) throw new DecodeError('not a finite number');
    return value;
  }

  i64(): bigint {
    number.setUint32(0, this.u32());
    number.setUint32(4, this.u32());
    return number.getBigInt64(0);
  }

  bool(): boolean {
    const value = this.u8();
    if (value > 1) throw new DecodeError(`${value} is not a boolean`);
    return value === 1;
  }

  uint(max: number = Number.MAX_SAFE_INTEGER): number {
    let value = 0;
    // Four bytes fit into a small integer, and few numbers have more.
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.u8();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return atMost(value, max);
    }
    for (let scale = 2 ** 28; scale <= Number.MAX_SAFE_INTEGER; scale *= 0x80) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return atMost(value, max);
    }
    throw new DecodeError('number longer than 53 bits');
  }

  /** A view into the frame, not a copy: it keeps the whole frame in memory as long as it is kept. */
  bytes(maxBytes: number): Uint8Array {
    return this.raw(this.uint(maxBytes));
  }

  raw(length: number): Uint8Array {
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** A view of what was written between `beginSized` and `endSized`. */
  sized(): Uint8Array {
    return this.raw(this.u32());
  }

  text(maxBytes: number): string {
    return decodeUtf8(this.bytes(maxBytes));
  }

  list<T>(maxItems: number, read: (reader: this) => T): T[] {
    const count = this.uint(maxItems);
    // An item takes at least one byte, so a count beyond what is left is a lie; do not reserve memory for it.
    if (count > this.remaining) throw new DecodeError('list longer than its frame');
    const items: T[] = [];
    for (let i = 0; i < count; i += 1) items.push(read(this));
    return items;
  }

  #byte(at: number): number {
    return this.#bytes[at] as number;
  }

  #take(length: number): number {
    const start = this.#offset;
    if (length > this.#bytes.length - start) throw new DecodeError('unexpected end');
    this.#offset = start + length;
    return start;
  }
}

function atMost(value: number, max: number): number {
  if (value > max) throw new DecodeError(`number over its limit of ${max}`);
  return value;
}

/** A copy that does not keep the frame it was read from in memory. */
export function copyBytes(bytes: Uint8Array): Uint8Array {
  // Not bytes.slice(): in Node a Buffer's slice is a view.
  return new Uint8Array(bytes);
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false;
  return true;
}

/** One UTF-16 unit per byte, so that bytes can be the key of a Map. Not for people: see `printable`. */
export function bytesToMapKey(bytes: Uint8Array): string {
  return String.fromCharCode.apply(null, bytes as unknown as number[]);
}

export function mapKeyToBytes(key: string): Uint8Array {
  const bytes = new Uint8Array(key.length);
  for (let i = 0; i < key.length; i += 1) bytes[i] = key.charCodeAt(i);
  return bytes;
}

/** Reads a whole value and insists that nothing follows it. */
export function decodeAll<T>(bytes: Uint8Array, read: (reader: Reader) => T): T {
  const reader = new Reader(bytes);
  const value = read(reader);
  reader.end();
  return value;
}
