/** The command as a whole, on runs that are made up; and once for real. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { INTERRUPTED } from '../../src/cli/console.ts';
import type { Flags } from '../../src/cli/flags.ts';
import { simulate } from '../../src/cli/simulate.ts';
import type { Outcome, Task } from '../../src/cli/task.ts';
import { runScenario } from '../../src/run/run.ts';
import { KeptOutput, outcomeOf, scenarioNamed } from './outcomes.ts';

const flags: Flags = {
  list: false,
  chosen: [scenarioNamed('chaos-3')],
  seed: 1,
  seedOf: undefined,
  seeds: 30,
  overrides: {},
  trace: false,
  shrink: false,
  jobs: 1,
  repeatPercent: 10,
  reached: false,
  steer: false,
  requireMarks: false,
  rareMarks: [],
  requireOperations: 0,
  pictures: {},
};

async function simulated(
  changes: Partial<Flags>,
  run: (task: Task) => Outcome,
  signal = new AbortController().signal,
): Promise<{ status: number; text: string }> {
  const output = new KeptOutput();
  const lane = (task: Task): Promise<Outcome> => Promise.resolve({ ...run(task), repeated: task.repeat });
  const surroundings = { lanes: [lane], interrupted: signal, output, commit: 'abc1234' };
  return { status: await simulate({ ...flags, ...changes }, surroundings), text: output.text };
}

const failing = (): Outcome => outcomeOf({ complaints: ['it failed\nin detail'], trace: ['1.0 a line'] });

describe('simulate', () => {
  it('passes only when every run did', async () => {
    const { status, text } = await simulated({}, () => outcomeOf());
    expect(status).toBe(0);
    expect(text).toContain('all 30 runs passed');
    expect(text).toContain('3 runs made twice, 3 with the same trace hash');
  });

  it('tells which seeds they are that come from the commit', async () => {
    const { text } = await simulated({ seed: 7000, seedOf: 'abc1234', seeds: 2 }, () => outcomeOf());
    expect(text).toContain('seeds from 7000 on, by commit abc1234: --seed 7000 runs them again');
  });

  it('tells a failure with what replays and what shrinks it', async () => {
    const { status, text } = await simulated({ overrides: { seconds: 9, nodes: 5 } }, ({ options }) =>
      options.seed === 17 ? failing() : outcomeOf(),
    );
    expect(status).toBe(1);
    expect(text).toContain(
      [
        'FAILED chaos-3, seed 17, commit abc1234, trace hash 0badcafe',
        '  options: 9 simulated seconds of load, 5 nodes, all clients',
        '  it failed',
        '  in detail',
        '    1.0 a line',
        '  replay: npm run simulate -- --scenario chaos-3 --seed 17 --seconds 9 --nodes 5 --trace',
        '  shrink: npm run simulate -- --scenario chaos-3 --seed 17 --seconds 9 --nodes 5 --shrink',
      ].join('\n'),
    );
    expect(text).toContain('1 run of 30 failed');
  });

  it('tells ten failures in full, and of the others what replays each', async () => {
    const { text } = await simulated({}, failing);
    expect(text.match(/^FAILED .*, commit/gm)).toHaveLength(10);
    expect(text.match(/replay: npm run simulate -- --scenario chaos-3 --seed \d+ --trace$/gm)).toHaveLength(30);
    expect(text).toContain(
      'FAILED chaos-3, seed 11: it failed; replay: npm run simulate -- --scenario chaos-3 --seed 11 --trace',
    );
    expect(text).toContain('failed seeds\n  chaos-3: 1-30');
  });

  it('prints the trace once when it is asked for', async () => {
    const { text } = await simulated({ seeds: 1, trace: true }, failing);
    expect(text.match(/1\.0 a line/g)).toHaveLength(1);
    expect(text).toContain('trace hash 0badcafe');
  });

  it('fails on a mark that was never hit only where marks are required', async () => {
    expect((await simulated({}, () => outcomeOf())).status).toBe(0);
    const required = await simulated({ requireMarks: true }, () => outcomeOf());
    expect(required.status).toBe(1);
    expect(required.text).toContain('FAILED: 1 coverage mark never hit: busy');
    const rare = await simulated({ requireMarks: true, rareMarks: ['busy'] }, () => outcomeOf());
    expect(rare.status).toBe(0);
    const all = await simulated({ requireMarks: true }, () => outcomeOf({ marks: { busy: 1 } }));
    expect(all.status).toBe(0);
  });

  it('fails when fewer operations were checked than required', async () => {
    const enough = await simulated({ requireOperations: 30_000 }, () => outcomeOf());
    expect(enough.status).toBe(0);
    const { status, text } = await simulated({ requireOperations: 30_001 }, () => outcomeOf());
    expect(status).toBe(1);
    expect(text).toContain('FAILED: 30,000 operations checked, 30,001 required');
  });

  it('names the faults left out that the run does not have', async () => {
    const run = (): Outcome => outcomeOf({ numberedFaults: 4 });
    const { status, text } = await simulated({ seeds: 1, overrides: { without: [2, 4, 999] } }, run);
    expect(status).toBe(0);
    expect(text).toContain('--without 4,999 changed nothing: the run has the faults 0 to 3 only');
    expect((await simulated({ seeds: 1, overrides: { without: [3] } }, run)).text).not.toContain('--without');
  });

  it('says which picture could not be written, fails, and sums up all the same', async () => {
    const report = tmpdir();
    const { status, text } = await simulated({ seeds: 1, pictures: { report } }, ({ options }) =>
      outcomeOf({ traceHash: runScenario(scenarioNamed('chaos-3'), options).traceHash }),
    );
    expect(status).toBe(1);
    expect(text).toContain(`FAILED: ${report} could not be written: EISDIR`);
    expect(text).not.toContain('wrote');
    expect(text).toContain('the run passed');
  });

  it('sums up what ran when it is interrupted', async () => {
    const controller = new AbortController();
    const run = ({ options }: Task): Outcome => {
      if (options.seed === 4) controller.abort();
      return outcomeOf();
    };
    const { status, text } = await simulated({}, run, controller.signal);
    expect(status).toBe(INTERRUPTED);
    expect(text).toContain('stopped after 4 of 30 runs, all 4 runs passed');
  });

  it('shrinks the first failure and runs no more seeds', async () => {
    const seeds = new Set<number>();
    const { status, text } = await simulated({ shrink: true }, ({ options }) => {
      seeds.add(options.seed);
      return options.seed >= 3 && options.seconds >= 8 ? failing() : outcomeOf();
    });
    expect(status).toBe(1);
    expect([...seeds]).toEqual([1, 2, 3]);
    expect(text).toMatch(/SHRUNK chaos-3, seed 3, commit abc1234: \d+ runs/);
    expect(text).toContain('--scenario chaos-3 --seed 3 --seconds 8 --clients 1 --operations 1 --trace');
  });

  it('says so when there is nothing to shrink', async () => {
    const { status, text } = await simulated({ shrink: true }, () => outcomeOf());
    expect(status).toBe(0);
    expect(text).toContain('no run failed: there is nothing to shrink');
  });
});

describe('the program', () => {
  const program = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
  const run = (line: string): ReturnType<typeof spawnSync> & { stdout: string; stderr: string } =>
    spawnSync(process.execPath, [program, ...line.split(' ')], { encoding: 'utf8' });

  it('runs seeds on two processes', () => {
    const { status, stdout } = run('--scenario formation --seeds 4 --seconds 1 --jobs 2');
    expect(stdout).toMatch(/formation +4 of 4/);
    expect(stdout).toMatch(/all 4 runs passed; .* on 2 processes/);
    expect(status).toBe(0);
  });

  it.each([
    ['a trace', '--scenario formation --seconds 1 --trace', 0],
    ['failures, with more to come', '--scenario steady-load --seconds 1 --operations 1 --seeds 100000', INTERRUPTED],
  ])('ends quietly when nobody reads %s any more', async (_, line, status) => {
    const child = spawn(process.execPath, [program, ...line.split(' ')], { stdio: ['ignore', 'pipe', 'pipe'] });
    let told = '';
    child.stderr.on('data', (text) => (told += text));
    child.stdout.destroy();
    expect(await once(child, 'close')).toEqual([status, null]);
    expect(told).toBe('');
  });

  it('refuses what it does not know, with status 1', () => {
    const { status, stderr } = run('--scenario formaton');
    expect(stderr).toContain('Did you mean formation?');
    expect(status).toBe(1);
  });
});
