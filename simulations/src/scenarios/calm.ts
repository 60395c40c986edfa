/**
 * Scenarios without faults of the network: formation and steady load.
 */
import type { Scenario } from '../run/run.ts';
import type { World } from '../world/world.ts';

export const formation: Scenario = {
  name: 'formation',
  summary:
    'nodes start in any order, some die while the cluster is formed and are started again; one cluster comes of it',
  nodes: 5,
  replication: 3,
  seconds: 5,
  run(run) {
    const { world, random } = run;
    for (const process of random.shuffle(world.processes)) {
      world.start(process);
      world.runFor(random.int(0, 300));
      if (random.chance(0.4)) {
        run.nemesis.crash(process);
        run.count('crashes during formation');
      }
    }
    world.runFor(random.int(0, 500));
    world.startAll();
    run.require(
      world.runUntil(() => run.allHealthy(), 3000),
      'the cluster did not form within 3 s of the last start',
    );
    const clusters = new Set(world.processes.map((process) => world.node(process)?.clusterId));
    const ids = new Set(world.processes.map((process) => world.node(process)?.id));
    run.expect(clusters.size === 1, `${clusters.size} clusters were formed`);
    run.expect(ids.size === world.processes.length, 'two nodes have the same id');
    run.startLoad();
    world.runFor(run.durationMs);
    run.finish({ okShareMin: 0.54, okRateMin: 0.98 });
  },
};

export const steadyLoad: Scenario = {
  name: 'steady-load',
  summary: 'no faults: every operation succeeds, leaders stay, and are spread over the nodes',
  nodes: 3,
  seconds: 20,
  run(run) {
    run.form();
    run.world.runFor(1000);
    const before = leaders(run.world);
    run.startLoad();
    run.world.runFor(run.durationMs);
    run.expect(leaders(run.world).join() === before.join(), 'a leader changed without a fault');
    run.expect(new Set(before.map((name) => name.split('/')[0])).size > 1, 'one node leads every group');
    run.finish({ okShareMin: 0.58, okRateMin: 1 });
  },
};

/** Who leads each group, by ballot, according to the nodes themselves. */
function leaders(world: World): string[] {
  const names: string[] = [];
  for (let group = 0; group <= world.options.partitions; group += 1) {
    for (const process of world.up) {
      const view = world.node(process)?.group(group);
      if (view?.serves === true) names.push(`${process}/${view.term.number}`);
    }
  }
  return names;
}

export const littleUnflushed: Scenario = {
  name: 'little-unflushed',
  summary: 'a group may hardly have anything that is not in its state storage: it is flushed at once, and writes go on',
  nodes: 3,
  partitions: 1,
  seconds: 10,
  limits: () => ({ unflushedBytesMax: 400 }),
  run(run) {
    run.form();
    run.startLoad();
    run.world.runFor(run.durationMs);
    run.finish({ okShareMin: 0.58, okRateMin: 1 });
  },
};
