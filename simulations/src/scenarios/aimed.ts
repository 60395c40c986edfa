/**
 * Faults that strike at the moment when they hurt most, under heavy load: while a leader is being replaced, while a snapshot
 * is on its way, while entries are sent and not decided, while some clients still reach the old leader and others do not.
 */
import type { Run, Scenario } from '../run/run.ts';
import type { ProcessId } from '../world/network.ts';
import { processName } from '../world/process-name.ts';
import type { Stroke } from './strokes.ts';
import { GROUP, leaveBehind, strikeAgainAndAgain } from './strokes.ts';

/** So often a moment is looked for, milliseconds. */
const LOOK_MS = 0.2;
const MOMENT_MS_MAX = 1500;
/** Elections are over when nothing has changed for so long. */
const SETTLE_MS = 400;
/** A member that was cut off and returns may cause no election for so long. */
const RETURN_MS = 600;
/** What a request for a snapshot takes, so that there may be an election meanwhile. */
const REQUEST_MS = 700;
/** Clients that only read: the first ones of the load. */
const READERS = 4;
/** Operations that are under way when a leader is cut off. */
const BURST = 24;

const strokes: readonly Stroke[] = [
  /** Readers know only the old leader, writers only its successor: a stale read is seen at once. */
  function splitClients(run, leader) {
    const { nemesis, world, random } = run;
    const readers = run.load.processes.slice(0, READERS);
    const writers = run.load.processes.slice(READERS);
    nemesis.cutClients(readers, (_, process) => process === leader);
    nemesis.cutClients(writers, (_, process) => process !== leader);
    world.runFor(random.int(300, 800));
    if (random.chance(0.5)) noisy(run);
    nemesis.isolate(leader);
    world.runFor(random.int(300, 800));
  },

  /** Another one dies right when the new leader's first promises and accepts are on their way. */
  function crashDuringElection(run, leader) {
    const { nemesis, world, random } = run;
    const others = random.shuffle(world.processes.filter((process) => process !== leader));
    const [slow = 0, victim = 0] = others;
    if (random.chance(0.6)) nemesis.slowDisk(slow, random.int(5, 150));
    const ballot = highestBallot(run);
    if (random.chance(0.5)) nemesis.crash(leader);
    else nemesis.isolate(leader);
    world.runUntil(() => highestBallot(run) > ballot, MOMENT_MS_MAX, LOOK_MS);
    world.runFor(random.int(0, 30) / 10);
    nemesis.crash(random.chance(0.5) ? slow : victim);
    if (random.chance(0.5)) nemesis.isolate(random.pick(others));
    world.runFor(random.int(0, 200));
    world.startAll();
  },

  /** The successor of a leader decides what it inherited slowly. */
  function slowSuccessor(run, leader) {
    const { nemesis, world, random } = run;
    run.load.burst(BURST);
    for (const process of world.processes) if (process !== leader) nemesis.slowDisk(process, random.int(20, 200));
    world.runFor(random.int(0, 20) / 10);
    if (random.chance(0.5)) nemesis.crash(leader);
    else nemesis.isolate(leader);
    world.runFor(random.int(300, 900));
  },

  /** A leader has sent some entries to some, and is gone for a while. */
  function cutInBurst(run, leader) {
    const { nemesis, world, random } = run;
    const [other = 0] = random.shuffle(world.processes.filter((process) => process !== leader));
    if (random.chance(0.5)) nemesis.cut(leader, other);
    if (random.chance(0.5)) nemesis.slowDisk(leader, random.int(5, 100));
    run.load.burst(BURST);
    world.runFor(random.int(2, 50) / 10);
    nemesis.isolate(leader);
    world.runFor(random.int(100, 700));
    world.network.healAll();
    world.runFor(random.int(0, 40) / 10);
    if (random.chance(0.6)) nemesis.crash(leader);
    world.runFor(random.int(0, 100));
    world.startAll();
  },

  /** Somebody dies, or the leader changes, while a state is moved to a replica that was away. */
  function strikeAtSnapshot(run, leader) {
    const { nemesis, world, random } = run;
    const away = leaveBehind(run, leader, MOMENT_MS_MAX);
    if (random.chance(0.4)) nemesis.slowDisk(away, random.int(5, 50));
    startAndFetch(run, away);
    world.runFor(random.int(0, 80) / 10);
    const strike = random.int(0, 3);
    if (strike === 0) nemesis.crash(away);
    if (strike === 1) nemesis.crash(leader);
    if (strike === 2) nemesis.isolate(leader);
    if (strike === 3) nemesis.crashAll(1);
    world.runFor(random.int(0, 300));
    world.startAll();
  },

  /** A leader offers its state, and has promised its successor's ballot by the time it is asked for it. */
  function snapshotOfDeposedLeader(run, leader) {
    const { nemesis, world } = run;
    // Of three, nobody but these two would be left to elect a successor.
    if (world.processes.length < 5) return;
    const away = leaveBehind(run, leader, MOMENT_MS_MAX);
    const ofLeader = (a: ProcessId, b: ProcessId): boolean => a === leader || b === leader;
    const ofAway = (a: ProcessId, b: ProcessId): boolean => a === away || b === away;
    nemesis.keepOnly((a, b) => !ofAway(a, b) || ofLeader(a, b));
    nemesis.slowLink(away, leader, REQUEST_MS);
    startAndFetch(run, away);
    nemesis.keepOnly((a, b) => ofAway(a, b) === ofLeader(a, b));
    world.runFor(REQUEST_MS / 2);
    world.network.healAll();
    nemesis.keepOnly((a, b) => !ofAway(a, b) || ofLeader(a, b));
    world.runFor(2 * REQUEST_MS);
  },

  /** Clients do not reach the leader: what they ask is passed on, while nodes on the way are started again. */
  function forward(run, leader) {
    const { nemesis, world, random } = run;
    nemesis.cutClients(run.load.processes, (_, process) => process !== leader);
    noisy(run);
    world.runFor(random.int(100, 400));
    const livesMs = Array.from({ length: random.int(1, 4) }, () => random.int(5, 150));
    nemesis.storm(random.chance(0.5) ? leader : random.pick(world.processes), livesMs);
    world.runFor(random.int(200, 800));
  },

  /** One link is cut: the leader keeps its majority, and what the cut-off member is asked goes by way of another. */
  function cutOneLink(run) {
    const { nemesis, world, random } = run;
    const leader = settledLeader(run);
    if (leader === undefined) return;
    const other = random.pick(world.processes.filter((process) => process !== leader));
    nemesis.cut(leader, other);
    nemesis.cutClients(run.load.processes, (_, process) => process === other);
    world.runFor(random.int(300, 900));
    requireSameLeader(run, leader, 'while one of its links was cut');
  },

  /** A member that was cut off comes back. */
  function returnOfMember(run) {
    const { nemesis, world, random } = run;
    const leader = settledLeader(run);
    if (leader === undefined) return;
    nemesis.isolate(random.pick(world.processes.filter((process) => process !== leader)));
    world.runFor(random.int(300, 1200));
    world.network.healAll();
    world.runFor(RETURN_MS);
    requireSameLeader(run, leader, 'when a member returned');
  },
];

