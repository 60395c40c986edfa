import type { Address } from '@kvorum/common';
import { describe, expect, it } from 'vitest';
import type { HostedGroups } from '../../../src/core/index.ts';
import type { CheckIn } from '../../../src/core/membership/formation.ts';
import { Formation } from '../../../src/core/membership/formation.ts';
import type { NodeState } from '../../../src/core/membership/node-state.ts';
import { answerCheckIn } from '../../../src/core/membership/node-state.ts';
import { layoutOf } from '../values.ts';

const at = (port: number): Address => ({ host: 'h', port });
const checkIn = (instance: string, clusterId?: string, port = 1): CheckIn => ({
  type: 'check-in',
  instance,
  clusterId,
  address: at(port),
});

const options = { clusterSize: 3, partitions: 4, replication: 3 };
const formation = new Formation(options, [{ id: 1, instance: 'a', address: at(1) }]);
const layout = { ...layoutOf(4), clusterId: 'ours' };

const fresh: NodeState = { type: 'new', clusterId: 'ours', formation, entering: false };
// Of what a member hosts only the layout is looked at.
const member: NodeState = { type: 'member', groups: { layout } as HostedGroups };

describe('a node that checks in', () => {
  it('while the cluster is formed is told how far that is', () => {
    const state = { type: 'forming', present: 1, wanted: 3 };
    for (const asked of [fresh, { ...fresh, entering: true }]) {
      expect(answerCheckIn(asked, checkIn('a'))).toMatchObject({ clusterId: 'ours', node: 1, state });
      expect(answerCheckIn(asked, checkIn('new'))).toMatchObject({ clusterId: 'ours', node: 0, state });
      expect(answerCheckIn(asked, checkIn('a', 'ours'))).toMatchObject({ node: 1, state });
    }
  });

  it('as a member gets the layout and its id', () => {
    expect(answerCheckIn(member, checkIn('i2'))).toEqual({
      type: 'checked-in',
      clusterId: 'ours',
      node: 2,
      state: { type: 'member', layout },
    });
    expect(answerCheckIn(member, checkIn('i2', 'ours'))).toMatchObject({ node: 2, state: { type: 'member' } });
  });

  it('as one more than the cluster has becomes a spare', () => {
    expect(answerCheckIn(member, checkIn('new'))).toMatchObject({ node: 0, state: { type: 'spare', layout } });
  });

  it.each<[what: string, state: NodeState]>([
    ['joins', { type: 'joining', bootstrap: at(7), entering: false }],
    ['is about to be a member', { type: 'joining', bootstrap: at(7), entering: true }],
    ['is a spare', { type: 'spare', bootstrap: at(7), layout, entering: false }],
  ])('at a node that %s is sent on, whatever cluster it was in', (_what, state) => {
    for (const clusterId of [undefined, 'ours', 'theirs']) {
      const answer = answerCheckIn(state, checkIn('new', clusterId));
      expect(answer).toEqual({
        type: 'checked-in',
        clusterId: '',
        node: 0,
        state: { type: 'elsewhere', address: at(7) },
      });
    }
  });

  it('at a node that stops is turned away', () => {
    expect(answerCheckIn({ type: 'stopping' }, checkIn('i2', 'ours'))).toMatchObject({
      clusterId: '',
      node: 0,
      state: { type: 'rejected', reason: 'this node is shutting down' },
    });
  });

  it.each([
    ['a node that forms another', fresh],
    ['a member of another', member],
  ])('with the data of a cluster is rejected by %s, with both ids and the fix', (_name, state) => {
    const answer = answerCheckIn(state, checkIn('i2', 'theirs'));
    expect(answer.node).toBe(0);
    expect(answer.state.type).toBe('rejected');
    const reason = answer.state.type === 'rejected' ? answer.state.reason : '';
    for (const part of ['cluster ours', 'cluster theirs', '--data-dir', '-s']) expect(reason).toContain(part);
  });
});
