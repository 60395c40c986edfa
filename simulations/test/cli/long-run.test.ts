/** A long run can be stopped anywhere, and adds up to the same; what it writes down is what ran. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { check } from 'prettier';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { INTERRUPTED } from '../../src/cli/console.ts';
import { longRun } from '../../src/cli/long-run.ts';
import type { LongRunFlags } from '../../src/cli/long-run-flags.ts';
import { loadState } from '../../src/cli/long-run-state.ts';
import type { Source } from '../../src/cli/source.ts';
import type { Outcome, Task } from '../../src/cli/task.ts';
import { KeptOutput, outcomeOf, scenarioNamed } from './outcomes.ts';

const scenarios = ['chaos-3', 'chaos-5'].map(scenarioNamed);
const batches = scenarios.map(({ name, seconds }) => ({
  scenario: name,
  firstSeed: 1,
  seeds: 40,
  options: { seconds },
}));
const flags: LongRunFlags = { batches, jobs: 1, restart: false, appendNow: false };
const clean: Source = { commit: 'abc1234', changes: '' };

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'long-run-'));
  writeFileSync(join(folder, 'evidence.md'), '# Evidence\n');
});
afterEach(() => rmSync(folder, { recursive: true }));

const stateFile = (): URL => pathToFileURL(join(folder, 'state.json'));
const evidence = (): string => readFileSync(join(folder, 'evidence.md'), 'utf8');

/** Every run differs by its seed. */
function outcomeOfSeed({ options, repeat }: Task): Outcome {
  const { seed } = options;
  const complaints = seed === 33 ? ['unknown: key "a": no verdict'] : [];
  const counts = { lost: seed, 'progress after healing ms': (seed * 7) % 31 };
  return outcomeOf({ complaints, checkedOperations: seed, counts, repeated: repeat, marks: { busy: 1 } });
}

interface Ended {
  readonly status: number;
  readonly output: KeptOutput;
  readonly made: number;
}

/** Interrupted after so many runs. */
async function ran(stopAfter: number, changes: Partial<LongRunFlags> = {}, source = clean): Promise<Ended> {
  const output = new KeptOutput();
  const controller = new AbortController();
  let made = 0;
  const lane = (task: Task): Promise<Outcome | undefined> => {
    // As a worker that is killed in the middle of a run.
    if (made === stopAfter) controller.abort();
    if (controller.signal.aborted) return Promise.resolve(undefined);
    made += 1;
    return Promise.resolve(outcomeOfSeed(task));
  };
  const status = await longRun(
    { ...flags, ...changes },
    {
      scenarios,
      lanes: [lane, lane],
      interrupted: controller.signal,
      output,
      source,
      stateFile: stateFile(),
      evidenceFile: pathToFileURL(join(folder, 'evidence.md')),
    },
  );
  return { status, output, made };
}

/** Wall times are the only thing that may differ. */
function withoutTimes(section: string): string {
  return section.replace(/, [\d.]+ s in all/, '');
}

