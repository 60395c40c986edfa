/**
 * Scenarios in which links are cut: the symmetric partition, and the three partial ones that stall other protocols (Ng,
 * Haridi and Carbone, "Omni-Paxos", EuroSys 2023, section 2).
 */
import { ELECTION_TIMEOUT_MS } from '../run/run.ts';
import type { Run, Scenario } from '../run/run.ts';
import type { ProcessId } from '../world/network.ts';
import { processName } from '../world/process-name.ts';

/** The bar: decisions resume within four election timeouts of the cut. */
const RESUME_MS_MAX = 4 * ELECTION_TIMEOUT_MS;
/** A heartbeat round, which late answers may have lengthened, and the time to notice what it said. */
const YIELD_MS_MAX = 4 * ELECTION_TIMEOUT_MS;

export const symmetricPartition: Scenario = {
  name: 'symmetric-partition',
  summary: 'a minority is cut off, the leader in it; the majority goes on, the minority acknowledges nothing',
  nodes: 5,
  replication: 5,
  partitions: 1,
  seconds: 20,
  run(run) {
    run.form();
    run.startLoad();
    run.world.runFor(run.durationMs / 4);
    const leader = run.leaderOf(1);
    const other = run.random.pick(run.world.processes.filter((process) => process !== leader));
    const majority = run.world.processes.filter((process) => process !== leader && process !== other);
    const target = cutAndTarget(run, () => {
      run.nemesis.keepOnly((a, b) => majority.includes(a) === majority.includes(b));
    });
    requireDecisions(run, target);
    const decided = run.world.node(leader)?.group(1)?.log?.decidedIndex ?? 0;
    run.world.runFor(run.durationMs / 4);
    run.expect(
      (run.world.node(leader)?.group(1)?.log?.decidedIndex ?? 0) === decided,
      'the cut-off leader decided something without a majority',
    );
    run.heal();
    run.world.runFor(run.durationMs / 4);
    run.finish({ okShareMin: 0.5 });
  },
};

/** The leader loses its majority while one node, the hub, still sees all. */
function quorumLoss(nodes: number): Scenario {
  return {
    name: `quorum-loss-${nodes}`,
    summary:
      'only the links of one node other than the leader are left; decisions resume within four election timeouts',
    ...partial(nodes),
    run(run) {
      const leader = begin(run);
      const hub = run.random.pick(run.world.processes.filter((process) => process !== leader));
      const target = cutAndTarget(run, () => run.nemesis.keepOnly((a, b) => a === hub || b === hub));
      requireDecisions(run, target);
      stayAndHeal(run);
    },
  };
}

/** The only quorum-connected node has an older log than others. */
function constrainedElection(nodes: number): Scenario {
  return {
    name: `constrained-election-${nodes}`,
    summary: 'the leader is cut off, and all the others reach only a node with an older log; decisions resume',
    ...partial(nodes),
    run(run) {
      const leader = begin(run);
      const hub = run.random.pick(run.world.processes.filter((process) => process !== leader));
      run.nemesis.cut(hub, leader);
      const before = run.world.node(hub)?.group(1)?.log?.logLength ?? 0;
      run.world.runFor(1500);
      const newest = run.world.node(leader)?.group(1)?.log?.logLength ?? 0;
      run.expect((run.world.node(hub)?.group(1)?.log?.logLength ?? 0) < newest, 'the hub has no older log');
      run.expect(newest > before, 'nothing was written while the hub was away');
      const target = cutAndTarget(run, () =>
        run.nemesis.keepOnly((a, b) => (a === hub || b === hub) && a !== leader && b !== leader),
      );
      requireDecisions(run, target);
      stayAndHeal(run);
    },
  };
}

/** A line of nodes, each seeing its neighbours only, with the leader at one end. */
function chained(nodes: number): Scenario {
  return {
    name: `chained-${nodes}`,
    summary: 'the nodes form a line with the leader at its end; decisions resume, and one new leader stays, if any',
    ...partial(nodes),
    run(run) {
      const leader = begin(run);
      const line = [leader, ...run.random.shuffle(run.world.processes.filter((process) => process !== leader))];
      const target = cutAndTarget(run, () => {
        run.nemesis.keepOnly((a, b) => Math.abs(line.indexOf(a) - line.indexOf(b)) === 1);
      });
      requireDecisions(run, target);
      // Two that cannot see each other may have stood at the same time: one of them yields.
      const first = newLeaders(run, leader, YIELD_MS_MAX);
      run.expect(first.size <= 2, `the group had ${first.size} new leaders at first: ${[...first].join(', ')}`);
      const leaders = newLeaders(run, leader, 5000);
      run.expect(leaders.size <= 1, `the group had ${leaders.size} new leaders: ${[...leaders].join(', ')}`);
      stayAndHeal(run);
    },
  };
}

/** Who leads meanwhile, and with which ballots, besides the one that did. */
function newLeaders(run: Run, former: ProcessId, ms: number): ReadonlySet<string> {
  const leaders = new Set<string>();
  const endMs = run.world.nowMs + ms;
  while (run.world.nowMs < endMs) {
    run.world.runFor(10);
    for (const process of run.world.up) {
      const view = run.world.node(process)?.group(1);
      if (view?.serves !== true || process === former) continue;
      leaders.add(`${processName(process)} with ballot ${view.term.number}`);
    }
  }
  return leaders;
}

export const partialPartitions: readonly Scenario[] = [3, 5].flatMap((nodes) => [
  quorumLoss(nodes),
  constrainedElection(nodes),
  chained(nodes),
]);

function partial(nodes: number): Pick<Scenario, 'nodes' | 'replication' | 'partitions' | 'seconds'> {
  return { nodes, replication: nodes, partitions: 1, seconds: 10 };
}

/** A cluster under load, at a random moment of its heartbeat rounds; returns the leader of group 1. */
function begin(run: Run): ProcessId {
  run.form();
  run.startLoad({ clients: 8, pauseMs: [0, 10] });
  run.world.runFor(1500 + run.random.int(0, 1000));
  return run.leaderOf(1);
}

/** Cuts, and returns the position that is decided only if something proposed after the cut is. */
function cutAndTarget(run: Run, cut: () => void): number {
  cut();
  run.count('cuts');
  const lengths = run.world.up.map((process) => run.world.node(process)?.group(1)?.log?.logLength ?? 0);
  return Math.max(...lengths) + 1;
}

function requireDecisions(run: Run, target: number): void {
  const startMs = run.world.nowMs;
  const resumed = (): boolean =>
    run.world.up.some((process) => (run.world.node(process)?.group(1)?.log?.decidedIndex ?? 0) >= target);
  const inTime = run.world.runUntil(resumed, RESUME_MS_MAX);
  if (!inTime) run.world.runUntil(resumed, 10 * RESUME_MS_MAX);
  const tookMs = Math.round(run.world.nowMs - startMs);
  run.counts['resumed after ms'] = tookMs;
  run.expect(inTime, `decisions resumed ${tookMs} ms after the cut, the bar is ${RESUME_MS_MAX} ms`);
}

/** The partition stays for a while: clients are served meanwhile. Then it heals. */
function stayAndHeal(run: Run): void {
  const before = run.load.acknowledgedMs.length;
  run.world.runFor(run.durationMs / 2);
  run.expect(run.load.acknowledgedMs.length > before + 20, 'clients were not served while the partition stayed');
  run.heal();
  run.finish({ okShareMin: 0.35 });
}
