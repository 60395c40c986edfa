/** Runs that part from the run of their seed at a time. */
import { describe, expect, it } from 'vitest';
import { runScenario } from '../../src/run/run.ts';
import type { RunResult, Scenario } from '../../src/run/run.ts';
import { scenarios } from '../../src/scenarios/index.ts';
import type { Branch, RandomPart } from '../../src/world/random-stream.ts';
import { RandomSource, randomParts } from '../../src/world/random-stream.ts';

const AT_MS = 3000;

function chaos(): Scenario {
  const found = scenarios.find(({ name }) => name === 'chaos-3');
  if (found === undefined) throw new Error('no scenario chaos-3');
  return found;
}

/** What was delivered by then, and the whole run. */
function runWith(branches: readonly Branch[]): { readonly before: readonly string[]; readonly result: RunResult } {
  const before: string[] = [];
  const scenario = chaos();
  const watched: Scenario = {
    ...scenario,
    run(run) {
      run.world.network.watch((from, to, frame, sentUs, fate) => {
        if (run.world.nowMs < AT_MS)
          before.push(`${run.world.schedule.nowUs} ${from} ${to} ${frame.length} ${sentUs} ${fate}`);
      });
      scenario.run(run);
    },
  };
  return { result: runScenario(watched, { seed: 3, seconds: 5, branches }), before };
}

describe('a branch', () => {
  const { before, result } = runWith([]);

  it.each(randomParts)(
    'of %s is the run of the seed until then, another one afterwards, and the same when it is made again',
    (part) => {
      const branches = [{ atMs: AT_MS, seed: 9, part }];
      const branch = runWith(branches);
      expect(before.length).toBeGreaterThan(100);
      expect(branch.before).toEqual(before);
      expect(branch.result.traceHash).not.toBe(result.traceHash);
      expect(runWith(branches).result.traceHash).toBe(branch.result.traceHash);
      expect(branch.result.complaints).toEqual([]);
    },
  );

  it('of another seed is another run', () => {
    const [one, other] = [8, 9].map((seed) => runWith([{ atMs: AT_MS, seed, part: 'timing' }]).result.traceHash);
    expect(one).not.toBe(other);
  });

  it('after the end changes nothing', () => {
    expect(runWith([{ atMs: 1_000_000, seed: 9, part: 'all' }]).result.traceHash).toBe(result.traceHash);
  });
});

describe('the streams of a world', () => {
  const purposes = ['faults', 'network', 'workload'];
  const drawn = (part: RandomPart): boolean[] => {
    const [plain, branched] = [new RandomSource(1), new RandomSource(1)];
    const streams = [plain, branched].map((source) => purposes.map((purpose) => source.stream(purpose)));
    branched.branch(2, part);
    return purposes.map((_, place) => streams[0]?.[place]?.nextUint32() !== streams[1]?.[place]?.nextUint32());
  };

  it('change by their part, those that are made later too', () => {
    expect([drawn('faults'), drawn('timing'), drawn('all')]).toEqual([
      [true, false, false],
      [false, true, false],
      [true, true, true],
    ]);
    const source = new RandomSource(1);
    source.branch(2, 'timing');
    expect(source.stream('disk 1').nextUint32()).toBe(new RandomSource(2).stream('disk 1').nextUint32());
    expect(source.stream('bit 1').nextUint32()).toBe(new RandomSource(1).stream('bit 1').nextUint32());
  });
});
