/** Clients that die or stand still: what becomes of their operations, and that they go on. */
import { describe, expect, it } from 'vitest';
import { checkHistory } from '../../src/checkers/index.ts';
import { defaultWorkload, Workload } from '../../src/workload/workload.ts';
import { World } from '../../src/world/world.ts';

interface Rig {
  readonly world: World;
  readonly load: Workload;
}

/** A cluster under the load of three clients on one process, and of the process for bursts. */
function underLoad(seed: number): Rig {
  const world = new World({ seed, nodes: 3, partitions: 1, replication: 3 });
  world.startAll();
  expect(world.runUntil(() => world.processes.every((node) => world.node(node)?.healthy === true), 3000)).toBe(true);
  const load = new Workload(world, { ...defaultWorkload, clients: 3, clientsPerConnection: 3, timeoutMs: 1000 });
  world.runFor(500);
  expect(load.calls.length).toBeGreaterThan(10);
  return { world, load };
}

const clientOf = ({ load }: Rig): number => load.processes[0] ?? 0;

function endOf({ world, load }: Rig): void {
  load.stop();
  expect(world.runUntil(() => load.idle, 5000)).toBe(true);
  expect(load.complaints.list()).toEqual([]);
  expect(checkHistory(load.calls).verdict).toBe('linearizable');
}

describe.each([1, 2, 3])('seed %i: a client', (seed) => {
  it('that dies hears no more of what it had asked, and goes on as another one once it is back', () => {
    const rig = underLoad(seed);
    const { world, load } = rig;
    world.runUntil(() => !load.idle, 100);
    const before = load.calls.length;
    load.crash(clientOf(rig), 300);
    world.runFor(250);
    const meanwhile = load.calls.slice(before);
    expect(meanwhile.every(({ result }) => result === 'unknown')).toBe(true);
    world.runFor(1000);
    expect(load.calls.length).toBeGreaterThan(before + meanwhile.length + 5);
    endOf(rig);
  });

  it('that is down takes a burst once it is back', () => {
    const rig = underLoad(seed);
    const { world, load } = rig;
    const burstClient = load.processes.at(-1) ?? 0;
    load.crash(burstClient, 300);
    const bursts = (): number => load.calls.filter(({ key }) => key.startsWith('burst')).length;
    expect(load.burst(5)).toBe(5);
    world.runFor(250);
    expect(bursts()).toBe(0);
    world.runFor(1000);
    expect(bursts()).toBe(5);
    endOf(rig);
  });

  it('that stands still does nothing meanwhile, and is not late for it', () => {
    const rig = underLoad(seed);
    const { world, load } = rig;
    world.clients.pause(clientOf(rig));
    const before = load.calls.length;
    world.runFor(2500);
    expect(load.calls).toHaveLength(before);
    expect(world.clients.stoodStillMs(clientOf(rig))).toBe(2500);
    world.clients.resume(clientOf(rig));
    world.runFor(500);
    expect(load.calls.length).toBeGreaterThan(before + 5);
    endOf(rig);
  });

  it('whose clock is wrong keeps its deadlines by that clock', () => {
    const world = new World({ seed, nodes: 3, partitions: 1, replication: 3 });
    world.clients.clockRate = () => 0.5;
    const load = new Workload(world, { ...defaultWorkload, clients: 3, timeoutMs: 200 });
    world.runFor(390);
    expect(load.calls).toEqual([]);
    world.runFor(120);
    expect(load.calls.length).toBeGreaterThan(0);
    expect(load.complaints.list()).toEqual([]);
  });
});
