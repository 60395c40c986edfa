import type { Address } from '@kvorum/common';
import { EPOCH_MAX } from '@kvorum/common';
import { MemoryNodeRecords } from '@kvorum/testing';
import { describe, expect, it } from 'vitest';
import { Formation, groupsOf, moveNode } from '../../../src/core/membership/formation.ts';
import { encodeRoster, readRoster } from '../../../src/core/membership/identity.ts';
import { layoutOf } from '../values.ts';

const at = (port: number): Address => ({ host: 'h', port });
const options = { clusterSize: 3, partitions: 4, replication: 3 };
describe('the roster', () => {
  it('gives every data directory one id, for good, however often it checks in', () => {
    const formation = new Formation(options, []);
    expect(formation.add('a', at(1))).toBe(true);
    expect(formation.add('b', at(2))).toBe(true);
    for (let again = 0; again < 3; again += 1) expect(formation.add('a', at(1))).toBe(false);
    expect(formation.roster.map(({ id, instance }) => [id, instance])).toEqual([
      [1, 'a'],
      [2, 'b'],
    ]);
    expect(formation.complete).toBe(false);
  });

  it('notes where a node listens now', () => {
    const formation = new Formation(options, []);
    for (const [place, instance] of ['a', 'b', 'c'].entries()) formation.add(instance, at(place + 1));
    expect(formation.add('b', at(20))).toBe(true);
    expect(formation.find('b')).toEqual({ id: 2, instance: 'b', address: at(20) });
    expect(formation.roster).toHaveLength(3);
    expect(formation.add('d', at(4))).toBe(false);
    expect(formation.find('d')).toBeUndefined();
    formation.add('c', at(30));
    expect(formation.roster.map(({ id }) => id).sort()).toEqual([1, 2, 3]);
  });

  it('goes on where it was after a restart, with the same layout', () => {
    const before = new Formation(options, []);
    before.add('a', at(1));
    before.add('b', at(2));
    const storage = new MemoryNodeRecords();
    storage.records.set('roster', encodeRoster(before.roster));
    const after = new Formation(options, readRoster(storage) ?? []);
    expect(after.roster).toEqual(before.roster);
    for (const formation of [before, after]) formation.add('c', at(3));
    expect(after.computeLayout('x')).toEqual(before.computeLayout('x'));
    expect(after.computeLayout('x').nodes.map(({ id, instance }) => `${id}${instance}`)).toEqual(['1a', '2b', '3c']);
  });
});

describe('a layout', () => {
  it('with a node that moved has the next epoch; nothing else changes', () => {
    const layout = layoutOf(4);
    const moved = moveNode(layout, 2, at(99));
    expect(moved).toEqual({
      ...layout,
      epoch: 2,
      nodes: layout.nodes.map((node) => (node.id === 2 ? { ...node, address: at(99) } : node)),
    });
    expect(moved && moveNode(moved, 2, at(99))).toBeUndefined();
    expect(moveNode(layout, 77, at(99))).toBeUndefined();
  });

  it('whose epoch is the last that can be stays as it is', () => {
    const last = { ...layoutOf(4), epoch: EPOCH_MAX };
    expect(moveNode(last, 2, at(99))).toBeUndefined();
    expect(moveNode({ ...last, epoch: EPOCH_MAX - 1 }, 2, at(99))?.epoch).toBe(EPOCH_MAX);
  });

  it('names the groups of a node', () => {
    const layout = {
      ...layoutOf(2),
      groups: [
        { id: 0, members: [1, 2], protocol: 'p' },
        { id: 1, members: [2, 3], protocol: 'p' },
      ],
    };
    expect(groupsOf(layout, 1).map(({ id }) => id)).toEqual([0]);
    expect(groupsOf(layout, 2).map(({ id }) => id)).toEqual([0, 1]);
  });
});
