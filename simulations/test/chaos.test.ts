/** Random mixes of faults; and that the checks do catch a cluster that loses data. */
import { describe, expect, it } from 'vitest';
import type { Scenario } from '../src/run/run.ts';
import { runScenario } from '../src/run/run.ts';
import { scenarios } from '../src/scenarios/index.ts';
import { sampleOf } from './sample.ts';

const SEEDS = Array.from({ length: 12 }, (_, i) => i + 1);
const { chosen, meta } = sampleOf('seeds of chaos', SEEDS, 3);

function scenario(name: string): Scenario {
  const found = scenarios.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`no scenario ${name}`);
  return found;
}

describe.each(['chaos-3', 'chaos-5', 'chaos-5-wide', 'chaos-limits'])('%s', { meta }, (name) => {
  it.each(chosen)('seed %i', (seed) => {
    const result = runScenario(scenario(name), { seed, seconds: 20 });
    expect(result.complaints).toEqual([]);
  });
});

/**
 * Each found a bug, told in CHANGELOG.md, and is run as it was found. A change of the simulator moves what a seed does, so what
 * keeps a bug away is a test of its own: of the router, the heartbeats, the snapshots, the group state, the client, or in clients.test.ts.
 */
describe('seeds that found something', () => {
  it.each([
    ['chaos-5', 109, 'a command that changed no key, applied while a flush was under way, is flushed too'],
    ['chaos-5', 399, 'a request that was refused for good and repeated later is not executed'],
    ['chaos-3', 33, 'a client with short deadlines leaves a silent connection'],
    ['chaos-3', 36, 'a client learns where nodes have moved that it asks nothing'],
    ['restart-storm', 10, 'a request that was forwarded to a node which was restarted is given up at once'],
    ['aimed-3', 113, 'a late copy of news does not undo a newer answer'],
    ['constrained-election-5', 7, 'a hint to the new leader is followed at once also after a pause'],
    [
      'chaos-5',
      1904,
      'a request that was passed on and lost does not hold a place of its connection for longer than the client waits',
    ],
    ['chaos-5', 70_000_577, 'a node that closed a connection is dialled again at once'],
    ['chaos-5-wide', 130_060_012, 'a group that has much to write to its state storage does so at once'],
    ['chained-5', 4, 'of two that stand at the same time and cannot see each other, one yields'],
    ['chaos-3', 882, 'a burst waits for its client to be back'],
    ['chaos-5', 5340, 'who does not know a snapshot transfer says so'],
  ])('%s, seed %i: %s', (name, seed) => {
    const found = scenario(name);
    expect(runScenario(found, { seed, seconds: found.seconds }).complaints).toEqual([]);
  });
});

describe('a run', () => {
  it('is repeated exactly by its seed', () => {
    for (const name of ['chaos-3', 'aimed-3', 'formation', 'exactly-once-counter']) {
      const [first, second] = [1, 2].map(() => runScenario(scenario(name), { seed: 11, seconds: 5 }));
      expect(second?.traceHash).toBe(first?.traceHash);
      expect(second?.events).toBe(first?.events);
    }
  });

  it('differs from that of another seed', () => {
    const hashes = [1, 2, 3].map((seed) => runScenario(scenario('chaos-3'), { seed, seconds: 5 }).traceHash);
    expect(new Set(hashes).size).toBe(3);
  });
});

describe('the checks', () => {
  const forgetful: Scenario = {
    name: 'forgetful disks',
    summary: 'a majority comes back with older disks than it had: acknowledged writes are lost, and that is noticed',
    nodes: 3,
    partitions: 1,
    seconds: 5,
    run(run) {
      run.form();
      run.startLoad();
      run.world.runFor(1000);
      for (const process of run.world.processes) {
        // Acknowledged, but never written.
        run.world.disk(process).forgetsCommits = true;
      }
      run.world.runFor(2000);
      for (const process of run.world.processes) {
        run.world.crash(process);
        run.world.disk(process).forgetsCommits = false;
        run.world.start(process);
      }
      run.heal();
      run.world.runFor(1000);
      run.finish({ okShareMin: 0.1 });
    },
  };

  it('catch disks that lie about what is durable', () => {
    for (const seed of SEEDS.slice(0, 3)) {
      const { complaints } = runScenario(forgetful, { seed, seconds: 5 });
      expect(complaints.join('\n')).toMatch(/violation|lost|damaged|lacks/);
    }
  });

  /** With disks that report a commit when it is written, not when it is synced. */
  const unsynced = (powerFails: boolean): Scenario => ({
    name: 'unsynced disks',
    summary: 'the power fails everywhere: what was acknowledged and not synced is lost, and that is noticed',
    nodes: 3,
    partitions: 1,
    seconds: 5,
    run(run) {
      for (const process of run.world.processes) run.world.disk(process).reportsUnsynced = true;
      run.form();
      run.startLoad({ clients: 4, pauseMs: [5, 30] });
      for (let times = 0; times < 5; times += 1) {
        run.world.runFor(run.random.int(200, 400));
        for (const process of run.world.processes) run.nemesis.slowDisk(process, 20);
        run.load.burst(16);
        run.world.runFor(run.random.int(3, 8));
        if (powerFails) run.nemesis.crashAll(10);
        for (const process of run.world.processes) run.nemesis.slowDisk(process, 1);
        run.world.runFor(600);
      }
      run.heal();
      run.finish({ okShareMin: 0.1 });
    },
  });

  it('catch disks that report what is not synced, once the power fails', () => {
    // Between the report and the sync there is more going on in short turns.
    const options = { seconds: 5, turnUsMax: 5 };
    expect(runScenario(unsynced(false), { seed: 1, ...options }).complaints).toEqual([]);
    for (const seed of SEEDS.slice(0, 3)) {
      const { complaints } = runScenario(unsynced(true), { seed, ...options });
      expect(complaints.join('\n')).toMatch(/violation|lost|had decided/);
    }
  });

  it.each([
    ['chaos-3', 3],
    ['aimed-3', 1],
  ])('of %s complain when most operations were over before the first fault', (name, seed) => {
    const found = scenario(name);
    const { complaints } = runScenario(found, { seed, seconds: found.seconds, operations: 20 });
    expect(complaints.join('\n')).toMatch(/only \d+ operations were answered under faults, \d+ needed/);
  });

  it('do not ask of a short run what only a long one has', () => {
    expect(runScenario(scenario('chaos-5'), { seed: 5, seconds: 5 }).complaints).toEqual([]);
  });

  it('complain when no fault did anything', () => {
    const harmless: Scenario = {
      ...forgetful,
      run(run) {
        run.form();
        run.startLoad();
        run.world.runFor(1000);
        run.world.crash(0);
        run.nemesis.crash(0);
        run.heal();
        run.finish({ okShareMin: 0.1 });
      },
    };
    expect(runScenario(harmless, { seed: 1, seconds: 1 }).complaints).toEqual(['no fault did anything']);
  });

  it('report what a scenario throws', () => {
    const broken: Scenario = {
      ...forgetful,
      run: () => {
        throw new Error('a fault of the scenario');
      },
    };
    expect(runScenario(broken, { seed: 1, seconds: 1 }).complaints.join()).toContain('a fault of the scenario');
  });
});
