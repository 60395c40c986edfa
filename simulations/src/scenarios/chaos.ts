/**
 * Everything at once: each seed picks its own mix of faults, its own limits and its own load. Three phases: faults under
 * load; everything heals, and the cluster must serve again; then a partial partition stays, and clients must hardly notice.
 */
import type { Limits } from '@kvorum/common';
import { faultKinds } from '../faults/nemesis.ts';
import type { Run, Scenario } from '../run/run.ts';
import type { WorkloadOptions } from '../workload/workload.ts';
import { defaultWorkload } from '../workload/workload.ts';
import { calmNetwork } from '../world/network.ts';
import type { RandomStream } from '../world/random-stream.ts';

/** While a partial partition stays, after the time that an election may take: no operation takes longer. */
const LATENCY_MS_MAX = 500;
const ELECTIONS_MS = 1000;
const PARTIAL_MS = 4000;
/** Even the laziest load has operations that overlap. */
const BURST_OPERATIONS = 48;

function chaosOf(shape: Pick<Scenario, 'name' | 'nodes' | 'replication' | 'partitions'>): Scenario {
  return {
    ...shape,
    summary: `a mix of all faults that each seed picks for itself; then all heals; then a partial partition stays (groups of ${shape.replication ?? 3})`,
    seconds: 60,
    mixed: true,
    limits: shrunkLimits,
    run(run) {
      strikeAtRandom(run, strikes, randomLoad);
      const phase = stayPartial(run);
      run.heal();
      run.finish({ okShareMin: 0.2, faultyShareMin: 0.08, okRateMin: 0.35 });
      requireLatency(run, phase);
    },
  };
}

/** Faults under load, as each seed mixes them; then all heals. */
export function strikeAtRandom(
  run: Run,
  kinds: readonly Strike[],
  load: (random: RandomStream) => Partial<WorkloadOptions>,
): void {
  driftClocks(run);
  run.form();
  // Swarm: a run without some faults reaches states that a run with all of them hides.
  const mix = kinds.filter(() => run.random.chance(0.4));
  // At most one node for good: the others of its groups still are a majority.
  const victim = run.random.pick(run.world.processes);
  // Only one: a client that knows nothing but old addresses of all nodes would be lost.
  const mover = run.random.pick(run.world.processes);
  run.startLoad(load(run.random));
  run.load.burst(BURST_OPERATIONS);
  const endMs = run.world.nowMs + run.durationMs;
  while (run.world.nowMs < endMs) {
    run.world.runFor(run.random.int(200, 2500));
    if (mix.length > 0) inflict(run, run.random.pick(mix), victim, mover);
    run.world.runFor(run.random.int(200, 2500));
    if (run.random.chance(0.6)) recover(run);
  }
  run.heal();
}

export const chaos: readonly Scenario[] = [
  chaosOf({ name: 'chaos-3', nodes: 3 }),
  chaosOf({ name: 'chaos-5', nodes: 5 }),
  chaosOf({ name: 'chaos-5-wide', nodes: 5, replication: 5, partitions: 2 }),
];

function shrunkLimits(random: RandomStream): Partial<Limits> {
  const small = <T>(value: T): T | undefined => (random.chance(0.5) ? value : undefined);
  const chosen: { [Name in keyof Limits]?: number | undefined } = {
    entryCommandsMax: small(random.int(1, 4)),
    messageEntryBytesMax: small(random.int(50, 400)),
    acceptsInFlightMax: small(random.int(1, 4)),
    retainedEntriesMax: random.chance(0.8) ? random.int(5, 40) : undefined,
    snapshotChunkBytes: small(random.int(50, 1000)),
    pendingCommandsPerGroupMax: random.chance(0.2) ? random.int(2, 6) : undefined,
    pendingReadsPerGroupMax: random.chance(0.2) ? random.int(2, 6) : undefined,
    requestsPerConnectionMax: random.chance(0.2) ? random.int(2, 8) : undefined,
    unflushedBytesMax: random.chance(0.2) ? random.int(200, 2000) : undefined,
    clientBacklogBytesMax: small(random.int(50, 500)),
    sessionsPerGroupMax: random.chance(0.1) ? random.int(3, 8) : undefined,
    sessionWindowMax: small(random.int(2, 8)),
    replyBytesPerSessionMax: random.chance(0.2) ? random.int(32, 200) : undefined,
  };
  return Object.fromEntries(Object.entries(chosen).filter(([, value]) => value !== undefined));
}

export function randomLoad(random: RandomStream): Partial<WorkloadOptions> {
  // Mostly little load: what a fault does depends on when it strikes, and idle time is cheap to simulate.
  const pauseMsMax = random.pick([400, 1000, 2000, 4000, 4000, 6000]);
  return {
    pauseMs: [0, pauseMsMax],
    timeoutMs: random.pick([200, 1000, 5000]),
    clientsPerConnection: random.pick([1, 1, 3, defaultWorkload.clients]),
  };
}

export type Strike = (typeof strikes)[number];

/** Clocks that drift do so from the beginning; silent links have a scenario of their own. */
export const strikes = faultKinds.filter((kind) => kind !== 'clock-drift' && kind !== 'silent-link');

/** In half of the runs no two clocks run alike. */
function driftClocks(run: Run): void {
  if (run.random.chance(0.5)) run.nemesis.driftClocks(() => 1 + run.random.int(-50, 50) / 1000);
}

