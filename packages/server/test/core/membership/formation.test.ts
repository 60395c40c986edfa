import type { Address } from '@kvorum/common';
import { describe, expect, it } from 'vitest';
import type { CheckIn } from '../../../src/core/membership/formation.ts';
import { answerCheckIn, Formation, groupsOf, moveNode } from '../../../src/core/membership/formation.ts';
import { encodeIdentity, encodeRoster, readIdentity, readRoster } from '../../../src/core/membership/identity.ts';
import { MemoryLogStorage } from '../fakes.ts';
import { layoutOf } from '../values.ts';

const at = (port: number): Address => ({ host: 'h', port });
const options = { clusterSize: 3, partitions: 4, replication: 3 };
const checkIn = (instance: string, clusterId?: string, port = 1): CheckIn => ({
  type: 'check-in',
  instance,
  clusterId,
  address: at(port),
});

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
    const storage = new MemoryLogStorage();
    storage.records.set('roster', encodeRoster(before.roster));
    const after = new Formation(options, readRoster(storage) ?? []);
    expect(after.roster).toEqual(before.roster);
    for (const formation of [before, after]) formation.add('c', at(3));
    expect(after.computeLayout('x')).toEqual(before.computeLayout('x'));
    expect(after.computeLayout('x').nodes.map(({ id, instance }) => `${id}${instance}`)).toEqual(['1a', '2b', '3c']);
  });
});

describe('a check-in', () => {
  const formation = new Formation(options, [{ id: 1, instance: 'a', address: at(1) }]);
  const bootstrap = { type: 'bootstrap', clusterId: 'ours', formation } as const;
  const layout = { ...layoutOf(4), clusterId: 'ours' };
  const member = { type: 'member', layout } as const;

  it('while the cluster is formed says how far that is', () => {
    const state = { type: 'forming', present: 1, wanted: 3 };
    expect(answerCheckIn(bootstrap, checkIn('a'))).toMatchObject({ clusterId: 'ours', node: 1, state });
    expect(answerCheckIn(bootstrap, checkIn('new'))).toMatchObject({ clusterId: 'ours', node: 0, state });
  });

  it('of a member gives it the layout and its id', () => {
    expect(answerCheckIn(member, checkIn('i2'))).toEqual({
      type: 'checked-in',
      clusterId: 'ours',
      node: 2,
      state: { type: 'member', layout },
    });
    expect(answerCheckIn(member, checkIn('i2', 'ours'))).toMatchObject({ node: 2, state: { type: 'member' } });
  });

  it('of one more node makes it a spare', () => {
    expect(answerCheckIn(member, checkIn('new'))).toMatchObject({ node: 0, state: { type: 'spare', layout } });
  });

  it('at a node that checks in itself is sent on', () => {
    const joining = { type: 'joining', bootstrap: at(7) } as const;
    expect(answerCheckIn(joining, checkIn('new'))).toMatchObject({ state: { type: 'elsewhere', address: at(7) } });
  });

  it.each([
    ['bootstrap', bootstrap],
    ['member', member],
  ])('of a node of another cluster is rejected by a %s, with both ids and the fix', (_name, membership) => {
    const { state, node } = answerCheckIn(membership, checkIn('i2', 'theirs'));
    expect(node).toBe(0);
    expect(state.type).toBe('rejected');
    const reason = state.type === 'rejected' ? state.reason : '';
    for (const part of ['cluster ours', 'cluster theirs', '--data-dir', '-s']) expect(reason).toContain(part);
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

  it('names the groups of a node', () => {
    const layout = {
      ...layoutOf(2),
      groups: [
        { id: 0, members: [1, 2] },
        { id: 1, members: [2, 3] },
      ],
    };
    expect(groupsOf(layout, 1).map(({ id }) => id)).toEqual([0]);
    expect(groupsOf(layout, 2).map(({ id }) => id)).toEqual([0, 1]);
  });
});

it('an identity survives its record, and a damaged one is not taken', () => {
  const storage = new MemoryLogStorage();
  expect(readIdentity(storage)).toBeUndefined();
  const identity = { instance: '0123456789abcdef', clusterId: 'c', node: 3, starts: 9 };
  storage.records.set('identity', encodeIdentity(identity));
  expect(readIdentity(storage)).toEqual(identity);
  const record = storage.records.get('identity') as Uint8Array;
  record[6] = (record[6] ?? 0) ^ 4;
  expect(() => readIdentity(storage)).toThrow('the identity record is damaged');
});
