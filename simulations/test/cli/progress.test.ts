/** The line that says how far it is. */
import { describe, expect, it } from 'vitest';
import { ProgressLine, progressText } from '../../src/cli/progress.ts';

const figures = {
  label: 'chaos-3, seed 57',
  done: 57,
  total: 500,
  operations: 612_345,
  faults: 1234,
  simulatedMs: 3_420_000,
  failures: 0,
  doneBefore: 0,
  simulatedMsBefore: 0,
};

describe('progress', () => {
  const now = new Date(2026, 0, 1, 14, 30);

  it('tells seeds, operations, faults, speed and the end', () => {
    expect(progressText(figures, 57_000, now)).toBe(
      'chaos-3, seed 57: 57 of 500 seeds, 612,345 operations checked, 1,234 faults, 60 simulated s/s, ends 14:37, in 7 min',
    );
  });

  it('tells failures', () => {
    expect(progressText({ ...figures, failures: 2 }, 57_000, now)).toContain('57 of 500 seeds, 2 failed, ');
  });

  it('estimates from what this part of the run did', () => {
    const text = progressText({ ...figures, doneBefore: 47, simulatedMsBefore: 2_820_000 }, 10_000, now);
    expect(text).toContain('60 simulated s/s, ends 14:37, in 7 min');
  });
});

/** A clock that is set by hand, and a terminal that keeps what is written. */
function shown(isTTY: boolean): { line: ProgressLine; written: string[]; at: (ms: number) => void } {
  let nowMs = 0;
  const written: string[] = [];
  const line = new ProgressLine({ isTTY, columns: 20, write: (text) => written.push(text) }, () => nowMs);
  return { line, written, at: (ms) => (nowMs = ms) };
}

describe('a progress line', () => {
  it('is rewritten on a terminal, at most five times a second', () => {
    const { line, written, at } = shown(true);
    for (let ms = 0; ms <= 1000; ms += 50) {
      at(ms);
      line.update(() => `at ${ms}`);
    }
    expect(written).toEqual([200, 400, 600, 800, 1000].map((ms) => `\r\u001b[Kat ${ms}`));
  });

  it('never wraps', () => {
    const { line, written, at } = shown(true);
    at(1000);
    line.update(() => 'a line that is far too long');
    expect(written).toEqual(['\r\u001b[Ka line that is far ']);
  });

  it('makes room for what is printed, and comes back', () => {
    const { line, written, at } = shown(true);
    at(1000);
    line.update(() => 'so far');
    line.around(() => written.push('RESULT\n'));
    line.end();
    expect(written.slice(1)).toEqual(['\r\u001b[K', 'RESULT\n', 'so far', '\r\u001b[K']);
  });

  it('is a line every half minute where there is no terminal', () => {
    const { line, written, at } = shown(false);
    for (let ms = 0; ms <= 70_000; ms += 1000) {
      at(ms);
      line.update(() => `at ${ms}`);
    }
    line.around(() => written.push('RESULT\n'));
    line.end();
    expect(written).toEqual(['at 30000\n', 'at 60000\n', 'RESULT\n']);
  });
});
