/**
 * A register protocol behind the seam of all protocols, run by the production node in the simulated world and judged by the
 * same checkers as every other: no node loop, router or simulator knows of it.
 */
import { METADATA_PROTOCOL } from '@kvorum/common';
import { protocols } from '@kvorum/server/core';
import { describe, expect, it } from 'vitest';
import type { Scenario } from '../../src/run/run.ts';
import { runScenario } from '../../src/run/run.ts';
import { SingleCopyReplica, singleCopyRegister } from './single-copy-register.ts';

const scenario: Scenario = {
  name: 'single-copy',
  summary: 'groups of one copy each, whose nodes crash, stand still and lose frames',
  nodes: 3,
  partitions: 4,
  replication: 1,
  seconds: 10,
  protocol: singleCopyRegister.name,
  protocols: new Map([...protocols, [singleCopyRegister.name, singleCopyRegister]]),
  run(run) {
    const { world, nemesis, random } = run;
    run.form();
    run.startLoad({ clientsPerConnection: 3 });
    const endMs = world.nowMs + run.durationMs;
    while (world.nowMs < endMs) {
      world.runFor(random.int(100, 600));
      const process = random.pick(world.processes);
      if (random.chance(0.5)) nemesis.crash(process);
      else nemesis.pause(process, random.int(50, 400));
      world.runFor(random.int(50, 400));
      world.start(process);
    }
    run.heal();
    run.finish({ okShareMin: 0.1, okRateMin: 0.5 });
  },
};

const SEEDS = Array.from({ length: 12 }, (_, i) => i + 1);

describe('a single-copy register', () => {
  it.each(SEEDS)('is linearizable while its nodes crash and stand still (seed %i)', (seed) => {
    const { complaints, figures } = runScenario(scenario, { seed, seconds: 10 });
    // It has no log, so there is nothing that two replicas could show of one but for the metadata group's.
    expect(complaints).toEqual([]);
    expect(figures?.ok).toBeGreaterThan(100);
  });

  it('that answers before its write is on disk is caught', () => {
    const hasty = {
      ...singleCopyRegister,
      open: (seat: ConstructorParameters<typeof SingleCopyReplica>[0]) => new Hasty(seat),
    };
    const table = new Map([...protocols, [hasty.name, hasty]]);
    const complaints = SEEDS.flatMap(
      (seed) => runScenario({ ...scenario, protocols: table }, { seed, seconds: 10 }).complaints,
    );
    expect(complaints.join('\n')).toMatch(/violation|lost|was \d+ before/);
  });

  it('is what the layout says, beside the metadata group', () => {
    expect(protocols.has(METADATA_PROTOCOL)).toBe(true);
    expect(protocols.has(singleCopyRegister.name)).toBe(false);
  });
});

/** Answers at once what waits for a write. */
class Hasty extends SingleCopyReplica {
  override step(inputs: Parameters<SingleCopyReplica['step']>[0]): ReturnType<SingleCopyReplica['step']> {
    const effects = super.step(inputs);
    if (effects.persist === undefined) return effects;
    const early = super.step([{ type: 'persisted', receipt: effects.persist.receipt }]);
    return { ...effects, outcomes: [...effects.outcomes, ...early.outcomes] };
  }
}
