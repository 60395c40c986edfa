import { describe, expect, it } from 'vitest';
import { DecidedLogs, POSITIONS_MAX } from '../../src/checkers/decided-logs.ts';
import { report } from './report.ts';

describe('the decided logs', () => {
  it('agree when every replica shows the same entries, whoever is first', () => {
    const logs = new DecidedLogs();
    for (const [process, indices] of [
      [0, [0, 1, 2]],
      [1, [1, 2, 3]],
      [2, [5, 3, 0]],
    ] as const) {
      for (const index of indices) logs.note(1, process, index, 100 + index);
    }
    expect(logs.complaints).toEqual([]);
    expect(logs.figures).toEqual({ entries: 5, confirmations: 4 });
  });

  it('do not when two replicas show different entries at a position', () => {
    const logs = new DecidedLogs();
    logs.note(3, 0, 7, 0xabc);
    logs.note(3, 2, 7, 0xdef);
    logs.note(3, 1, 7, 0xabc);
    expect(logs.complaints).toEqual(['group 3: n3 decided 00000def at position 7, n1 had decided 00000abc there']);
    expect(logs.figures).toEqual({ entries: 1, confirmations: 1 });
  });

  it('do not when a replica changes its own mind, such as after a restart', () => {
    const logs = new DecidedLogs();
    logs.note(1, 0, 0, 1);
    logs.note(1, 0, 0, 2);
    expect(logs.complaints).toHaveLength(1);
  });

  it('count what another replica confirms, not what one repeats', () => {
    const logs = new DecidedLogs();
    for (let time = 0; time < 3; time++) logs.note(1, 0, 0, 1);
    expect(logs.figures).toEqual({ entries: 1, confirmations: 0 });
  });

  it('take a hash as its 32 bits, signed or not, zero included', () => {
    const logs = new DecidedLogs();
    logs.note(1, 0, 0, -1);
    logs.note(1, 1, 0, 0xffffffff);
    logs.note(1, 2, 0, -1);
    logs.note(1, 0, 1, 0);
    logs.note(1, 1, 1, 0);
    expect(logs.complaints).toEqual([]);
    logs.note(1, 2, 1, 1);
    expect(logs.complaints).toHaveLength(1);
  });

  it('of different groups are different logs', () => {
    const logs = new DecidedLogs();
    logs.note(1, 0, 0, 1);
    logs.note(2, 0, 0, 2);
    logs.progress(1, 0, 1, 9);
    logs.progress(2, 0, 1, 3);
    expect(logs.complaints).toEqual([]);
  });

  it('remember the first entries of a long log', () => {
    const logs = new DecidedLogs();
    for (let index = 0; index < 100_000; index++) logs.note(0, 1, index, index);
    logs.note(0, 2, 0, 5);
    logs.note(0, 2, 7, 7);
    logs.note(0, 2, 99_999, 99_999);
    expect(logs.complaints).toHaveLength(1);
    expect(logs.figures).toEqual({ entries: 100_000, confirmations: 2 });
  });

  it.each([-1, 0.5, NaN, POSITIONS_MAX])('have no position %d', (index) => {
    const logs = new DecidedLogs();
    logs.note(0, 1, index, 5);
    expect(logs.complaints).toEqual([`group 0: n2 decided something at position ${index}`]);
  });

  it('list the first complaints and count the others', () => {
    const logs = new DecidedLogs();
    for (let index = 0; index < 50; index++) {
      logs.note(1, 0, index, 1);
      logs.note(1, 1, index, 2);
    }
    expect(logs.complaints).toHaveLength(21);
    expect(logs.complaints.at(-1)).toBe('and 30 more like these');
  });

  it('are cheap to compare', () => {
    const logs = new DecidedLogs();
    const reports = 3_000_000;
    const startMs = performance.now();
    for (let at = 0; at < reports; at++) logs.note(at & 3, at % 3, Math.floor(at / 12), Math.floor(at / 12));
    const elapsedMs = performance.now() - startMs;
    report(`${reports} decided entries compared in ${elapsedMs.toFixed(0)} ms`);
    expect(logs.complaints).toEqual([]);
    expect(logs.figures).toEqual({ entries: reports / 3, confirmations: (reports / 3) * 2 });
  });
});

describe('the decided index', () => {
  it('may stand still and grow, and may start anywhere after a restart', () => {
    const logs = new DecidedLogs();
    for (const index of [0, 4, 4, 9]) logs.progress(1, 0, 1, index);
    logs.progress(1, 1, 1, 3);
    logs.progress(1, 0, 3, 2);
    logs.progress(1, 0, 3, 2);
    expect(logs.complaints).toEqual([]);
  });

  it('must not fall while a process runs', () => {
    const logs = new DecidedLogs();
    logs.progress(2, 1, 1, 9);
    logs.progress(2, 1, 1, 8);
    expect(logs.complaints).toEqual(['group 2: the decided index of n2 fell from 9 to 8']);
  });

  it('must not fall later in an incarnation', () => {
    const logs = new DecidedLogs();
    logs.progress(2, 1, 1, 9);
    logs.progress(2, 1, 2, 4);
    logs.progress(2, 1, 2, 6);
    logs.progress(2, 1, 2, 5);
    expect(logs.complaints).toEqual(['group 2: the decided index of n2 fell from 6 to 5']);
  });

  it('must be a number', () => {
    const logs = new DecidedLogs();
    logs.progress(2, 1, 1, 9);
    logs.progress(2, 1, 1, NaN);
    expect(logs.complaints).toHaveLength(1);
  });

  it('is not reported for a process that has ended', () => {
    const logs = new DecidedLogs();
    logs.progress(2, 1, 4, 9);
    logs.progress(2, 1, 3, 10);
    expect(logs.complaints).toEqual(['group 2: n2 went on as incarnation 3 after 4']);
  });
});