describe('a long run', () => {
  it('that is stopped and goes on adds up to the same as in one go', async () => {
    expect((await ran(Infinity)).made).toBe(80);
    const inOneGo = evidence();
    writeFileSync(join(folder, 'evidence.md'), '# Evidence\n');

    const parts = [await ran(13), await ran(30)];
    expect(parts.map(({ status }) => status)).toEqual([INTERRUPTED, INTERRUPTED]);
    expect(parts[0]?.output.text).toContain('saved; to go on: npm run simulate:long -- --seeds 80');
    expect(evidence()).toBe('# Evidence\n');
    const last = await ran(Infinity);
    expect(last.output.text).toContain('goes on after 43 of 80 seeds');
    expect(last.made).toBe(80 - 43);
    expect(withoutTimes(evidence())).toBe(withoutTimes(inOneGo));
    expect(loadState(stateFile())).toBeUndefined();
  });

  it('fails when a run did, and writes that down', async () => {
    expect((await ran(Infinity)).status).toBe(1);
    expect(evidence()).toContain('- Failures: chaos-3, 1 seed (33); chaos-5, 1 seed (33).');
  });

  it('makes one run in twenty twice, of each scenario', async () => {
    await ran(Infinity);
    expect(evidence()).toContain('- Runs made twice: 4, of which 4 gave the same trace hash again.');
  });

  it.each([
    ['another commit', { commit: 'def5678', changes: '' }, /begun at abc1234, this is def5678/],
    ['other changes', { commit: 'abc1234', changes: 'f00' }, /this is abc1234 with local changes f00/],
  ])('does not go on with %s', async (_, source, problem) => {
    await ran(5);
    const { status, output, made } = await ran(Infinity, {}, source);
    expect(status).toBe(1);
    expect(output.warnings.join()).toMatch(problem);
    expect(made).toBe(0);
    expect((await ran(Infinity, { restart: true }, source)).made).toBe(80);
  });

  it.each([
    ['damaged', '{"format":1,"sou'],
    ['of something else', '["mine"]'],
    ['empty', 'null'],
    ['of another version', '{"format":7}'],
    ['not whole', '{"format":1,"source":null}'],
  ])('does not go on from a file that is %s, and can begin again', async (_, text) => {
    writeFileSync(stateFile(), text);
    const { status, output, made } = await ran(Infinity);
    expect([status, made]).toEqual([1, 0]);
    expect(output.warnings.join()).toMatch(/^error: .*state\.json (cannot be read|is ).*: begin again with --restart$/);
    expect((await ran(Infinity, { restart: true })).made).toBe(80);
  });

  it('does not go on as another run', async () => {
    await ran(5);
    const { output } = await ran(Infinity, { batches: batches.slice(0, 1) });
    expect(output.warnings.join()).toContain(
      'begun as "npm run simulate:long -- --seeds 80 --scenarios chaos-3,chaos-5"',
    );
  });

  it('does not begin without a commit', async () => {
    const { output, made } = await ran(Infinity, {}, { commit: undefined, changes: '' });
    expect(output.warnings.join()).toContain('no commit');
    expect(made).toBe(0);
  });
});

describe('what is written down', () => {
  it('says what ran', async () => {
    await ran(Infinity);
    const text = evidence();
    expect(text).toMatch(/^# Evidence\n\n## \d{4}-\d\d-\d\d: 80 seeds at abc1234\n/);
    expect(text).toContain(
      `\`npm run simulate:long -- --seeds 80 --scenarios chaos-3,chaos-5\`, Node.js ${process.version}, 2 processes, `,
    );
    expect(text).toContain('| chaos-3  | 1 to 40 |   40 |     39 |');
    expect(text).toContain('- Unknown verdicts: 2.\n');
    expect(text).toContain('- Faults by kind: crash 160, cut 80.\n');
    expect(text).toContain('- Coverage marks: busy 80; never hit: none.\n');
    expect(text).toContain('| chaos-5  | longest progress after healing |    30 ms |   22 |');
    expect(await check(text, { parser: 'markdown', printWidth: 120 })).toBe(true);
  });

  it('says of an incomplete run how far it was, and the run still can go on', async () => {
    await ran(10);
    const { status, made } = await ran(Infinity, { appendNow: true });
    expect([status, made]).toEqual([0, 0]);
    expect(evidence()).toContain(': 10 of 80 seeds at abc1234\n');
    expect(evidence()).toContain(
      'Not complete: these are the figures of the 10 runs that had ended when it was written.',
    );
    expect((await ran(Infinity)).made).toBe(70);
    expect(await check(evidence(), { parser: 'markdown', printWidth: 120 })).toBe(true);
  });

  it('needs a run that was begun', async () => {
    expect((await ran(Infinity, { appendNow: true })).output.warnings.join()).toContain('no long run was begun');
  });
});
