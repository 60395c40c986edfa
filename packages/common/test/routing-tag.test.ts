/** What of a key decides its group: the tag between its first braces, if there is one and the layout says so. */
import { describe, expect, it } from 'vitest';
import { decodeUtf8, encodeUtf8, groupOfKey, routingTag } from '../src/index.ts';

const groups = Array.from({ length: 1025 }, (_, id) => ({ id, members: [1], protocol: 'p' }));
const tagged = { routing: 'tag', groups } as const;
const whole = { routing: 'key', groups } as const;

describe('the routing tag', () => {
  it.each([
    ['a', 'a'],
    ['{a}b', 'a'],
    ['b{a}', 'a'],
    ['{a}{b}', 'a'],
    ['{{a}}', '{a'],
    ['{}a', '{}a'],
    ['{a', '{a'],
    ['}a{', '}a{'],
    ['a}{b}', 'b'],
    ['{a}}', 'a'],
    ['cart:{7}:items', '7'],
  ])('of %s is %s', (key, tag) => {
    expect(decodeUtf8(routingTag(encodeUtf8(key)))).toBe(tag);
  });

  it('puts keys of one tag into one group, unless the layout goes by whole keys', () => {
    const keys = ['{cart:7}items', '{cart:7}total', 'x{cart:7}', 'cart:7'].map(encodeUtf8);
    expect(new Set(keys.map((key) => groupOfKey(tagged, key))).size).toBe(1);
    expect(new Set(keys.map((key) => groupOfKey(whole, key))).size).toBe(4);
  });
});
