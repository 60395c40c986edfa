import type { GroupLayout, Layout } from '@kvorum/common';
import { describe, expect, it } from 'vitest';
import type { HostedGroup } from '../../../src/core/membership/reconcile.ts';
import { reconcile } from '../../../src/core/membership/reconcile.ts';
import { layoutOf } from '../values.ts';

const group = (id: number, members: readonly number[]): GroupLayout => ({ id, members, protocol: 'p' });
const layoutWith = (...groups: readonly GroupLayout[]): Layout => ({ ...layoutOf(0, [1, 2, 3, 4]), groups });

function plan(
  hosted: readonly HostedGroup[],
  layout: Layout,
  self = 1,
): { close: number[]; open: number[]; peers: number[] } {
  const { close, open, peers } = reconcile(hosted, layout, self);
  return { close: [...close], open: open.map(({ id }) => id), peers: peers.map(({ id }) => id) };
}

describe('from what is hosted to what the layout says', () => {
  it('nothing is closed or opened where both are the same', () => {
    const groups = [group(0, [1, 2, 3]), group(1, [2, 1])];
    expect(plan(groups, layoutWith(...groups))).toEqual({ close: [], open: [], peers: [2, 3, 4] });
  });

  it('a node that hosts nothing opens all its groups, the metadata group first, and no others', () => {
    const layout = layoutWith(group(0, [1, 2]), group(1, [2, 3]), group(2, [3, 1]));
    expect(plan([], layout)).toMatchObject({ close: [], open: [0, 2] });
    expect(plan([], layout, 4)).toMatchObject({ close: [], open: [], peers: [1, 2, 3] });
  });

  it('a group that the node has joined is opened, and one that it has left is closed', () => {
    const layout = layoutWith(group(0, [1, 2, 3]), group(1, [2, 3]), group(2, [1, 2]));
    expect(plan([group(0, [1, 2, 3]), group(1, [1, 2])], layout)).toMatchObject({ close: [1], open: [2] });
  });

  it('a group that is gone is closed', () => {
    expect(plan([group(0, [1]), group(7, [1])], layoutWith(group(0, [1])))).toMatchObject({ close: [7], open: [] });
  });

  it.each([
    ['other members', group(1, [1, 2, 4])],
    ['one member more', group(1, [1, 2, 3, 4])],
    ['its members in another order of preference', group(1, [2, 1, 3])],
  ])('a group with %s is closed and opened again', (_what, changed) => {
    const layout = layoutWith(group(0, [1]), changed);
    expect(plan([group(0, [1]), group(1, [1, 2, 3])], layout)).toMatchObject({ close: [1], open: [1] });
  });

  it('members with many digits are told apart', () => {
    expect(plan([group(0, [1, 12])], layoutWith(group(0, [11, 2, 1])))).toMatchObject({ close: [0], open: [0] });
  });

  it('the nodes to be in touch with are all others, whatever groups they are in', () => {
    const layout = layoutWith(group(0, [1]));
    expect(plan([], layout, 3).peers).toEqual([1, 2, 4]);
    expect(reconcile([], layout, 1).peers[0]?.address).toEqual({ host: 'h', port: 1002 });
  });
});
