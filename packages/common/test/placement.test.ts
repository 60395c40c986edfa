import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Layout, NodeId, NodeLayout } from '../src/index.ts';
import { computeLayout, METADATA_GROUP } from '../src/index.ts';
import { fixed } from './arbitraries.ts';

const node = (id: NodeId): NodeLayout => ({ id, address: { host: `node-${id}`, port: 45678 }, instance: `i${id}` });
const nodes = (count: number): NodeLayout[] => Array.from({ length: count }, (_, i) => node(i + 1));
const place = (count: number, partitions: number, replication: number): Layout =>
  computeLayout('c', nodes(count), { partitions, replication });

describe('a layout', () => {
  it('is the same whatever the order the nodes are named in', () => {
    const order = fc.uniqueArray(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 9 });
    const property = fc.property(order, fc.nat(2 ** 31), fc.integer({ min: 1, max: 40 }), (ids, seed, partitions) => {
      const options = { partitions, replication: Math.min(3, ids.length) };
      const shuffled = ids
        .map((id, i) => ({ id, rank: Math.imul(seed ^ id, 0x9e3779b1 + i) }))
        .sort((a, b) => a.rank - b.rank)
        .map(({ id }) => id);
      const layout = computeLayout('c', ids.map(node), options);
      expect(computeLayout('c', shuffled.map(node), options)).toStrictEqual(layout);
      expect(computeLayout('c', [...ids].reverse().map(node), options)).toStrictEqual(layout);
    });
    fc.assert(property, { ...fixed, numRuns: 40 });
  });

  it('gives every group as many distinct members as asked for, the metadata group first', () => {
    const ids = fc.uniqueArray(fc.integer({ min: 1, max: 10_000 }), { minLength: 1, maxLength: 12 });
    const property = fc.property(ids, fc.integer({ min: 1, max: 64 }), fc.nat(11), (members, partitions, choice) => {
      const replication = 1 + (choice % members.length);
      const layout = computeLayout('c', members.map(node), { partitions, replication });
      expect(layout).toMatchObject({ clusterId: 'c', epoch: 1 });
      expect(layout.nodes.map(({ id }) => id)).toEqual([...members].sort((a, b) => a - b));
      expect(layout.groups.every(({ id }, place) => id === place)).toBe(true);
      expect(layout.groups).toHaveLength(partitions + 1);
      expect(layout.groups[0]?.id).toBe(METADATA_GROUP);
      for (const group of layout.groups) {
        expect(new Set(group.members).size).toBe(replication);
        expect(group.members).toHaveLength(replication);
        expect(members).toEqual(expect.arrayContaining([...group.members]));
      }
    });
    fc.assert(property, { ...fixed, numRuns: 30 });
  });

  it('needs as many nodes as replicas', () => {
    expect(() => place(2, 4, 3)).toThrow(new RangeError('replication degree 3 needs as many nodes, there are 2'));
    expect(() => place(0, 4, 1)).toThrow(RangeError);
  });

  it('does not touch the nodes it was given', () => {
    const given = [node(3), node(1), node(2)];
    computeLayout('c', given, { partitions: 4, replication: 3 });
    expect(given.map(({ id }) => id)).toEqual([3, 1, 2]);
  });

  it('golden', () => {
    const golden = (layout: Layout): string => layout.groups.map(({ members }) => members.join('')).join(' ');
    expect(golden(place(3, 8, 3))).toBe('321 213 132 213 132 312 213 312 123');
    expect(golden(place(5, 16, 3))).toBe('342 253 143 421 513 123 245 432 321 143 541 231 431 351 513 345 154');
  });
});

describe('one node more', () => {
  const partitions = 1023;

  it.each([1, 3, 4, 5, 8, 12, 20, 40])('moves about its share of the replicas, from %i nodes', (count) => {
    const replication = Math.min(3, count);
    const before = place(count, partitions, replication);
    const after = place(count + 1, partitions, replication);
    let moved = 0;
    for (const [i, group] of before.groups.entries()) {
      const gained = after.groups[i]?.members.filter((member) => !group.members.includes(member)) ?? [];
      // What moves, moves to the new node: consistent hashing's promise.
      expect(gained.every((member) => member === count + 1)).toBe(true);
      moved += gained.length;
    }
    const share = moved / (before.groups.length * replication);
    const fair = 1 / (count + 1);
    expect(share).toBeGreaterThan(0.7 * fair);
    expect(share).toBeLessThan(1.3 * fair);
  });
});

describe('load', () => {
  it.each([
    [3, 16, 3],
    [3, 128, 3],
    [5, 16, 3],
    [5, 128, 3],
    [7, 64, 3],
    [9, 256, 5],
    [16, 256, 3],
    [32, 1024, 3],
  ])('of leaders is even: %i nodes, %i partitions, %i replicas', (count, partitions, replication) => {
    const layout = place(count, partitions, replication);
    const led = new Map(layout.nodes.map(({ id }) => [id, 0]));
    for (const { members } of layout.groups) led.set(members[0] ?? 0, (led.get(members[0] ?? 0) ?? 0) + 1);
    expect(led.size).toBe(count);
    expect(Math.max(...led.values()) - Math.min(...led.values())).toBeLessThanOrEqual(3);
  });

  it.each([5, 9, 20])('of replicas is about even: %i nodes', (count) => {
    const layout = place(count, 1024, 3);
    const held = new Map<NodeId, number>();
    for (const member of layout.groups.flatMap(({ members }) => members)) held.set(member, (held.get(member) ?? 0) + 1);
    const fair = (1025 * 3) / count;
    expect(Math.max(...held.values())).toBeLessThan(1.25 * fair);
    expect(Math.min(...held.values())).toBeGreaterThan(0.75 * fair);
  });
});
