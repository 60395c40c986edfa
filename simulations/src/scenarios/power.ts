/**
 * The power goes at the moment when something that others rely on is being written: an acceptance that completes a
 * majority, a log that is cut, a state that is flushed or fetched. The moments are the crash points of the node, and what
 * surrounds them is drawn anew each time: slow disks, repeated frames, a leader with a bare majority.
 */
import type { Run, Scenario } from '../run/run.ts';
import type { ProcessId } from '../world/network.ts';
import { calmNetwork } from '../world/network.ts';
import type { Stroke } from './strokes.ts';
import { leaveBehind, strikeAgainAndAgain } from './strokes.ts';

/** Operations that are under way when the power goes. */
const BURST = 24;
/** So long the moment is waited for. */
const MOMENT_MS_MAX = 600;

const points = [
  'log commit: asked',
  'log commit: written',
  'log commit: reported',
  'state commit: asked',
  'state commit: written',
  'state commit: reported',
  'frame: sent',
  'reply: sent',
  'turn: ended',
] as const;

const snapshotPoints = [
  'snapshot part: asked',
  'snapshot part: written',
  'snapshot end: asked',
  'snapshot end: written',
  'snapshot end: reported',
  'state commit: written',
] as const;

const strokes: readonly Stroke[] = [
  /** Somebody whose acceptance counts forgets it, and the leader that counted it is gone. */
  function bareMajority(run, leader) {
    const { nemesis, world, random } = run;
    const others = random.shuffle(world.processes.filter((process) => process !== leader));
    const needed = others.slice(0, others.length / 2);
    const victim = random.pick([leader, ...needed]);
    noisy(run);
    for (const process of others) if (!needed.includes(process)) nemesis.cut(leader, process);
    nemesis.slowDisk(victim, random.int(10, 200));
    if (random.chance(0.5)) nemesis.slowDisk(random.pick(needed), random.int(5, 100));
    run.load.burst(BURST);
    world.runFor(random.int(1, 40));
    nemesis.crash(victim);
    if (random.chance(0.7)) nemesis.isolate(leader);
    else nemesis.crash(leader);
    world.runFor(random.int(1, 60));
    meetWithout(run, leader);
    world.start(victim);
    world.runFor(random.int(300, 800));
  },

  /** A log is cut by the successor of a leader, and read again soon. */
  function afterCut(run, leader) {
    const { nemesis, world, random } = run;
    const others = random.shuffle(world.processes.filter((process) => process !== leader));
    const [reached = 0, ...away] = others;
    for (const process of away) nemesis.cut(leader, process);
    nemesis.slowDisk(random.pick([leader, reached]), random.int(20, 1200));
    run.load.burst(BURST);
    world.runFor(random.int(1, 60));
    nemesis.isolate(leader);
    nemesis.isolate(reached);
    world.runFor(random.int(10, 500));
    if (random.chance(0.5)) world.network.healAll();
    else meetWithout(run, leader);
    world.runFor(random.int(20, 600));
    world.network.healAll();
    world.runFor(random.int(0, 400));
    if (random.chance(0.5)) nemesis.crash(leader);
    else nemesis.crashAll(random.int(1, 30));
    world.runFor(random.int(10, 60));
  },

  /** The successor lacks what was decided last, and learns that it is decided long before its own disk has written it. */
  function slowSuccessor(run, leader) {
    const { nemesis, world, random } = run;
    const others = random.shuffle(world.processes.filter((process) => process !== leader));
    const [successor = 0] = others;
    // Of three, the other two would be a majority only with its disk.
    if (others.length < 4) return;
    nemesis.cut(leader, successor);
    world.runFor(random.int(5, 60));
    nemesis.slowDisk(successor, random.int(10, 80));
    nemesis.crash(leader);
    world.runFor(random.int(300, 900));
  },

  /** While it writes down what it applied. */
  function atFlush(run) {
    const { nemesis, world, random } = run;
    const victim = random.pick(world.processes);
    nemesis.slowDisk(victim, random.int(1, 300));
    if (random.chance(0.5)) run.load.burst(BURST);
    nemesis.crashAt(victim, random.pick(points), random.chance(0.5) ? 0 : random.int(1, 150));
    world.runUntil(() => world.node(victim) === undefined, MOMENT_MS_MAX);
    if (random.chance(0.3)) nemesis.crashAll(random.int(1, 20));
    world.runFor(random.int(10, 100));
    world.start(victim);
    world.runFor(random.int(0, 300));
  },

  /** While a fetched state takes the place of its own. */
  function atSnapshot(run, leader) {
    const { nemesis, world, random } = run;
    const away = leaveBehind(run, leader, 2 * MOMENT_MS_MAX);
    noisy(run);
    nemesis.slowDisk(away, random.int(1, 200));
    if (random.chance(0.7)) nemesis.crashAt(away, random.pick(snapshotPoints), random.pick([0, 0, random.int(1, 20)]));
    world.start(away);
    world.runUntil(() => world.node(away) === undefined, 2 * MOMENT_MS_MAX);
    if (random.chance(0.5)) nemesis.isolate(leader);
    world.start(away);
    world.runFor(random.int(0, 400));
  },
];

function powerAt(nodes: number): Scenario {
  return {
    name: `power-${nodes}`,
    summary:
      'the power goes while acceptances, cut logs, flushed or fetched states are written; nothing that counted is lost',
    nodes,
    replication: nodes,
    partitions: 1,
    seconds: 20,
    limits: (random) => ({
      retainedEntriesMax: random.pick([0, random.int(1, 12), 200]),
      snapshotChunkBytes: random.int(40, 600),
      entryCommandsMax: random.int(1, 4),
      messageEntryBytesMax: random.int(100, 2000),
      acceptsInFlightMax: random.int(1, 8),
    }),
    run(run) {
      const load = { clients: 8, readers: 2, pauseMs: [0, 80] } as const;
      strikeAgainAndAgain(run, { load, quietMs: [100, 500], strokes, okRateMin: 0.75 });
    },
  };
}

export const power: readonly Scenario[] = [powerAt(3), powerAt(5)];

/** All links are whole again but those of the former leader. */
function meetWithout({ nemesis, world }: Run, leader: ProcessId): void {
  world.network.healAll();
  nemesis.isolate(leader);
}

/** Many repeated frames. */
function noisy({ nemesis, random }: Run): void {
  nemesis.noise({
    ...calmNetwork,
    delayUs: [100, random.pick([600, 3000])],
    loss: random.int(0, 3) / 100,
    duplication: random.int(0, 40) / 100,
  });
}
