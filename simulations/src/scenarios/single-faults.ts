/**
 * One kind of trouble at a time, again and again, under load. What is checked of every run holds here too: linearizable
 * histories, exactly once, equal logs and states, progress after healing.
 */
import { defaultTimings, marked, nodeName } from '@kvorum/common';
import { ELECTION_TIMEOUT_MS } from '../run/run.ts';
import type { Run, Scenario } from '../run/run.ts';

/** Another node leads and serves within this time, client retries included. */
const GAP_MS_MAX = 1000;
/** The leader of a group under these faults hangs as a whole; its client finds out by a timeout of 1 s. */
const SILENT_GAP_MS_MAX = 2500;

/** After so long a silent link is given up. */
const PEER_SILENCE_MS_MAX = defaultTimings.peerSilenceRoundsMax * defaultTimings.heartbeatRoundMs;

/** Operations at once; more would make the check costly. */
const BURST = 80;

interface Trouble {
  readonly name: string;
  readonly summary: string;
  readonly nodes?: number;
  /** Inflicts the fault once more. */
  readonly strike: (run: Run, leader: number) => void;
  /** Ends it. */
  readonly relieve?: (run: Run) => void;
  /** An acknowledged write in every group within this time of each strike. */
  readonly gapMsMax: number;
  /** Answered of what the load could do: 0.58 unless it is told. */
  readonly okShareMin?: number;
}

const restart = (run: Run): void => run.world.startAll();

const troubles: readonly Trouble[] = [
  {
    name: 'asymmetric-partition',
    summary: 'the frames of a leader get through in one direction only; another node leads within 1 s',
    strike: (run, leader) => {
      const toLeader = run.random.chance(0.5);
      for (const other of run.world.processes) {
        if (other === leader) continue;
        if (toLeader) run.nemesis.cutOneWay(other, leader);
        else run.nemesis.cutOneWay(leader, other);
      }
    },
    relieve: (run) => run.world.network.healAll(),
    gapMsMax: GAP_MS_MAX,
  },
  {
    name: 'paused-leader',
    summary: 'the process of a leader stands still for a while; another node leads, and late timers do no harm',
    strike: (run, leader) => run.nemesis.pause(leader, run.random.int(3, 40) * ELECTION_TIMEOUT_MS),
    // Two of three that stand still leave no majority that could serve.
    relieve: (run) => {
      for (const process of run.world.processes) run.world.resume(process);
    },
    gapMsMax: SILENT_GAP_MS_MAX,
    okShareMin: 0.37,
  },
  {
    name: 'clock-drift',
    summary:
      'clocks run up to a tenth too fast or slow, and wall clocks jump by hours; nothing but sessions depends on them',
    strike: (run) => {
      const process = run.random.pick(run.world.processes);
      run.nemesis.jumpClock(process, run.random.int(-7_200_000, 7_200_000));
    },
    gapMsMax: GAP_MS_MAX,
  },
  {
    name: 'slow-links',
    summary: 'frames between some nodes take up to 80 ms longer, in one direction; the cluster serves all the time',
    nodes: 5,
    strike: (run) => {
      const [a, b] = run.random.shuffle(run.world.processes) as [number, number];
      run.nemesis.slowLink(a, b, run.random.int(5, 80));
    },
    gapMsMax: GAP_MS_MAX,
  },
  {
    name: 'silent-links',
    summary:
      'links of a leader carry nothing in one direction and nobody is told; another node leads, and nodes make new links',
    strike: (run, leader) => {
      const outwards = run.random.chance(0.5);
      for (const other of run.world.processes) {
        if (other === leader) continue;
        if (outwards) run.nemesis.silenceLink(leader, other);
        else run.nemesis.silenceLink(other, leader);
      }
    },
    // The nodes end it themselves.
    relieve: (run) => {
      const { network, processes } = run.world;
      const silent = (): boolean => processes.some((a) => processes.some((b) => network.isSilent(a, b)));
      const renewed = run.world.runUntil(() => !silent(), 2 * PEER_SILENCE_MS_MAX);
      run.expect(renewed, 'a silent link was not made again');
    },
    gapMsMax: GAP_MS_MAX,
  },
  {
    name: 'half-open-connections',
    summary: 'client connections of a node die and nobody is told; clients find out by themselves',
    strike: (run, leader) => run.nemesis.halfOpen(leader),
    gapMsMax: SILENT_GAP_MS_MAX,
    okShareMin: 0.29,
  },
  {
    name: 'failing-disk',
    summary:
      'a commit fails, or the disk is full: the node stops, acknowledges nothing it has not written, and returns',
    strike: (run, leader) => {
      if (run.random.chance(0.5)) run.nemesis.failCommit(leader);
      else run.nemesis.fillDisk(leader);
    },
    relieve: (run) => {
      for (const process of run.world.processes) run.world.disk(process).full = false;
      restart(run);
    },
    gapMsMax: GAP_MS_MAX,
  },
  {
    name: 'damaged-disk',
    summary: 'a disk tears records and flips bits: its node serves nothing damaged and passes nothing damaged on',
    nodes: 5,
    strike: (run) => {
      // Always the same one: the others of each group are a majority.
      if (run.random.chance(0.3)) run.nemesis.tearWrite(0);
      else run.nemesis.flipBit(0);
    },
    relieve: (run) => {
      if (run.world.brokenBecause(0) === undefined) return restart(run);
      run.count('damage found');
      run.nemesis.wipe(0, 1);
    },
    gapMsMax: GAP_MS_MAX,
  },
  {
    name: 'wiped-disk',
    summary: 'a node comes back with an empty disk: it is a new node, and never speaks for the one it was',
    strike: (run) => run.nemesis.wipe(2, run.random.int(0, 1)),
    gapMsMax: GAP_MS_MAX,
  },
  {
    name: 'restart-storm',
    summary: 'a node dies again and again soon after its start; the others serve all the time',
    strike: (run, leader) => {
      const livesMs = Array.from({ length: run.random.int(3, 8) }, () => run.random.int(0, 250));
      run.nemesis.storm(leader, livesMs);
    },
    gapMsMax: GAP_MS_MAX,
  },
  {
    name: 'new-addresses',
    summary: 'nodes come back on another port, one after the other; everyone finds them again',
    strike: (run, leader) => run.nemesis.move(leader),
    relieve: restart,
    gapMsMax: GAP_MS_MAX,
  },
  {
    name: 'client-crashes',
    summary: 'clients die and come back as others; what they had asked is applied once or not at all',
    strike: (run) => {
      const client = run.random.pick(run.load.processes);
      const downMs = run.random.int(0, 500);
      run.nemesis.crashClient(client, downMs, () => run.load.crash(client, downMs));
    },
    gapMsMax: GAP_MS_MAX,
  },
  {
    name: 'client-pauses',
    summary: 'clients stand still for a while and go on, with late timers; what is answered meanwhile is taken then',
    strike: (run) => run.nemesis.pauseClient(run.random.pick(run.load.processes), run.random.int(50, 1000)),
    gapMsMax: GAP_MS_MAX,
  },
];

