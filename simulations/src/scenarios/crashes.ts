/**
 * Scenarios in which nodes lose power: what was not on disk is gone, what was acknowledged is not.
 */
import { ELECTION_TIMEOUT_MS } from '../run/run.ts';
import type { Scenario } from '../run/run.ts';
import { processName } from '../world/process-name.ts';

/** The bar: four election timeouts. */
const NEW_LEADER_MS_MAX = 4 * ELECTION_TIMEOUT_MS;
/** The longest time without an acknowledged write that the death of a leader may cause, milliseconds. */
const LEADER_CRASH_GAP_MS_MAX = 1000;
/** A commit counts as hung after ten heartbeat rounds; then there is an election. */
const STALLED_DISK_GAP_MS_MAX = 3000;

export const leaderCrash: Scenario = {
  name: 'leader-crash',
  summary: 'the leader of a group dies under load, again and again; another one leads within 400 ms, and writes go on',
  nodes: 3,
  partitions: 1,
  seconds: 20,
  run(run) {
    run.form();
    run.startLoad();
    const endMs = run.world.nowMs + run.durationMs;
    while (run.world.nowMs < endMs) {
      run.world.runFor(run.random.int(1000, 3000));
      const leader = run.leaderOf(1);
      run.nemesis.crash(leader);
      run.count('leader crashes');
      const crashedMs = run.world.nowMs;
      const led = (): boolean => run.world.up.some((process) => run.world.node(process)?.group(1)?.serves === true);
      run.expect(run.world.runUntil(led, NEW_LEADER_MS_MAX), `no new leader within ${NEW_LEADER_MS_MAX} ms`);
      run.longest('new leader after ms', run.world.nowMs - crashedMs);
      run.requireProgress(LEADER_CRASH_GAP_MS_MAX, 'after the leader crashed');
      run.longest('longest gap ms', run.world.nowMs - crashedMs);
      run.world.runFor(run.random.int(0, 1500));
      run.world.start(leader);
      run.require(
        run.world.runUntil(() => run.allHealthy(), 3000),
        'the node that crashed did not come back',
      );
    }
    run.heal();
    run.finish({ okShareMin: 0.42 });
  },
};

export const stalledDisk: Scenario = {
  name: 'stalled-disk',
  summary:
    'the disk of a leader hangs, the node itself goes on; another one leads within 3 s, and it catches up afterwards',
  nodes: 3,
  partitions: 1,
  seconds: 10,
  run(run) {
    run.form();
    run.startLoad();
    run.world.runFor(1000);
    const leader = run.leaderOf(1);
    run.nemesis.slowDisk(leader, 20_000);
    run.counts['longest gap ms'] = run.requireProgress(STALLED_DISK_GAP_MS_MAX, 'after the disk of the leader hung');
    run.world.runFor(run.durationMs / 2);
    run.expect(run.leaderOf(1) !== leader, 'the node with the hung disk still leads');
    run.world.disk(leader).slowness = 1;
    run.nemesis.crash(leader);
    run.heal();
    run.finish({ okShareMin: 0.42 });
  },
};

export const followerCrash: Scenario = {
  name: 'follower-crash',
  summary: 'a follower dies, misses writes and returns; nobody notices, and it catches up',
  nodes: 3,
  partitions: 1,
  seconds: 20,
  run(run) {
    run.form();
    run.startLoad();
    run.world.runFor(1000);
    const leader = run.leaderOf(1);
    const follower = run.random.pick(run.world.processes.filter((process) => process !== leader));
    const ballot = run.world.node(leader)?.group(1)?.term.number;
    run.nemesis.crash(follower);
    run.world.runFor(run.durationMs / 2);
    run.world.start(follower);
    run.world.runFor(run.durationMs / 2);
    run.expect(run.world.node(leader)?.group(1)?.term.number === ballot, 'the leader changed');
    run.heal();
    run.finish({ okShareMin: 0.54, okRateMin: 0.99 });
  },
};

