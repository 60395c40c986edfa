/** A recorder that watches a world: it sees what happens, and the run does not notice it. */
import { describe, expect, it } from 'vitest';
import { Nemesis } from '../../src/faults/nemesis.ts';
import type { Recording } from '../../src/report/index.ts';
import { Recorder, recordRun } from '../../src/report/index.ts';
import { World } from '../../src/world/world.ts';
import { factsOf } from './sample-recordings.ts';

/** Formation, a one-way cut from 1.0 to 1.2 s, a pause of 100 ms, a full disk, a crash and a restart; some frames lost. */
function eventfulRun(recorded: boolean): {
  readonly hash: string;
  readonly recording: Recording;
  readonly delivered: number;
  readonly fired: number;
} {
  const world = new World({ seed: 3, nodes: 3, partitions: 1, replication: 3 });
  const nemesis = new Nemesis(world);
  const recorder = new Recorder(3);
  if (recorded) recordRun(recorder, world, nemesis);
  world.startAll();
  world.runFor(1000);
  nemesis.cutOneWay(0, 1);
  world.runFor(200);
  nemesis.heal();
  world.runFor(200);
  nemesis.pause(2, 100);
  world.runFor(300);
  nemesis.fillDisk(1);
  world.runFor(100);
  nemesis.heal();
  nemesis.crash(0);
  // Finds it down already: no fault.
  nemesis.crash(0);
  world.runFor(500);
  world.start(0);
  world.network.faults = { ...world.network.faults, loss: 0.2 };
  world.runFor(1000);
  const recording = recorder.finish(factsOf({ simulatedUs: world.schedule.nowUs }));
  const fired = nemesis.deeds.filter((deed) => deed.fired).length;
  return { hash: world.trace.hash, recording, delivered: world.network.figures.delivered, fired };
}

describe('a recorded run', () => {
  const { hash, recording, delivered, fired } = eventfulRun(true);

  it('does the same as one that is not', () => {
    expect(eventfulRun(false).hash).toBe(hash);
  });

  it('has every message with its fate', () => {
    const count = (fate: string): number => recording.messages.filter((message) => message.fate === fate).length;
    expect(count('delivered') + count('repeated')).toBe(delivered);
    expect(count('cut')).toBeGreaterThan(0);
    expect(count('lost')).toBeGreaterThan(0);
    expect(count('nobody')).toBeGreaterThan(0);
    const kinds = new Set(recording.messages.flatMap(({ parts }) => parts.map(({ kind }) => kind)));
    expect([...kinds]).toEqual(expect.arrayContaining(['request', 'reply', 'prepare', 'promise', 'heartbeat']));
    expect(kinds.has('unreadable')).toBe(false);
  });

  it('has the faults with their beginnings and ends', () => {
    const [cut, pause, disk, crash] = recording.faults;
    expect(recording.faults).toHaveLength(4);
    expect(cut).toMatchObject({ kind: 'cut', fromUs: 1_000_000, links: [[0, 1]] });
    expect(pause).toMatchObject({ kind: 'pause', processes: [2], fromUs: 1_400_000 });
    expect(disk).toMatchObject({ kind: 'disk', processes: [1], fromUs: 1_700_000, text: 'n2: the disk is full' });
    expect(crash).toMatchObject({ kind: 'crash', processes: [0], fromUs: 1_800_000, toUs: 2_300_000 });
    // Seen at the next turn of some node.
    const ends = [cut?.toUs, pause?.toUs, disk?.toUs].map((toUs) => Math.round((toUs ?? 0) / 100_000) / 10);
    expect(ends).toEqual([1.2, 1.5, 1.8]);
  });

  it('counts the faults that happened, as the command line does', () => {
    // Nothing was written to the full disk, and one node was down already.
    expect(fired).toBe(3);
    expect(recording.inflicted).toHaveLength(fired);
    expect(recording.inflicted[2]).toEqual({ atUs: 1_800_000, text: 'n1: power off' });
  });

  it('has the leaders and what they decided', () => {
    expect(recording.leaderships.length).toBeGreaterThan(0);
    expect(recording.decisions.length).toBeGreaterThan(0);
    expect([...recording.nodeIds.keys()].sort()).toEqual([0, 1, 2]);
  });
});

describe('the band of a fault', () => {
  it('ends with the fault, also when only the network is healed, and is not there for a node that was down', () => {
    const world = new World({ seed: 3, nodes: 3, partitions: 1, replication: 3 });
    const nemesis = new Nemesis(world);
    const recorder = new Recorder(3);
    recordRun(recorder, world, nemesis);
    const { process: client } = world.client();
    world.startAll();
    world.runFor(1000);
    nemesis.slowLink(0, 1, 50);
    nemesis.cutClients([client], (_, process) => process === 0);
    nemesis.slowReader(client, 50);
    world.runFor(200);
    world.network.healAll();
    world.crash(2);
    nemesis.pause(2, 300);
    world.runFor(1000);
    const { faults } = recorder.finish(factsOf({ simulatedUs: world.schedule.nowUs }));
    const bands = faults.filter(({ kind }) => kind === 'network');
    expect(bands.map(({ fromUs }) => fromUs)).toEqual([1_000_000, 1_000_000, 1_000_000]);
    for (const { toUs } of bands) expect(toUs).toBeLessThan(1_250_000);
    expect(faults.filter(({ kind }) => kind === 'pause')).toEqual([]);
  });
});
