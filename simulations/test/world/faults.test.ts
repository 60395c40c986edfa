/** Every fault of the simulated world does what it says, and ends when it is told to. */
import type { Connection } from '@kvorum/common';
import { defaultSettings, settingsWith } from '@kvorum/common';
import { describe, expect, it } from 'vitest';
import { Disk } from '../../src/world/disk.ts';
import { Network } from '../../src/world/network.ts';
import { SimulatedProcess } from '../../src/world/process.ts';
import { RandomStream } from '../../src/world/random-stream.ts';
import { Schedule } from '../../src/world/schedule.ts';
import { Trace } from '../../src/world/trace.ts';
import { World } from '../../src/world/world.ts';

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

describe('a world', () => {
  const hashAfter = (seed: number, turnUsMax?: number): string => {
    const world = new World({ seed, nodes: 3, partitions: 1, replication: 3, turnUsMax });
    world.startAll();
    world.runFor(200);
    return world.trace.hash;
  };

  it('has turns as long as its seed says, from hardly any time to milliseconds', () => {
    const seeds = Array.from({ length: 24 }, (_, seed) => seed);
    const shortest = seeds.filter((seed) => hashAfter(seed) === hashAfter(seed, 5));
    expect(shortest.length).toBeGreaterThan(3);
    expect(shortest.length).toBeLessThan(18);
    expect(seeds.filter((seed) => hashAfter(seed) === hashAfter(seed, 5000)).length).toBeGreaterThan(0);
    expect(seeds.every((seed) => hashAfter(seed) === hashAfter(seed))).toBe(true);
  });
});

describe('a process', () => {
  const rig = () => {
    const schedule = new Schedule(1);
    const process = new SimulatedProcess(schedule);
    return { schedule, process, ran: [] as string[] };
  };

  it('finds its timers late after it stood still, in their order, but not the ones it cancels', () => {
    const { schedule, process, ran } = rig();
    const clock = process.fence().clock();
    const cancelled = clock.setTimer(30, () => ran.push('cancelled'));
    clock.setTimer(10, () => {
      ran.push(`10 at ${schedule.nowUs / 1000}`);
      cancelled();
    });
    clock.setTimer(20, () => ran.push('20'));
    clock.setTimer(200, () => ran.push('200'));
    process.pause();
    schedule.runTo(100_000);
    expect(ran).toEqual([]);
    process.resume();
    expect(ran).toEqual(['10 at 100', '20']);
    schedule.runTo(300_000);
    expect(ran).toEqual(['10 at 100', '20', '200']);
  });

  it('runs nothing of an earlier life, also what was due while it stood still', () => {
    const { schedule, process, ran } = rig();
    process
      .fence()
      .clock()
      .setTimer(10, () => ran.push('old'));
    process.pause();
    schedule.runTo(50_000);
    process.nextIncarnation();
    process
      .fence()
      .clock()
      .setTimer(10, () => ran.push('new'));
    process.resume();
    schedule.runTo(100_000);
    expect(ran).toEqual(['new']);
  });

  it('takes all that comes in during a turn together, at its end', () => {
    const { schedule, process, ran } = rig();
    const lengths = [1000, 20];
    const clock = process.fence().clock(undefined, () => lengths.shift() ?? 0);
    const inputs: string[] = [];
    const turn = (): void => void ran.push(`${inputs.splice(0).join()} at ${schedule.nowUs}`);
    inputs.push('a');
    clock.defer(turn);
    schedule.runTo(900);
    inputs.push('b');
    schedule.runTo(2000);
    inputs.push('c');
    clock.defer(turn);
    schedule.runTo(3000);
    expect(ran).toEqual(['a,b at 1000', 'c at 2020']);
  });

  it('has a clock that runs at its own rate, and a wall clock that jumps', () => {
    const { schedule, process, ran } = rig();
    process.clockRate = 2;
    const clock = process.fence().clock();
    const wallMs = clock.wallMs();
    clock.setTimer(100, () => ran.push(`at ${schedule.nowUs / 1000}`));
    schedule.runTo(60_000);
    expect(ran).toEqual(['at 50']);
    expect(clock.monotonicMs()).toBe(120);
    process.wallOffsetMs = -5000;
    expect(clock.wallMs() - wallMs).toBe(120 - 5000);
    expect(clock.monotonicMs()).toBe(120);
  });
});

