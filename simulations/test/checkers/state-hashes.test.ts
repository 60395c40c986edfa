import { describe, expect, it } from 'vitest';
import { differingGroups, stateComplaints, type ReplicaState } from '../../src/checkers/index.ts';

const state = (group: number, process: number, appliedIndex: number, stateHash: string | number): ReplicaState => ({
  group,
  process,
  appliedIndex,
  stateHash,
});

describe('states after the same entries', () => {
  it('are equal, whatever the time and the replica', () => {
    const states = [state(0, 0, 5, 'a'), state(0, 1, 4, 'b'), state(0, 1, 5, 'a'), state(0, 2, 4, 'b')];
    expect(stateComplaints(states)).toEqual([]);
    expect(stateComplaints([])).toEqual([]);
  });

  it('may be anything in another group or after other entries', () => {
    expect(stateComplaints([state(0, 0, 5, 'a'), state(1, 0, 5, 'b'), state(0, 1, 6, 'c')])).toEqual([]);
  });

  it('are named when they are not equal', () => {
    const states = [state(0, 0, 5, 'a'), state(2, 0, 5, 'a'), state(2, 1, 6, 'c'), state(2, 1, 5, 'b')];
    expect(stateComplaints(states)).toEqual(['group 2: after 5 entries n1 has state a and n2 has state b']);
  });

  it('are equal for one replica at two times as well', () => {
    expect(stateComplaints([state(0, 1, 5, 1), state(0, 1, 5, 2)])).toHaveLength(1);
  });

  it('are complained about at most so often', () => {
    const states = Array.from({ length: 50 }, (_, at) => [state(0, 0, at, 1), state(0, 1, at, 2)]).flat();
    expect(stateComplaints(states)).toHaveLength(21);
  });
});

describe('the groups that differ in the end', () => {
  it('are those with two states', () => {
    const states = [
      ...[state(4, 0, 5, 'a'), state(4, 1, 5, 'b')],
      ...[state(1, 0, 5, 'a'), state(1, 1, 6, 'a')],
      ...[state(10, 0, 5, 'a'), state(10, 1, 5, 'a'), state(10, 2, 5, 'c')],
    ];
    expect(differingGroups(states)).toEqual([4, 10]);
    expect(differingGroups([])).toEqual([]);
  });

  it('are those too where too few replicas show a state', () => {
    const states = [state(0, 0, 5, 'a'), state(0, 1, 5, 'a'), state(1, 0, 5, 'a'), state(1, 0, 5, 'a')];
    expect(differingGroups(states, 2)).toEqual([1]);
  });
});