function inflict(run: Run, fault: Strike, victim: number, mover: number): void {
  const { world, random, nemesis } = run;
  const [a, b] = random.shuffle(world.processes) as [number, number];
  switch (fault) {
    case 'crash':
      return nemesis.crash(a);
    case 'crash-all':
      return nemesis.crashAll(random.int(0, 500));
    case 'restart-storm':
      return nemesis.storm(
        a,
        Array.from({ length: random.int(2, 6) }, () => random.int(0, 300)),
      );
    case 'pause':
      return nemesis.pause(a, random.int(50, 3000));
    case 'wiped-disk':
      return nemesis.wipe(victim, victim === a ? b : a);
    case 'new-address':
      return nemesis.move(mover);
    case 'isolate':
      return nemesis.isolate(a);
    case 'cut':
      return nemesis.cut(a, b);
    case 'one-way-cut':
      return nemesis.cutOneWay(a, b);
    case 'slow-link':
      return nemesis.slowLink(a, b, random.int(5, 400));
    case 'half-open':
      return nemesis.halfOpen(a);
    case 'noise':
      return nemesis.noise({
        delayUs: [100, random.int(600, 30_000)],
        loss: random.int(0, 10) / 100,
        duplication: random.int(0, 10) / 100,
        clientReset: random.int(0, 2) / 100,
        clientDuplication: random.int(0, 5) / 100,
      });
    case 'slow-disk':
      // From a busy disk to one that hangs for seconds.
      return nemesis.slowDisk(a, random.pick([5, 50, 500, 3000]));
    case 'failed-commit':
      return nemesis.failCommit(a);
    case 'full-disk':
      return nemesis.fillDisk(a);
    case 'torn-write':
      return nemesis.tearWrite(victim);
    case 'bit-flip':
      return nemesis.flipBit(victim);
    case 'clock-jump':
      return nemesis.jumpClock(a, random.int(-3_600_000, 3_600_000));
    case 'client-crash': {
      const client = random.pick(run.load.processes);
      const downMs = random.int(0, 2000);
      return nemesis.crashClient(client, downMs, () => run.load.crash(client, downMs));
    }
    case 'client-pause':
      return nemesis.pauseClient(random.pick(run.load.processes), random.int(50, 3000));
    case 'client-cut':
      return nemesis.cutClients(run.load.processes, (client, process) => process !== a || client % 3 === 0);
    case 'slow-reader':
      return nemesis.slowReader(random.pick(run.load.processes), random.int(50, 2000));
    case 'overload': {
      const operations = random.int(20, 60);
      return nemesis.overload(operations, () => run.load.burst(operations));
    }
  }
}

/** Ends some of the trouble. */
function recover(run: Run): void {
  const { world, random } = run;
  const [nodes, disks, links, noise] = [0.7, 0.7, 0.7, 0.3].map((probability) => random.chance(probability));
  for (const process of world.processes) {
    const disk = world.disk(process);
    if (disks === true) disk.slowness = 1;
    if (disks === true) disk.full = false;
    if (nodes === true) world.start(process);
  }
  if (links === true) world.network.healAll();
  if (noise === true) world.network.faults = { ...calmNetwork };
}

/**
 * Cuts as many links as may be while every group still has a member that reaches a majority of it: clients must be served,
 * and soon. Returns the phase in which they must, by virtual time.
 */
function stayPartial(run: Run): Phase {
  const { world } = run;
  const cut = partialCut(run);
  run.nemesis.keepOnly((a, b) => !cut.has(`${a}-${b}`));
  world.runFor(ELECTIONS_MS);
  const fromUs = world.schedule.nowUs;
  world.runFor(PARTIAL_MS);
  return { fromUs, toUs: world.schedule.nowUs };
}

interface Phase {
  readonly fromUs: number;
  readonly toUs: number;
}

function partialCut(run: Run): ReadonlySet<string> {
  const { world, random } = run;
  const groups = Array.from({ length: world.options.partitions + 1 }, (_, group) =>
    world.sound.filter((process) => world.node(process)?.group(group) !== undefined),
  );
  const majority = Math.floor(world.options.replication / 2) + 1;
  const cut = new Set<string>();
  const reaches = (a: number, b: number): boolean => !cut.has(`${Math.min(a, b)}-${Math.max(a, b)}`);
  const pairs = world.processes.flatMap((a) => world.processes.filter((b) => a < b).map((b) => `${a}-${b}`));
  for (const pair of random.shuffle(pairs)) {
    cut.add(pair);
    const served = groups.every((members) =>
      members.some((hub) => members.filter((member) => reaches(hub, member)).length >= majority),
    );
    if (!served) cut.delete(pair);
  }
  return cut;
}

/** No operation that began in the phase took longer than it may. */
function requireLatency(run: Run, { fromUs, toUs }: Phase): void {
  const calls = run.load.calls.filter((call) => call.invokedAt >= fromUs && call.invokedAt <= toUs);
  run.expect(calls.length > 0, 'nothing was asked while a partial partition stayed');
  for (const call of calls) {
    const tookMs = (call.returnedAt - call.invokedAt) / 1000;
    run.longest('latency in a partial partition ms', tookMs);
    const name = `a ${call.kind} of ${call.key} begun at ${call.invokedAt / 1e6} s`;
    const isAnswered = typeof call.result === 'object';
    run.expect(isAnswered, `${name} was not answered while a partial partition stayed`);
    run.expect(!isAnswered || tookMs <= LATENCY_MS_MAX, `${name} took ${tookMs} ms while a partial partition stayed`);
  }
}
