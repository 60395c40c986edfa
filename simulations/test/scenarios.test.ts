/** Every scenario, with a few seeds each; `npm run simulate -- --seeds N` runs more. */
import { describe, expect, it } from 'vitest';
import { runScenario } from '../src/run/run.ts';
import { scenarios } from '../src/scenarios/index.ts';
import { sampleOf } from './sample.ts';

const SEEDS = [1, 2, 3];

const named = scenarios.filter((scenario) => !scenario.name.startsWith('chaos'));
const runs = named.flatMap((scenario) => SEEDS.map((seed) => ({ name: scenario.name, scenario, seed })));
const { chosen, meta } = sampleOf('runs of scenarios', runs, 6);

describe('a scenario', { meta }, () => {
  it.each(chosen)('$name, seed $seed', ({ scenario, seed }) => {
    const result = runScenario(scenario, { seed, seconds: Math.min(scenario.seconds, 10) });
    expect(result.complaints).toEqual([]);
    expect(result.figures?.ok ?? 0).toBeGreaterThan(0);
  });
});

describe('the list of scenarios', () => {
  it('has every one that the design asks for', () => {
    const names = scenarios.map((scenario) => scenario.name);
    for (const name of [
      'formation',
      'steady-load',
      'leader-crash',
      'follower-crash',
      'restart-of-all',
      'majority-loss',
    ]) {
      expect(names).toContain(name);
    }
    for (const name of ['symmetric-partition', 'loss-and-duplication', 'exactly-once-counter', 'chaos-3', 'chaos-5']) {
      expect(names).toContain(name);
    }
    for (const name of [
      'rolling-restart',
      'snapshot-catch-up',
      'stalled-disk',
      'asymmetric-partition',
      'clock-drift',
    ]) {
      expect(names).toContain(name);
    }
    for (const name of ['overload', 'slow-reader', 'failing-disk', 'damaged-disk', 'wiped-disk', 'paused-leader']) {
      expect(names).toContain(name);
    }
    for (const nodes of [3, 5]) {
      for (const name of ['quorum-loss', 'constrained-election', 'chained', 'aimed', 'chaos'])
        expect(names).toContain(`${name}-${nodes}`);
    }
    expect(new Set(names).size).toBe(names.length);
  });
});
