/**
 * Scenarios in which the network loses, repeats and reorders, and connections of clients break.
 */
import type { Scenario } from '../run/run.ts';
import { calmNetwork } from '../world/network.ts';

export const lossAndDuplication: Scenario = {
  name: 'loss-and-duplication',
  summary: 'one frame in twenty is lost, one in twenty arrives twice and late, all are reordered',
  nodes: 3,
  seconds: 20,
  run(run) {
    run.form();
    run.nemesis.noise({ ...calmNetwork, delayUs: [100, 8000], loss: 0.05, duplication: 0.05 });
    run.startLoad();
    run.world.runFor(run.durationMs);
    run.expect(run.world.network.figures.lost > 100, 'hardly anything was lost');
    run.expect(run.world.network.figures.duplicated > 100, 'hardly anything was repeated');
    run.heal();
    run.finish({ okShareMin: 0.29 });
  },
};

export const exactlyOnce: Scenario = {
  name: 'exactly-once-counter',
  summary: 'connections break and requests are repeated while leaders die; each increment counts exactly once',
  nodes: 3,
  partitions: 2,
  seconds: 20,
  // Half of the seeds have fewer sessions than clients: one is forgotten while its client waits for an answer.
  limits: (random) => (random.chance(0.5) ? { sessionsPerGroupMax: random.int(2, 5) } : {}),
  run(run) {
    run.form();
    run.startLoad({ keys: 1, counters: 3 });
    run.nemesis.noise({ ...calmNetwork, clientReset: 0.02, clientDuplication: 0.05 });
    const endMs = run.world.nowMs + run.durationMs;
    while (run.world.nowMs < endMs) {
      run.world.runFor(run.random.int(500, 3000));
      const leader = run.leaderOf(run.random.int(1, 2));
      run.nemesis.crash(leader);
      run.count('leader crashes');
      run.world.runFor(run.random.int(100, 1500));
      run.world.start(leader);
    }
    run.expect(run.world.network.figures.resets > 10, 'hardly any connection broke');
    run.heal();
    run.finish({ okShareMin: 0.42 });
  },
};