describe('a disk', () => {
  const rig = () => {
    const schedule = new Schedule(1);
    const disk = new Disk(new RandomStream(5, 'disk'), { commitUs: [1000, 1000] });
    const failures: string[] = [];
    const user = {
      later: (delayUs: number, done: () => void) => void schedule.after(delayUs, done),
      onFailure: (reason: string) => failures.push(reason),
    };
    const records = disk.nodeRecords(user);
    const write = (value: number, done = () => undefined as unknown): void => {
      records.write([{ name: 'a', value: bytes(value, 1, 2, 3) }], done);
    };
    const stored = (): Uint8Array | undefined => disk.nodeRecords(user).read('a');
    return { schedule, disk, failures, write, stored };
  };

  it('that is full or fails reports it once, and never that the commit is done', () => {
    for (const fault of ['full', 'failsOnce'] as const) {
      const { schedule, disk, failures, write, stored } = rig();
      let done = false;
      disk[fault] = true;
      write(7, () => (done = true));
      schedule.runTo(100_000);
      expect([done, failures.length, stored()]).toEqual([false, 1, undefined]);
    }
  });

  it('holds the commit under way at a crash as a whole or not at all, and none that came after it', () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 40; seed += 1) {
      const disk = new Disk(new RandomStream(seed, 'disk'), { commitUs: [1000, 1000] });
      const user = { later: () => undefined, onFailure: () => undefined };
      const records = disk.nodeRecords(user);
      for (const value of [1, 2]) records.write([{ name: 'a', value: bytes(value) }], () => undefined);
      disk.crash();
      seen.add(String(records.read('a')));
      expect(disk.damaged).toBe(false);
    }
    expect([...seen].sort()).toEqual(['1', 'undefined']);
  });

  it('can tear the record it is writing, and knows that it is damaged then', () => {
    const { disk, write, stored } = rig();
    disk.tearsOnce = true;
    write(7);
    disk.crash();
    expect(stored()?.length).toBeLessThan(4);
    expect(disk.damaged).toBe(true);
  });

  it('can flip one bit of what it holds', () => {
    const { schedule, disk, write, stored } = rig();
    expect(disk.flipBit(new RandomStream(1, 'test'))).toBe(false);
    write(7);
    schedule.runTo(10_000);
    expect(disk.flipBit(new RandomStream(1, 'test'))).toBe(true);
    const flipped = [...(stored() ?? [])].map((byte, place) => byte ^ ([7, 1, 2, 3][place] as number));
    expect(flipped.filter((bits) => bits !== 0)).toHaveLength(1);
    expect(Math.log2(Math.max(...flipped)) % 1).toBe(0);
  });

  it('that becomes fast again does not let the commit under way take as long as it would have', () => {
    const { schedule, disk, write } = rig();
    let doneUs = 0;
    disk.slowness = 5000;
    write(7, () => (doneUs = schedule.nowUs));
    schedule.runTo(100_000);
    disk.slowness = 1;
    schedule.runTo(200_000);
    expect(doneUs).toBe(100_000);
    schedule.runTo(10_000_000);
    expect(doneUs).toBe(100_000);
  });
});

describe('a client connection', () => {
  const rig = () => {
    const schedule = new Schedule(1);
    const network = new Network(schedule, new RandomStream(1, 'network'), new Trace());
    const heard: string[] = [];
    let server: Connection | undefined;
    network.listen(0, {
      accept: (connection) => {
        server = connection;
        return { onFrame: (frame) => heard.push(`server ${frame[0]}`), onClose: () => heard.push('server closed') };
      },
    });
    const client = network.dial(1000, 0, {
      onOpen: () => heard.push('open'),
      onFrame: (frame) => heard.push(`client ${frame[0]}`),
      onClose: (reason) => heard.push(`client closed: ${reason}`),
    });
    schedule.runTo(5000);
    heard.length = 0;
    return { schedule, network, heard, client, server: server as Connection };
  };

  it('that is half-open carries nothing, and its ends learn of it only later', () => {
    const { schedule, network, heard, client, server } = rig();
    network.halfOpenConnections(0);
    client.send(bytes(1));
    server.send(bytes(2));
    schedule.runTo(400_000);
    expect(heard).toEqual([]);
    schedule.runTo(5_000_000);
    expect(heard).toEqual(['server closed', 'client closed: timed out']);
  });

  it('keeps a backlog while the client reads slowly, and none of it after healing', () => {
    const { schedule, network, heard, server } = rig();
    network.slowReaders.set(1000, 1_000_000);
    for (const value of [1, 2, 3]) server.send(bytes(value, 0, 0));
    schedule.runTo(1_500_000);
    expect(heard).toEqual(['client 1']);
    expect(server.backlogBytes()).toBe(6);
    network.healAll();
    schedule.runTo(1_502_000);
    expect(heard).toEqual(['client 1', 'client 2', 'client 3']);
    expect(server.backlogBytes()).toBe(0);
  });

  it('over a slow link keeps its order', () => {
    const { schedule, network, heard, client } = rig();
    network.slowDown(1000, 0, 50_000);
    client.send(bytes(1));
    network.healAll();
    client.send(bytes(2));
    schedule.runTo(40_000);
    expect(heard).toEqual([]);
    schedule.runTo(100_000);
    expect(heard).toEqual(['server 1', 'server 2']);
  });
});