export const singleFaults: readonly Scenario[] = troubles.map((trouble) => ({
  name: trouble.name,
  summary: trouble.summary,
  nodes: trouble.nodes ?? 3,
  partitions: 2,
  seconds: 20,
  // A disk that is damaged already does not tear any more.
  mixed: trouble.name === 'damaged-disk',
  limits: () => ({ retainedEntriesMax: 20, snapshotChunkBytes: 400 }),
  run(run) {
    if (trouble.name === 'clock-drift') run.nemesis.driftClocks(() => run.random.int(90, 110) / 100);
    run.form();
    run.startLoad({ pauseMs: [0, 100] });
    const endMs = run.world.nowMs + run.durationMs;
    while (run.world.nowMs < endMs) {
      run.world.runFor(run.random.int(200, 1500));
      trouble.strike(run, run.leaderOf(run.random.int(1, 2)));
      run.longest('longest gap ms', run.requireProgress(trouble.gapMsMax, `after ${trouble.name}`));
      run.world.runFor(run.random.int(200, 3000));
      trouble.relieve?.(run);
    }
    run.heal();
    run.finish({ okShareMin: trouble.okShareMin ?? 0.58 });
    if (trouble.name === 'damaged-disk') run.expect((run.counts['damage found'] ?? 0) > 0, 'no damage was ever found');
  },
}));

export const overload: Scenario = {
  name: 'overload',
  summary:
    'far more requests at once than a group may have pending: some are refused for certain, the others are served',
  nodes: 3,
  partitions: 2,
  seconds: 10,
  limits: () => ({ pendingCommandsPerGroupMax: 8, pendingReadsPerGroupMax: 8, requestsPerConnectionMax: 64 }),
  run(run) {
    run.form();
    run.startLoad();
    const endMs = run.world.nowMs + run.durationMs;
    while (run.world.nowMs < endMs) {
      run.nemesis.overload(BURST, () => run.load.burst(BURST));
      run.world.runFor(1000);
    }
    run.finish({ okShareMin: 0.71 });
    const unknown = run.figures?.indeterminate ?? 0;
    run.expect(unknown === 0, `of ${unknown} operations nobody knows whether they were applied`);
    run.expect(marked('busy') > 0, 'nothing was ever refused');
  },
};

export const fullBacklog: Scenario = {
  name: 'full-backlog',
  summary: 'a follower stands still until frames for it are dropped; nobody else notices, and it catches up afterwards',
  nodes: 3,
  partitions: 1,
  seconds: 10,
  limits: () => ({ peerBacklogBytesMax: 5000 }),
  run(run) {
    run.form();
    run.startLoad({ pauseMs: [0, 10] });
    run.world.runFor(500);
    const leader = run.leaderOf(1);
    const follower = run.random.pick(run.world.processes.filter((process) => process !== leader));
    run.nemesis.pause(follower, run.durationMs / 2);
    run.longest('longest gap ms', run.requireProgress(GAP_MS_MAX, 'while a follower stood still'));
    run.world.runFor(run.durationMs);
    run.heal();
    const peer = nodeName(run.world.node(follower)?.id ?? 0);
    const dropped = run.world.metrics(leader).value('peer_frames_dropped_total', { peer }) ?? 0;
    run.count('dropped frames', dropped);
    run.finish({ okShareMin: 0.35 });
    run.expect(dropped > 0, 'no frame was ever dropped');
  },
};

export const slowReader: Scenario = {
  name: 'slow-reader',
  summary: 'a client does not read its replies: it is cut off before they fill the memory, and nobody else notices',
  nodes: 3,
  partitions: 1,
  seconds: 10,
  limits: () => ({ clientBacklogBytesMax: 60 }),
  run(run) {
    run.form();
    run.startLoad({ clients: 8, clientsPerConnection: 4, pauseMs: [0, 10] });
    run.world.runFor(500);
    const [slow] = run.load.processes;
    if (slow !== undefined) run.nemesis.slowReader(slow, 3000);
    run.longest('longest gap ms', run.requireProgress(GAP_MS_MAX, 'while a client did not read'));
    run.world.runFor(run.durationMs);
    run.heal();
    run.finish({ okShareMin: 0.18 });
    run.expect(marked('slow-reader-closed') > 0, 'the client was never cut off');
  },
};
