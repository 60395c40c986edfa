/**
 * Everything at once: each seed picks its own mix of faults.
 */
import type { Run, Scenario } from '../run.ts';

type Fault = 'crash' | 'crash-all' | 'isolate' | 'partial' | 'one-way' | 'noise' | 'slow-disk';

const faults: readonly Fault[] = ['crash', 'crash-all', 'isolate', 'partial', 'one-way', 'noise', 'slow-disk'];

function chaosOf(nodes: number): Scenario {
  return {
    name: `chaos-${nodes}`,
    summary: 'crashes, restarts, partitions, loss, duplication and slow disks in a mix that each seed picks for itself',
    nodes,
    seconds: 60,
    run(run) {
      run.form();
      // Swarm: a run without some faults reaches states that a run with all of them hides.
      const mix = faults.filter(() => run.random.chance(0.6));
      run.startLoad();
      const endMs = run.world.nowMs + run.durationMs;
      while (run.world.nowMs < endMs) {
        run.world.runFor(run.random.int(200, 2500));
        if (mix.length > 0) inflict(run, run.random.pick(mix));
        run.world.runFor(run.random.int(200, 2500));
        if (run.random.chance(0.6)) recover(run);
      }
      run.heal();
      run.finish({ okMin: 20, okRateMin: 0 });
    },
  };
}

export const chaos: readonly Scenario[] = [3, 5].map(chaosOf);

function inflict(run: Run, fault: Fault): void {
  const { world, random } = run;
  const [a, b] = random.shuffle(world.processes) as [number, number];
  run.count(fault);
  switch (fault) {
    case 'crash':
      world.crash(a);
      return;
    case 'crash-all':
      for (const process of world.processes) world.crash(process);
      for (const process of world.processes) world.start(process);
      return;
    case 'isolate':
      for (const process of world.processes) if (process !== a) world.network.cut(a, process);
      return;
    case 'partial':
      world.network.cut(a, b);
      return;
    case 'one-way':
      world.network.cutOneWay(a, b);
      return;
    case 'noise':
      world.network.faults = {
        delayUs: [100, random.int(600, 30_000)],
        loss: random.int(0, 10) / 100,
        duplication: random.int(0, 10) / 100,
        clientReset: random.int(0, 2) / 100,
        clientDuplication: random.int(0, 5) / 100,
      };
      return;
    case 'slow-disk':
      world.disk(a).slowness = random.int(2, 50);
      return;
  }
}

/** Ends some of the trouble. */
function recover(run: Run): void {
  const { world, random } = run;
  if (random.chance(0.7)) for (const process of world.processes) world.start(process);
  if (random.chance(0.7)) world.network.healAll();
  if (random.chance(0.5)) for (const process of world.processes) world.disk(process).slowness = 1;
}