export const snapshotCatchUp: Scenario = {
  name: 'snapshot-catch-up',
  summary:
    'a follower is away until the log no longer reaches back to where it stopped; it is brought up by a snapshot',
  nodes: 3,
  partitions: 1,
  seconds: 10,
  run(run) {
    run.form();
    run.startLoad({ pauseMs: [0, 5] });
    run.world.runFor(500);
    const leader = run.leaderOf(1);
    const follower = run.random.pick(run.world.processes.filter((process) => process !== leader));
    run.nemesis.crash(follower);
    const away = run.world.node(leader)?.group(1)?.log?.decidedIndex ?? 0;
    const compacted = (): boolean => (run.world.node(leader)?.group(1)?.log?.compactedIndex ?? 0) > away;
    run.require(run.world.runUntil(compacted, 120_000), 'the log was never trimmed');
    run.world.start(follower);
    run.world.runFor(run.durationMs);
    run.heal();
    run.expect(
      run.world.trace.lines.some((line) => line.includes('fetches a snapshot of group 1')),
      'no snapshot was needed',
    );
    run.finish({ okShareMin: 0.29, okRateMin: 0.99 });
  },
};

export const restartOfAll: Scenario = {
  name: 'restart-of-all',
  summary: 'all nodes lose power at the same moment, several times; every acknowledged write is there afterwards',
  nodes: 3,
  seconds: 20,
  run(run) {
    run.form();
    run.startLoad();
    const endMs = run.world.nowMs + run.durationMs;
    while (run.world.nowMs < endMs) {
      run.world.runFor(run.random.int(1000, 4000));
      for (const process of run.world.processes) run.nemesis.crash(process);
      run.count('restarts of all nodes');
      run.world.runFor(run.random.int(0, 1000));
      for (const process of run.random.shuffle(run.world.processes)) {
        run.world.start(process);
        run.world.runFor(run.random.int(0, 200));
      }
      run.requireProgress(5000, 'after all nodes restarted');
    }
    run.heal();
    run.finish({ okShareMin: 0.42 });
  },
};

export const majorityLoss: Scenario = {
  name: 'majority-loss',
  summary: 'a majority dies: nothing is acknowledged meanwhile; it returns: everything goes on, nothing is lost',
  nodes: 5,
  replication: 5,
  partitions: 2,
  seconds: 20,
  run(run) {
    run.form();
    run.startLoad({ timeoutMs: 2000 });
    run.world.runFor(run.durationMs / 4);
    const lost = run.random.shuffle(run.world.processes).slice(0, 3);
    for (const process of lost) run.nemesis.crash(process);
    // What was decided at that moment may still be on its way to a client.
    run.world.runFor(500);
    const acknowledged = run.load.acknowledgedMs.length;
    run.world.runFor(run.durationMs / 4);
    run.expect(run.load.acknowledgedMs.length === acknowledged, 'a write was acknowledged without a majority');
    for (const process of lost) run.world.start(process);
    run.requireProgress(5000, 'after the majority returned');
    run.world.runFor(run.durationMs / 4);
    run.heal();
    run.finish({ okShareMin: 0.33, faultyShareMin: 0.21 });
  },
};

export const rollingRestart: Scenario = {
  name: 'rolling-restart',
  summary: 'each node is restarted in turn, with the others up; the cluster serves all the time',
  nodes: 3,
  seconds: 20,
  run(run) {
    run.form();
    run.startLoad();
    for (const process of run.world.processes) {
      run.world.runFor(run.durationMs / 8);
      run.nemesis.crash(process);
      run.requireProgress(LEADER_CRASH_GAP_MS_MAX, `while ${processName(process)} is down`);
      run.world.start(process);
      run.require(
        run.world.runUntil(() => run.allHealthy(), 3000),
        `${processName(process)} did not come back`,
      );
    }
    run.heal();
    run.finish({ okShareMin: 0.5 });
  },
};
