import { asNewerFormat, Noise } from '@kvorum/testing';
import { describe, expect, it } from 'vitest';
import {
  CorruptRecord,
  decodeEntries,
  decodeLogHead,
  encodeEntries,
  encodeLogHead,
  joinSegments,
  seal,
  UnknownFormat,
} from '../../../src/core/index.ts';
import { b, entries, text } from '../values.ts';

const names = (list: readonly { readonly payload: Uint8Array }[]): string =>
  list.map(({ payload }) => text(payload)).join(' ');

describe('log records', () => {
  const head = { compactedIndex: 12, hardState: b('promised 7') };

  it('keep the head of a log', () => {
    for (const each of [
      head,
      { compactedIndex: 2 ** 50, hardState: b('') },
      { compactedIndex: 0, hardState: undefined },
    ]) {
      expect(decodeLogHead(encodeLogHead(each), 'it')).toEqual(each);
    }
  });

  it('keep entries', () => {
    const list = [...entries('a b'), { kind: 'stop-sign' as const, payload: b('next') }];
    expect(decodeEntries(encodeEntries(list), 'it')).toEqual(list);
    expect(decodeEntries(encodeEntries([]), 'it')).toEqual([]);
  });

  it('do not keep a buffer that a database hands out', () => {
    const record = encodeLogHead(head);
    const decoded = decodeLogHead(record, 'it');
    const list = encodeEntries(entries('one'));
    const [first] = decodeEntries(list, 'it');
    for (const buffer of [record, list]) buffer.fill(0);
    expect(decoded).toEqual(head);
    expect(first && text(first.payload)).toBe('one');
  });

  it('with any bit flipped, cut or longer are corrupt', () => {
    const records = [
      { record: encodeEntries(entries('one two three')), read: (r: Uint8Array): unknown => decodeEntries(r, 'it') },
      { record: encodeLogHead(head), read: (r: Uint8Array): unknown => decodeLogHead(r, 'it') },
    ];
    for (const { record, read } of records) {
      expect(() => read(record)).not.toThrow();
      for (let bit = 0; bit < record.length * 8; bit += 1) {
        const flipped = Uint8Array.from(record);
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(() => read(flipped)).toThrow(CorruptRecord);
      }
      for (let length = 0; length < record.length; length += 1) {
        expect(() => read(record.subarray(0, length))).toThrow(CorruptRecord);
      }
      expect(() => read(Uint8Array.of(...record, 0))).toThrow(CorruptRecord);
    }
  });

  it('of a newer format are refused', () => {
    expect(() => decodeEntries(asNewerFormat(encodeEntries(entries('a'))), 'the log')).toThrow(UnknownFormat);
    expect(() => decodeLogHead(asNewerFormat(encodeLogHead(head)), 'the log')).toThrow(UnknownFormat);
  });

  it('whose checksum is right and whose body is not are corrupt too', () => {
    const noise = new Noise(5);
    for (let round = 0; round < 20_000; round += 1) {
      const record = seal(1, (writer) => writer.raw(noise.bytes(noise.below(20))));
      for (const read of [decodeEntries, decodeLogHead]) {
        try {
          read(record, 'it');
        } catch (error) {
          if (!(error instanceof CorruptRecord)) throw error;
        }
      }
    }
    expect(() =>
      decodeLogHead(
        seal(1, (writer) => writer.u8(5)),
        'it',
      ),
    ).toThrow('it is damaged: unexpected end');
  });
});

describe('joined segments', () => {
  const join = (compactedIndex: number, segments: readonly (readonly [number, string])[]): string =>
    names(
      joinSegments(
        compactedIndex,
        segments.map(([from, list]) => ({ from, entries: list === '' ? [] : entries(list) })),
        'the log',
      ),
    );

  it.each([
    ['nothing', 0, [], ''],
    ['one', 0, [[0, 'a b']], 'a b'],
    [
      'several',
      0,
      [
        [0, 'a b'],
        [2, 'c'],
        [3, 'd e'],
      ],
      'a b c d e',
    ],
    [
      'a later one cuts an earlier one',
      0,
      [
        [0, 'a b c d'],
        [2, 'C'],
      ],
      'a b C',
    ],
    [
      'a cut to the first entry',
      0,
      [
        [0, 'a b'],
        [0, 'A'],
      ],
      'A',
    ],
    [
      'an empty append only cuts',
      0,
      [
        [0, 'a b c'],
        [1, ''],
      ],
      'a',
    ],
    [
      'two cuts in a row',
      0,
      [
        [0, 'a b c d e'],
        [3, 'D'],
        [4, 'E F'],
      ],
      'a b c D E F',
    ],
    [
      'compacted within a segment',
      2,
      [
        [0, 'a b c'],
        [3, 'd'],
      ],
      'c d',
    ],
    [
      'compacted between segments',
      3,
      [
        [0, 'a b c'],
        [3, 'd'],
      ],
      'd',
    ],
    [
      'compacted, older segments are still there',
      4,
      [
        [0, 'a b'],
        [2, 'c d'],
        [4, 'e'],
      ],
      'e',
    ],
    ['all compacted', 5, [[0, 'a b c']], ''],
    [
      'compacted far beyond what is stored',
      100,
      [
        [0, 'a b c'],
        [100, 'z'],
      ],
      'z',
    ],
    [
      'a cut below the compacted part',
      2,
      [
        [0, 'a b c d'],
        [1, 'B C'],
      ],
      'C',
    ],
  ] as const)('%s', (_name, compactedIndex, segments, log) => {
    expect(join(compactedIndex, segments)).toBe(log);
  });

  it.each([
    [
      'in the middle',
      0,
      [
        [0, 'a'],
        [2, 'c'],
      ],
    ],
    ['at the beginning', 0, [[1, 'b']]],
    [
      'behind the compacted part',
      3,
      [
        [0, 'a b c'],
        [4, 'e'],
      ],
    ],
  ] as const)('with a gap %s are corrupt', (_name, compactedIndex, segments) => {
    expect(() => join(compactedIndex, segments)).toThrow(CorruptRecord);
  });

  it('names the gap', () => {
    expect(() =>
      join(0, [
        [0, 'a'],
        [4, 'e'],
      ]),
    ).toThrow('the log lacks entries 1 to 4');
  });

  it('may be longer than a call takes arguments', () => {
    const long = Array.from({ length: 200_000 }, () => entries('x')[0] as ReturnType<typeof entries>[number]);
    expect(joinSegments(0, [{ from: 0, entries: long }], 'the log')).toHaveLength(200_000);
  });

  it('equal the log that the same appends make of a list', () => {
    const noise = new Noise(11);
    for (let round = 0; round < 500; round += 1) {
      const stored = new Map<number, string[]>();
      let log: string[] = [];
      for (let step = 0; step < 12; step += 1) {
        const from = noise.below(4) === 0 ? noise.below(log.length + 1) : log.length;
        const added = Array.from({ length: noise.below(4) }, (_, i) => `${step}.${i}`);
        log = [...log.slice(0, from), ...added];
        for (const start of stored.keys()) if (start >= from) stored.delete(start);
        stored.set(from, added);
      }
      const compactedIndex = noise.below(log.length + 1);
      const segments = [...stored].sort(([a], [c]) => a - c).map(([from, list]) => [from, list.join(' ')] as const);
      expect(join(compactedIndex, segments)).toBe(log.slice(compactedIndex).join(' '));
    }
  });
});
