/** The simulated world's time and network: ordered, repeatable, and faulty only as told. */
import { describe, expect, it } from 'vitest';
import { Network } from '../../src/world/network.ts';
import { RandomStream } from '../../src/world/random-stream.ts';
import { Schedule } from '../../src/world/schedule.ts';
import { Trace } from '../../src/world/trace.ts';
import { World } from '../../src/world/world.ts';

const runAll = (schedule: Schedule): void => {
  while (schedule.step());
};

describe('the schedule', () => {
  it('runs events in the order of their times, whatever the order they came in', () => {
    const random = new RandomStream(3, 'test');
    const schedule = new Schedule(3);
    const ran: number[] = [];
    const times = Array.from({ length: 2000 }, () => random.int(0, 500));
    for (const time of times) schedule.after(time, () => ran.push(schedule.nowUs));
    runAll(schedule);
    expect(ran).toEqual(times.sort((a, b) => a - b));
  });

  it('shuffles events of the same time by the seed, and the same way for the same seed', () => {
    const order = (seed: number): string => {
      const schedule = new Schedule(seed);
      const ran: number[] = [];
      for (let i = 0; i < 10; i += 1) schedule.after(5, () => ran.push(i));
      runAll(schedule);
      return ran.join();
    };
    expect(order(1)).toBe(order(1));
    expect(new Set([1, 2, 3, 4, 5].map(order)).size).toBeGreaterThan(3);
  });

  it('does not run what was cancelled, and never goes back in time', () => {
    const schedule = new Schedule(1);
    const ran: string[] = [];
    const cancelled = schedule.after(10, () => ran.push('cancelled'));
    schedule.after(5, () => {
      cancelled.cancel();
      schedule.after(-7, () => ran.push(`at ${schedule.nowUs}`));
    });
    runAll(schedule);
    expect(ran).toEqual(['at 5']);
  });
});

describe('the network', () => {
  function rig(): { network: Network; schedule: Schedule; send: (from: number, to: number) => void; heard: string[] } {
    const schedule = new Schedule(1);
    const network = new Network(schedule, new RandomStream(1, 'network'), new Trace());
    const heard: string[] = [];
    const send = (from: number, to: number): void => {
      network.send(from, to, Uint8Array.of(from, to), () => () => heard.push(`${from}>${to}`));
    };
    return { network, schedule, send, heard };
  }

  it('delivers every frame once when it is calm', () => {
    const { schedule, send, heard, network } = rig();
    for (let i = 0; i < 100; i += 1) send(1, 2);
    runAll(schedule);
    expect(heard).toHaveLength(100);
    expect(network.figures).toEqual({ delivered: 100, lost: 0, duplicated: 0, blocked: 0, resets: 0 });
  });

  it('cuts by direction', () => {
    const { schedule, send, heard, network } = rig();
    network.cutOneWay(1, 2);
    send(1, 2);
    send(2, 1);
    runAll(schedule);
    expect(heard).toEqual(['2>1']);
    network.healAll();
    send(1, 2);
    runAll(schedule);
    expect(heard).toEqual(['2>1', '1>2']);
    expect(network.figures.blocked).toBe(1);
  });

  it('loses and repeats about as often as told', () => {
    const { schedule, send, heard, network } = rig();
    network.faults = { ...network.faults, loss: 0.2, duplication: 0.3 };
    for (let i = 0; i < 2000; i += 1) send(1, 2);
    runAll(schedule);
    expect(network.figures.lost).toBeGreaterThan(300);
    expect(network.figures.lost).toBeLessThan(500);
    expect(network.figures.duplicated).toBeGreaterThan(400);
    expect(heard).toHaveLength(2000 - network.figures.lost + network.figures.duplicated);
  });
});

describe('a world', () => {
  const traceOf = (seed: number): string => {
    const world = new World({ seed, nodes: 3, partitions: 2, replication: 3 });
    world.startAll();
    world.runFor(800);
    world.crash(1);
    world.runFor(500);
    world.start(1);
    world.runFor(500);
    return world.trace.hash;
  };

  it('is decided by its seed', () => {
    expect(traceOf(5)).toBe(traceOf(5));
    expect(traceOf(5)).not.toBe(traceOf(6));
  });

  it('calls nothing of a process that has crashed', () => {
    const world = new World({ seed: 1, nodes: 3, partitions: 2, replication: 3 });
    world.startAll();
    world.runFor(800);
    for (const process of [...world.up]) world.crash(process);
    const { events } = world.trace;
    world.runFor(10_000);
    expect(world.trace.events).toBe(events);
    expect(world.up).toEqual([]);
  });
});
