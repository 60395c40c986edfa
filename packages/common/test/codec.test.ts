import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bytesToMapKey,
  copyBytes,
  decodeAll,
  DecodeError,
  decodeUtf8,
  encodeUtf8,
  equalBytes,
  FRAME_BYTES_MAX,
  mapKeyToBytes,
  Reader,
  Writer,
} from '../src/index.ts';
import { bytes, fixed, text, uint } from './arbitraries.ts';
import { fuzz } from './fuzz.ts';

type Value =
  | { readonly type: 'u8' | 'u32' | 'f64' | 'uint'; readonly value: number }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'text'; readonly value: string }
  | { readonly type: 'bytes'; readonly value: Uint8Array }
  | { readonly type: 'list'; readonly value: readonly number[] };

const value: fc.Arbitrary<Value> = fc.oneof(
  fc.record({ type: fc.constant('u8' as const), value: fc.nat(255) }),
  fc.record({ type: fc.constant('u32' as const), value: fc.nat(2 ** 32 - 1) }),
  fc.record({ type: fc.constant('f64' as const), value: fc.double({ noNaN: true, noDefaultInfinity: true }) }),
  fc.record({ type: fc.constant('uint' as const), value: uint }),
  fc.record({ type: fc.constant('bool' as const), value: fc.boolean() }),
  fc.record({ type: fc.constant('text' as const), value: text }),
  fc.record({ type: fc.constant('bytes' as const), value: bytes }),
  fc.record({ type: fc.constant('list' as const), value: fc.array(uint, { maxLength: 10 }) }),
);

function write(writer: Writer, item: Value): void {
  switch (item.type) {
    case 'bool':
      writer.bool(item.value);
      return;
    case 'text':
      writer.text(item.value);
      return;
    case 'bytes':
      writer.bytes(item.value);
      return;
    case 'list':
      writer.list(item.value, (w, member) => w.uint(member));
      return;
    default:
      writer[item.type](item.value);
  }
}

function read(reader: Reader, type: Value['type']): Value['value'] {
  switch (type) {
    case 'text':
      return reader.text(1000);
    case 'bytes':
      return reader.bytes(1000);
    case 'list':
      return reader.list(1000, (r) => r.uint());
    default:
      return reader[type]();
  }
}

const encode = (values: readonly Value[]): Uint8Array => {
  const writer = new Writer();
  for (const item of values) write(writer, item);
  const { length } = writer;
  const encoded = writer.finish();
  expect(encoded).toHaveLength(length);
  return encoded;
};

describe('round trips', () => {
  it('reads back what was written, with nothing left over', () => {
    const values = fc.array(value, { maxLength: 12 });
    const property = fc.property(values, (written) => {
      const reader = new Reader(encode(written));
      expect(written.map((item) => read(reader, item.type))).toStrictEqual(written.map((item) => item.value));
      reader.end();
    });
    fc.assert(property, fixed);
  });

  it('refuses every truncation', () => {
    const property = fc.property(fc.array(value, { minLength: 1, maxLength: 8 }), (written) => {
      const whole = encode(written);
      for (let length = 0; length < whole.length; length += 1) {
        const reader = new Reader(whole.subarray(0, length));
        expect(() => written.forEach((item) => read(reader, item.type))).toThrow(DecodeError);
      }
    });
    fc.assert(property, { ...fixed, numRuns: 100 });
  });

  fuzz('throws nothing but DecodeError for 300,000 random buffers', 1, (noise, decodes) => {
    const types: Value['type'][] = ['u8', 'u32', 'f64', 'uint', 'bool', 'text', 'bytes', 'list'];
    let decoded = 0;
    for (let times = 0; times < 300_000; times += 1) {
      const buffer = noise.bytes(noise.below(24));
      const plan = Array.from({ length: 1 + noise.below(4) }, () => types[noise.below(types.length)] ?? 'u8');
      const decode = (frame: Uint8Array): void =>
        decodeAll(frame, (reader) => plan.forEach((type) => read(reader, type)));
      decoded += Number(decodes(decode, buffer));
    }
    expect(decoded).toBeGreaterThan(1000);
  });

  it('insists that nothing follows', () => {
    expect(() => decodeAll(Uint8Array.of(1, 2), (reader) => reader.u8())).toThrow('1 bytes after the end');
  });

  it('holds when writers are nested and come one after the other: none sees another one’s bytes', () => {
    const property = fc.property(fc.array(fc.array(bytes, { maxLength: 5 }), { maxLength: 6 }), (lists) => {
      const outer = new Writer();
      const finished: [Uint8Array, Uint8Array][] = [];
      for (const list of lists) {
        const inner = new Writer();
        for (const item of list) inner.bytes(item);
        outer.u32(list.length);
        const encoded = inner.finish();
        outer.bytes(encoded);
        finished.push([encoded, Uint8Array.from(encoded)]);
      }
      const reader = new Reader(outer.finish());
      for (const list of lists) {
        expect(reader.u32()).toBe(list.length);
        const inner = new Reader(reader.bytes(10_000));
        expect(list.map(() => inner.bytes(100))).toStrictEqual(list);
      }
      for (const [encoded, copy] of finished) expect(encoded).toStrictEqual(copy);
    });
    fc.assert(property, fixed);
  });

  it('grows with what is written, far beyond the first buffer', () => {
    const writer = new Writer();
    for (let i = 0; i < 300_000; i += 1) writer.u32(i);
    const reader = new Reader(writer.finish());
    for (let i = 0; i < 300_000; i += 1) if (reader.u32() !== i) expect.unreachable();
    expect(new Writer().u8(7).finish()).toStrictEqual(Uint8Array.of(7));
  });

  it('works on a part of a larger buffer', () => {
    const large = Uint8Array.of(9, 9, 0, 0, 1, 0, 9, 9);
    expect(decodeAll(large.subarray(2, 6), (reader) => reader.u32())).toBe(256);
  });
});