function aimedAt(nodes: number): Scenario {
  return {
    name: `aimed-${nodes}`,
    summary: 'under heavy load, faults strike while a leader changes, a snapshot moves, or entries are on their way',
    nodes,
    replication: nodes,
    partitions: 1,
    seconds: 20,
    mixed: true,
    limits: (random) => ({
      retainedEntriesMax: random.int(0, 12),
      snapshotChunkBytes: random.int(40, 600),
      entryCommandsMax: random.int(1, 4),
      messageEntryBytesMax: random.int(60, 400),
      acceptsInFlightMax: random.int(1, 8),
      sessionWindowMax: random.int(2, 64),
    }),
    run(run) {
      const load = { clients: 10, readers: READERS, pauseMs: [0, 60] } as const;
      strikeAgainAndAgain(run, { load, quietMs: [200, 700], strokes, okRateMin: 0.9 });
    },
  };
}

export const aimed: readonly Scenario[] = [aimedAt(3), aimedAt(5)];

/** Starts it, and runs until it asks for a snapshot. */
function startAndFetch({ world }: Run, away: ProcessId): void {
  let fetches = false;
  const stop = world.watch({
    onNote: (line) => (fetches ||= line.startsWith(`${processName(away)}: fetches a snapshot`)),
  });
  world.start(away);
  world.runUntil(() => fetches, 2 * MOMENT_MS_MAX, LOOK_MS);
  stop();
}

function noisy({ nemesis, random }: Run): void {
  nemesis.noise({
    delayUs: [100, random.pick([1000, 5000, 50_000])],
    loss: random.int(0, 5) / 100,
    duplication: random.int(0, 20) / 100,
    clientReset: 0,
    clientDuplication: random.int(0, 10) / 100,
  });
}

function highestBallot({ world }: Run): number {
  return Math.max(0, ...world.up.map((process) => world.node(process)?.group(GROUP)?.term.number ?? 0));
}

/** The leader, if all see the same one and still do a while later. */
function settledLeader({ world }: Run): ProcessId | undefined {
  const seen = (): string => world.processes.map((process) => world.node(process)?.group(GROUP)?.leader).join();
  const ballot = (): string => world.processes.map((p) => world.node(p)?.group(GROUP)?.term.number).join();
  world.runFor(SETTLE_MS);
  const before = `${seen()} ${ballot()}`;
  world.runFor(SETTLE_MS);
  const [first = 0, ...others] = world.processes.map((process) => world.node(process)?.group(GROUP)?.leader);
  const isSettled = before === `${seen()} ${ballot()}` && first !== 0 && others.every((leader) => leader === first);
  return isSettled ? world.processOf(first) : undefined;
}

/** Nobody had a reason to take over. */
function requireSameLeader(run: Run, leader: ProcessId, when: string): void {
  run.expect(run.world.node(leader)?.group(GROUP)?.serves === true, `the leader was deposed ${when}`);
}