describe('a world', () => {
  const formed = (settings = defaultSettings): World => {
    const world = new World({ seed: 3, nodes: 3, partitions: 1, replication: 3, settings });
    world.startAll();
    expect(world.runUntil(() => world.processes.every((p) => world.node(p)?.healthy === true), 3000)).toBe(true);
    return world;
  };

  it('takes a wiped node for a new one: it is a spare, and no replica of any group', () => {
    const world = formed();
    const id = world.node(2)?.id;
    world.wipe(2, 0);
    world.start(2);
    world.runFor(1000);
    expect(world.node(2)?.status()['state']).toBe('spare');
    expect(world.node(2)?.group(1)).toBeUndefined();
    expect(world.processOf(id ?? 0)).toBeUndefined();
    expect(world.sound).toEqual([0, 1]);
  });

  it('does not start a node on a damaged record of its log, and says which', () => {
    const world = formed();
    world.crash(1);
    const random = new RandomStream(1, 'test');
    for (let flips = 0; flips < 30; flips += 1) world.disk(1).flipBit(random);
    world.start(1);
    expect(world.node(1)).toBeUndefined();
    expect(world.brokenBecause(1)).toMatch(/damaged/);
    expect(world.sound).toEqual([0, 2]);
  });

  const droppedBy = (world: World, from: number): number => {
    const metrics = world.metrics(from);
    return ['n1', 'n2', 'n3'].reduce(
      (sum, peer) => sum + (metrics.value('peer_frames_dropped_total', { peer }) ?? 0),
      0,
    );
  };

  it('makes a silent link again once the nodes notice, and loses what was sent over it', () => {
    const world = formed();
    world.network.silenceLink(0, 1);
    const { blocked } = world.network.figures;
    world.runFor(2900);
    expect(world.network.isSilent(0, 1)).toBe(true);
    expect(world.network.figures.blocked).toBeGreaterThan(blocked + 20);
    world.runFor(300);
    expect(world.network.isSilent(0, 1)).toBe(false);
    expect(droppedBy(world, 0)).toBe(0);
  });

  it('keeps a bounded backlog for a process that stands still, and none for one that is gone', () => {
    const bytesMax = 200;
    const world = formed(settingsWith({ limits: { peerBacklogBytesMax: bytesMax } }));
    const backlogBytes = (): number => world.network.backlogBytes(0, 2);
    world.pause(2);
    const before = droppedBy(world, 0);
    world.runFor(20_000);
    const dropped = droppedBy(world, 0);
    expect(dropped).toBeGreaterThan(before + 10);
    expect(backlogBytes()).toBeGreaterThan(bytesMax);
    expect(backlogBytes()).toBeLessThan(bytesMax + 200);
    world.resume(2);
    world.runFor(50);
    expect(backlogBytes()).toBeLessThan(bytesMax);
    expect(world.runUntil(() => world.node(2)?.healthy === true, 3000)).toBe(true);
    world.pause(2);
    world.runFor(20_000);
    expect(droppedBy(world, 0)).toBeGreaterThan(dropped);
    world.crash(2);
    expect(backlogBytes()).toBe(0);
    world.start(2);
    expect(world.runUntil(() => world.node(2)?.healthy === true, 3000)).toBe(true);
  });

  it('lets a node come back at another address, and the others find it', () => {
    const world = formed();
    world.move(1);
    world.start(1);
    const known = (): boolean =>
      world.processes.every((p) => JSON.stringify(world.node(p)?.status()).includes('n2:45679'));
    expect(world.runUntil(known, 3000)).toBe(true);
  });
});