describe('varints', () => {
  const encoded = (number: number): Uint8Array => new Writer().uint(number).finish();

  it('take seven bits to a byte, and hold every integer below 2^53', () => {
    expect([...encoded(0)]).toEqual([0]);
    expect([...encoded(127)]).toEqual([127]);
    expect([...encoded(128)]).toEqual([0x80, 1]);
    expect([...encoded(300)]).toEqual([0xac, 2]);
    expect([...encoded(Number.MAX_SAFE_INTEGER)]).toEqual([255, 255, 255, 255, 255, 255, 255, 15]);
    expect(new Reader(encoded(Number.MAX_SAFE_INTEGER)).uint()).toBe(Number.MAX_SAFE_INTEGER);
  });

  it.each([
    ['2^53', [128, 128, 128, 128, 128, 128, 128, 16]],
    ['more than 53 bits', [255, 255, 255, 255, 255, 255, 255, 255, 1]],
    ['zeros without end', [128, 128, 128, 128, 128, 128, 128, 128, 0]],
  ])('refuse %s', (_name, encoding) => {
    expect(() => new Reader(Uint8Array.from(encoding)).uint()).toThrow(DecodeError);
  });

  it('refuse a number over the limit of its place, and take the limit itself', () => {
    const property = fc.property(fc.nat(2 ** 31), fc.nat(1000), (max, above) => {
      expect(new Reader(encoded(max)).uint(max)).toBe(max);
      expect(() => new Reader(encoded(max + 1 + above)).uint(max)).toThrow(`number over its limit of ${max}`);
    });
    fc.assert(property, fixed);
  });
});

describe('hostile lengths', () => {
  it('cost no memory', () => {
    const claim = new Writer().uint(FRAME_BYTES_MAX).finish();
    const before = process.memoryUsage().arrayBuffers;
    for (let round = 0; round < 500; round += 1) {
      expect(() => new Reader(claim).bytes(FRAME_BYTES_MAX)).toThrow(DecodeError);
      expect(() => new Reader(claim).text(FRAME_BYTES_MAX)).toThrow(DecodeError);
      expect(() => new Reader(claim).list(FRAME_BYTES_MAX, (reader) => reader.u8())).toThrow(DecodeError);
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * 1024 * 1024);
  });

  it('of a list are refused before the first item is read', () => {
    let items = 0;
    const frame = new Writer().uint(5).raw(new Uint8Array(4)).finish();
    expect(() => new Reader(frame).list(10, () => (items += 1))).toThrow('list longer than its frame');
    expect(() => new Reader(frame).list(4, () => (items += 1))).toThrow('over its limit');
    expect(items).toBe(0);
  });

  it('of bytes over the limit are refused even if the bytes are there', () => {
    const frame = new Writer().bytes(new Uint8Array(11)).finish();
    expect(() => new Reader(frame).bytes(10)).toThrow('number over its limit of 10');
    expect(new Reader(frame).bytes(11)).toHaveLength(11);
  });
});

describe('values that are no values', () => {
  it.each([
    ['a boolean of 2', (r: Reader) => r.bool(), [2]],
    ['NaN', (r: Reader) => r.f64(), [0x7f, 0xf8, 0, 0, 0, 0, 0, 0]],
    ['infinity', (r: Reader) => r.f64(), [0x7f, 0xf0, 0, 0, 0, 0, 0, 0]],
    ['text with a lone continuation byte', (r: Reader) => r.text(9), [1, 0x80]],
    ['text with a surrogate', (r: Reader) => r.text(9), [3, 0xed, 0xa0, 0x80]],
    ['overlong text', (r: Reader) => r.text(9), [2, 0xc0, 0x80]],
  ])('%s', (_name, decode, encoding) => {
    expect(() => decode(new Reader(Uint8Array.from(encoding)))).toThrow(DecodeError);
  });
});

describe('bytes', () => {
  it('are keys of maps and back', () => {
    const property = fc.property(bytes, bytes, (a, b) => {
      expect(mapKeyToBytes(bytesToMapKey(a))).toStrictEqual(a);
      expect(bytesToMapKey(a) === bytesToMapKey(b)).toBe(equalBytes(a, b));
      expect(equalBytes(a, b)).toBe(Buffer.compare(a, b) === 0);
    });
    fc.assert(property, fixed);
  });

  it('of a copy do not share memory, not even with a Buffer', () => {
    const source = Buffer.from('abc');
    const copy = copyBytes(source);
    source[0] = 0;
    expect(decodeUtf8(copy)).toBe('abc');
    expect(copy.buffer).not.toBe(source.buffer);
  });

  it('of text are UTF-8', () => {
    expect([...encodeUtf8('é€𝄞')]).toEqual([0xc3, 0xa9, 0xe2, 0x82, 0xac, 0xf0, 0x9d, 0x84, 0x9e]);
    expect(decodeUtf8(encodeUtf8('é€𝄞'))).toBe('é€𝄞');
  });

  // TextDecoder takes it off unless it is made with ignoreBOM.
  it('of text may begin with a byte order mark', () => {
    expect(decodeUtf8(encodeUtf8('\uFEFFa'))).toBe('\uFEFFa');
  });
});
