/** Runs in child processes: what dies is told, what is stopped stops. */
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { plannedTasks } from '../../src/cli/plan.ts';
import { runTasks } from '../../src/cli/run-tasks.ts';
import type { Tally } from '../../src/cli/tally.ts';
import { addOutcome, emptyTally } from '../../src/cli/tally.ts';
import type { Outcome } from '../../src/cli/task.ts';
import { performTask } from '../../src/cli/task.ts';
import { withWorkers, WorkerProcess } from '../../src/cli/worker-process.ts';
import { scenarios } from '../../src/scenarios/index.ts';
import { taskOf } from './outcomes.ts';

const entryOf = (name: string): URL => new URL(`workers/${name}.js`, import.meta.url);
const never = new AbortController().signal;

describe('a worker that dies', () => {
  it('is a failure with the seed and the last words; the next run has a new process', async () => {
    const outcomes = await withWorkers(
      1,
      never,
      async ([run]) => {
        const made: (Outcome | undefined)[] = [];
        for (const seed of [1, 2, 3]) made.push(await run?.(taskOf('chaos-3', seed)));
        return made;
      },
      { entry: entryOf('dying') },
    );
    expect(outcomes[1]?.complaints).toEqual(['the process of the run died: exit status 9\nout of luck']);
    expect(outcomes[2]?.complaints).toEqual([]);
    expect(outcomes[2]?.traceHash).not.toBe(outcomes[0]?.traceHash);
  });

  it('before it began is no failure of a seed: nothing would run', async () => {
    const worker = new WorkerProcess({ entry: entryOf('stillborn') });
    await expect(worker.run(taskOf('chaos-3', 1))).rejects.toThrow(/could not be started: [^]*cannot even start/);
  });
});

it('a run that does not end is a failure', async () => {
  const worker = new WorkerProcess({ entry: entryOf('silent'), runMsMax: 300 });
  const outcome = await worker.run(taskOf('chaos-3', 1));
  expect(outcome?.complaints).toEqual(['the run did not end within 0.3 s']);
  worker.close();
});

it('runs stop when they are interrupted, without an outcome', async () => {
  const controller = new AbortController();
  const seen: Outcome[] = [];
  await withWorkers(
    2,
    controller.signal,
    (lanes) => {
      const batch = { scenario: 'chaos-3', firstSeed: 1, seeds: 9, options: { seconds: 1 } };
      const tasks = plannedTasks([batch], { repeatPercent: 0, detailed: false });
      const ended = runTasks(tasks, lanes, controller.signal, (_, outcome) => seen.push(outcome));
      controller.abort();
      return ended;
    },
    { entry: entryOf('silent') },
  );
  expect(seen).toEqual([]);
});

describe('the real worker', () => {
  const entry = new URL('../../dist/cli/worker.js', import.meta.url);
  if (!existsSync(entry)) throw new Error('these tests run what is built: npm run build comes first');
  const batches = [{ scenario: 'formation', firstSeed: 1, seeds: 4, options: { seconds: 1 } }];

  /** Without the wall time, which differs. */
  async function tallyOf(jobs: number): Promise<Tally> {
    const tally = emptyTally();
    const tasks = plannedTasks(batches, { repeatPercent: 50, detailed: false });
    await withWorkers(
      jobs,
      never,
      (lanes) => runTasks(tasks, lanes, never, (task, outcome) => addOutcome(tally, task, { ...outcome, tookMs: 0 })),
      { entry },
    );
    return tally;
  }

  it('gives the same totals on two processes as on one', async () => {
    const one = await tallyOf(1);
    expect(one.scenarios['formation']).toMatchObject({ runs: 4, passed: 4, repeated: 2, repeatedAlike: 2 });
    expect(await tallyOf(2)).toEqual(one);
  });

  it('dies of a scenario that it does not have, and that is told', async () => {
    const outcome = await withWorkers(1, never, async ([run]) => run?.(taskOf('no-such', 1)), { entry });
    expect(outcome?.complaints[0]).toMatch(/^the process of the run died: exit status 1\n[^]*no scenario no-such/);
  });
});

it('a run that is not repeated exactly is a failure', () => {
  const [formation] = scenarios;
  if (formation === undefined) throw new Error('no scenarios');
  let runs = 0;
  const moody = {
    ...formation,
    run: (run: Parameters<typeof formation.run>[0]) => run.world.note(`run ${(runs += 1)}`),
  };
  const outcome = performTask(moody, { ...taskOf('moody', 1), repeat: true });
  expect(outcome).toMatchObject({ repeated: true, sameHash: false });
  expect(outcome.complaints.at(-1)).toMatch(/^not repeatable: the trace hash was \w+, then \w+$/);
});
