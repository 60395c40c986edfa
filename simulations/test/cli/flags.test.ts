/** What the command line understands, and how it refuses the rest. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Flags } from '../../src/cli/flags.ts';
import { readFlags, simulateCommand } from '../../src/cli/flags.ts';
import { seedOfCommit } from '../../src/cli/flag-values.ts';
import { longRunCommand, longRunText, readLongRunFlags } from '../../src/cli/long-run-flags.ts';
import { sourceNow } from '../../src/cli/source.ts';
import { scenarioNamed } from './outcomes.ts';

const scenarios = ['formation', 'leader-crash', 'chaos-3', 'chaos-5'].map(scenarioNamed);

function flags(line: string): Flags {
  const command = simulateCommand(scenarios)
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
  return readFlags(command, line.split(' ').filter(Boolean), scenarios);
}

describe('simulate', () => {
  it('runs seed 1 of every scenario, on one process, unless told otherwise', () => {
    expect(flags('')).toEqual({
      list: false,
      chosen: scenarios,
      seed: 1,
      seeds: 1,
      overrides: {},
      trace: false,
      shrink: false,
      jobs: 1,
      repeatPercent: 1,
      reached: false,
      steer: false,
      requireMarks: false,
      rareMarks: [],
      requireOperations: 0,
      pictures: {},
    });
  });

  it('takes everything that a replay command says', () => {
    const line =
      '--scenario chaos-3 --seed 7 --seconds 12 --nodes 3 --clients 2 --operations 40 --without 0-2,6 --trace';
    const { chosen, seed, overrides, trace } = flags(line);
    expect(chosen.map(({ name }) => name)).toEqual(['chaos-3']);
    expect(seed).toBe(7);
    expect(overrides).toEqual({ seconds: 12, nodes: 3, clients: 2, operations: 40, without: [0, 1, 2, 6] });
    expect(trace).toBe(true);
  });

  it('takes jobs, a share to repeat, required marks and operations', () => {
    expect(flags('--seeds 100 --jobs 4 --repeat 2.5 --require-marks --require-operations 5000')).toMatchObject({
      seeds: 100,
      jobs: 4,
      repeatPercent: 2.5,
      requireMarks: true,
      requireOperations: 5000,
    });
  });

  it('takes branches of one run, and steers many', () => {
    const { overrides } = flags('--scenario chaos-3 --seed 7 --branches 31250:77:timing');
    expect(overrides).toEqual({ branches: [{ atMs: 31_250, seed: 77, part: 'timing' }] });
    expect(flags('--seeds 20 --steer')).toMatchObject({ steer: true, reached: true });
    expect(() => flags('--branches 31250:77:timing')).toThrow(/--branches is for one run/);
    expect(() => flags('--scenario chaos-3 --branches 31250')).toThrow(/MILLISECONDS:SEED:PART/);
    expect(() => flags('--scenario chaos-3 --steer')).toThrow(/--steer is for many runs/);
  });

  it('takes marks that need not be hit, if there are such marks', () => {
    expect(flags('--require-marks --rare-marks busy,log-cut')).toMatchObject({ rareMarks: ['busy', 'log-cut'] });
    expect(() => flags('--require-marks --rare-marks log-cat')).toThrow(/no such mark: log-cat. Did you mean log-cut/);
    expect(() => flags('--rare-marks busy')).toThrow(/--require-marks/);
  });

  it('takes seeds to the last one that is not another again', () => {
    expect(flags('--seed 4294967290 --seeds 6')).toMatchObject({ seed: 4294967290, seeds: 6 });
  });

  it('has seeds of each commit that no other is likely to have, and says which', () => {
    const { seed, seedOf } = flags('--seed commit --seeds 1000');
    expect(seedOf).toBe(sourceNow().commit);
    expect(seed).toBe(seedOfCommit(seedOf ?? ''));
    expect(seedOfCommit('0000000')).toBe(1_000_000);
    expect(seedOfCommit('00f423f')).toBe(1_000_000 + 999_999_000);
    expect(seedOfCommit('1234567')).toBe(seedOfCommit('1234567890abcdef'));
    expect(seedOfCommit('fffffff') + 999).toBeLessThan(2 ** 32);
  });

  it('takes a file that can be written, and no other', () => {
    const folder = mkdtempSync(join(tmpdir(), 'flags-'));
    try {
      const report = join(folder, 'run.html');
      expect(flags(`--scenario chaos-3 --report ${report}`).pictures.report).toBe(report);
      const none = join(folder, 'none');
      const lost = join(none, 'run.log');
      const problem = `There is no directory ${none}: make it first.`;
      expect(() => flags(`--scenario chaos-3 --report ${lost}`)).toThrow(problem);
      expect(() => flags(`--scenario chaos-3 --shiviz ${lost}`)).toThrow(problem);
      expect(() => flags(`--scenario chaos-3 --report ${folder}`)).toThrow('It is a directory: name a file.');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it.each([
    ['--scenario chaos-4', /no such scenario. Did you mean chaos-3 or chaos-5\?/],
    ['--scenario leader', /Did you mean leader-crash\?/],
    ['--scenario xyzzy', /no such scenario. "npm run simulate -- --list"/],
    ['--scenario=', /no such scenario. "npm run simulate -- --list" shows all/],
    ['chaos-3', /unexpected "chaos-3": .* "npm run simulate -- --scenario chaos-3"/],
    ['--nodes 2', /whole number from 3 on: fewer cannot lose a node and go on/],
    ['--seed 4294967290 --seeds 7', /--seed and --seeds lead to 4294967296: seeds end at 4294967295/],
    ['--seed 4294967296', /lead to 4294967296: seeds end/],
    ['--require-operations 0', /whole number from 1 on/],
    ['--seed 0', /whole number from 1 on/],
    ['--seeds many', /whole number from 1 on/],
    ['--jobs 1.5', /whole number from 1 on/],
    ['--repeat 101', /0 to 100/],
    ['--scenario chaos-3 --without 4-2', /numbers and ranges, such as 0-4,6,9-30/],
    ['--scenario chaos-3 --seeds 2 --trace', /--trace is for one run/],
    ['--trace', /--trace is for one run/],
    ['--scenario chaos-3 --seeds 2 --without 1', /--without is for one run/],
    ['--scenario chaos-3 --seeds 2 --report x.html', /--report and --shiviz are for one run/],
    ['--scenario chaos-3 --shrink --shiviz x.log', /--report and --shiviz are for one run/],
    ['--shrink', /--shrink needs one --scenario/],
    ['--scenario chaos-3 --shrink --trace', /--shrink prints no trace/],
    ['--unheard-of', /unknown option/],
  ])('refuses "%s"', (line, problem) => {
    expect(() => flags(line)).toThrow(problem);
  });

  it('shows examples', () => {
    let help = '';
    const command = simulateCommand(scenarios).configureOutput({ writeOut: (text) => (help += text) });
    command.outputHelp();
    expect(help).toContain('npm run simulate -- --scenario chaos-5 --seed 7 --shrink');
  });
});

describe('simulate:long', () => {
  const read = (line: string): ReturnType<typeof readLongRunFlags> => {
    const command = longRunCommand(scenarios)
      .exitOverride()
      .configureOutput({ writeErr: () => undefined });
    return readLongRunFlags(command, line.split(' ').filter(Boolean));
  };

  it('runs 100,000 seeds, half of them of each chaos scenario', () => {
    const { batches } = read('');
    expect(batches).toEqual([
      { scenario: 'chaos-3', firstSeed: 1, seeds: 50_000, options: { seconds: 60 } },
      { scenario: 'chaos-5', firstSeed: 1, seeds: 50_000, options: { seconds: 60 } },
    ]);
    expect(longRunText(batches, scenarios)).toBe('npm run simulate:long -- --seeds 100000 --scenarios chaos-3,chaos-5');
  });

  it('gives the odd seeds to the first scenarios', () => {
    const { batches } = read('--seeds 3 --scenarios leader-crash,formation --seconds 5');
    expect(batches.map(({ scenario, seeds }) => [scenario, seeds])).toEqual([
      ['leader-crash', 2],
      ['formation', 1],
    ]);
    expect(longRunText(batches, scenarios)).toContain('--seconds 5');
  });

  it('gives chaos twenty times the seeds of the others', () => {
    const { batches } = read('--seeds 420 --scenarios chaos-5,formation,leader-crash');
    expect(batches.map(({ scenario, seeds }) => [scenario, seeds])).toEqual([
      ['chaos-5', 382],
      ['formation', 19],
      ['leader-crash', 19],
    ]);
  });

  it.each([
    ['--scenarios chaos-3,chaos-9', /Did you mean chaos-3/],
    ['--scenarios chaos-3,chaos-3', /twice/],
    ['chaos-3', /"npm run simulate:long -- --scenarios chaos-3"/],
    ['--restart --append-now', /would leave --append-now nothing/],
  ])('refuses "%s"', (line, problem) => {
    expect(() => read(line)).toThrow(problem);
  });

  it('names the scenarios that it runs unless told otherwise', () => {
    expect(longRunCommand(scenarios).helpInformation()).toContain('(default: chaos-3,chaos-5)');
  });
});
