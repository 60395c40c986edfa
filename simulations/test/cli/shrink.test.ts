/** A failing run is made smaller, and still fails in the same way. */
import { describe, expect, it } from 'vitest';
import { replayCommand } from '../../src/cli/commands.ts';
import { reducedText } from '../../src/cli/failure-text.ts';
import type { Failing, Reduced } from '../../src/cli/shrink.ts';
import { firedFaults, shrink } from '../../src/cli/shrink.ts';
import { performTask, unfinished } from '../../src/cli/task.ts';
import type { Run, RunOptions, Scenario } from '../../src/run/run.ts';

/** A fault every half second; what is wrong with the cluster depends on which of them happened. */
function faulty(complain: (run: Run, fired: ReadonlySet<number>) => void): Scenario {
  return {
    name: 'faulty',
    summary: 'for a test',
    nodes: 5,
    partitions: 1,
    seconds: 20,
    run(run) {
      run.form();
      for (let i = 0; i < run.options.seconds * 2; i += 1) {
        run.nemesis.jumpClock(i % run.world.processes.length, 1000);
        run.world.runFor(500);
      }
      complain(run, new Set(run.nemesis.deeds.filter(({ spared }) => !spared).map(({ number }) => number)));
    },
  };
}

async function reduced(scenario: Scenario, options: RunOptions): Promise<{ first: Failing; result: Reduced }> {
  const run = (changed: RunOptions) =>
    Promise.resolve(
      performTask(scenario, { scenario: scenario.name, options: changed, repeat: false, detailed: true }),
    );
  const first = { options, outcome: await run(options) };
  return { first, result: await shrink(first, { run, nodes: scenario.nodes }) };
}

function numbers({ outcome }: Reduced): number[] {
  return firedFaults(outcome).map(({ number }) => number);
}

describe('a run that fails when two faults both happened', () => {
  const scenario = faulty((run, fired) => {
    run.expect(!(fired.has(9) && fired.has(20)), `both faults happened within ${run.durationMs} ms`);
    run.expect(fired.size < 30, 'many faults happened');
  });

  it('is reduced to exactly these two, to the shortest time, to three nodes and to the fewest clients', async () => {
    const { result } = await reduced(scenario, { seed: 5, seconds: 20 });
    expect(numbers(result)).toEqual([9, 20]);
    expect(result.options).toMatchObject({ seed: 5, seconds: 11, nodes: 3, clients: 1 });
    expect(result.failure).toBe('both faults happened within # ms');
    expect(result.cutShort).toBe(false);
  });

  it('is replayed by the command that is printed', async () => {
    const { first, result } = await reduced(scenario, { seed: 5, seconds: 20 });
    const text = reducedText({ scenario, commit: 'abc1234' }, first.outcome, result, 1500).join('\n');
    expect(text).toContain('faults: 2 of 40');
    expect(text).toMatch(/ {4}9 at [\d.]+ s: clock-jump, .*\n {4}20 at [\d.]+ s: clock-jump/);
    expect(text).toContain(
      'replay: npm run simulate -- --scenario faulty --seed 5 --seconds 11 --nodes 3 --clients 1 --without 0-8,10-19,21 --trace',
    );
    const task = { scenario: 'faulty', options: result.options, repeat: false, detailed: false };
    expect(performTask(scenario, task).traceHash).toBe(result.outcome.traceHash);
  });
});

it('leaves out faults that come only because others were left out', async () => {
  const scenario = faulty((run, fired) => {
    // Without the fault 3 there are more of them.
    if (!fired.has(3)) for (let i = 0; i < 5; i += 1) run.nemesis.jumpClock(0, 1);
    run.expect(!fired.has(2), 'it happened');
  });
  const { result } = await reduced(scenario, { seed: 1, seconds: 4 });
  expect(numbers(result)).toEqual([2]);
});

it('does not take another failure for the same', async () => {
  const scenario = faulty((run, fired) => {
    run.expect(fired.size < 10, 'many faults happened');
    run.expect(fired.size > 5, 'few faults happened');
  });
  const { result } = await reduced(scenario, { seed: 1, seconds: 8 });
  expect(result.failure).toBe('many faults happened');
  expect(firedFaults(result.outcome)).toHaveLength(10);
});

it('keeps flags that it was begun with, and reduces from there', async () => {
  const scenario = faulty((run, fired) => run.expect(!fired.has(2), 'it happened'));
  const options = { seed: 1, seconds: 3, nodes: 5, without: [0, 1] };
  const { result } = await reduced(scenario, options);
  expect(numbers(result)).toEqual([2]);
  expect(result.options.without).toEqual([0, 1, 3].filter((number) => number < result.outcome.deeds.length));
});

it('lists the faults that happened, also those that waited for their moment', async () => {
  const scenario: Scenario = {
    ...faulty(() => undefined),
    run(run) {
      run.form();
      run.nemesis.crashAt(0, 'turn: ended', 0);
      run.world.runFor(1000);
      run.nemesis.crashAt(1, 'a point that never comes', 0);
      run.nemesis.crash(0);
      run.expect(false, 'it failed');
    },
  };
  const options = { seed: 1, seconds: 1 };
  const outcome = performTask(scenario, { scenario: 'faulty', options, repeat: false, detailed: true });
  const result = await shrink({ options, outcome }, { nodes: 5, run: () => Promise.resolve(undefined) });
  expect(outcome.deeds).toHaveLength(3);
  const text = reducedText({ scenario, commit: 'abc1234' }, outcome, result, 1500);
  expect(text).toContain('  faults: 1 of 1');
  expect(text.filter((line) => line.includes(' s: crash'))).toEqual([
    expect.stringMatching(/^ {4}0 at .*: power off 0 ms after "turn: ended"$/),
  ]);
});

it('stops where it is when it is interrupted, and says so', async () => {
  const scenario = faulty((run, fired) => run.expect(!fired.has(2), 'it happened'));
  const options = { seed: 1, seconds: 8 };
  const task = { scenario: 'faulty', options, repeat: false, detailed: true };
  const first = { options, outcome: performTask(scenario, task) };
  const result = await shrink(first, { nodes: 3, run: () => Promise.resolve(undefined) });
  expect(result).toMatchObject({ options: { seconds: 8 }, runs: 0, cutShort: true });
});

it('reduces the time of a run that takes its process with it', async () => {
  const died = (options: RunOptions) =>
    unfinished({ scenario: 'x', options, repeat: false, detailed: true }, 'the process of the run died: SIGABRT');
  const run = (options: RunOptions) =>
    Promise.resolve({ ...died(options), ...(options.seconds < 7 ? { complaints: [] } : {}) });
  const options = { seed: 1, seconds: 60, without: [3] };
  const result = await shrink({ options, outcome: died(options) }, { nodes: 3, run });
  expect(result.options).toMatchObject({ seconds: 7, without: [3] });
});

it('names a run that differs from its repetition by a command that repeats it', () => {
  const scenario = faulty(() => undefined);
  const complaints = ['not repeatable: the trace hash was 1, then 2'];
  expect(replayCommand({ scenario, options: { seed: 3, seconds: 20 }, complaints })).toBe(
    'npm run simulate -- --scenario faulty --seed 3 --repeat 100 --trace',
  );
});
