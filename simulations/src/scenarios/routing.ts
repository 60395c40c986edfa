/**
 * Scenarios about the way of a request: it is passed on, it arrives twice and late, its nodes are started again or move.
 */
import { encodeUtf8 } from '@kvorum/common';
import type { ClientCore } from '@kvorum/client/core';
import type { Run, Scenario } from '../run/run.ts';
import type { ProcessId } from '../world/network.ts';
import { calmNetwork } from '../world/network.ts';
import { processName } from '../world/process-name.ts';

/** Clients find out by a timeout of 1 s that a connection is dead; then they ask the one node that they reach. */
const CUT_OFF_MS = [1100, 1500] as const;
/** So long nobody can lead. */
const LEADERLESS_MS = [300, 900] as const;
/** Of all frames while nobody can lead: heartbeats, and clients that ask again and again. */
const LEADERLESS_FRAMES_PER_MS_MAX = 1;
/** A client that reaches one node only may try each other one for 1 s before it is served by way of that one. */
const SERVED_MS_MAX = 6000;
/** A client at work asks for the layout every 5 s; one that has, knows where the last node to move is now. */
const BETWEEN_MOVES_MS = 7000;
/** As in new-addresses: another node leads and serves within this time. */
const GAP_MS_MAX = 1000;
/** Operations at once. */
const BURST = 24;

/** A client of each node, which may reach that one only. */
interface Neighbour {
  readonly home: ProcessId;
  readonly process: ProcessId;
  readonly core: ClientCore;
}

export const forwarding: Scenario = {
  name: 'forwarding-5',
  summary:
    'each client reaches one node only, a majority is cut off and started again, and frames arrive twice and late: what was refused has no effect, no request goes in circles, and afterwards each node passes on again',
  nodes: 5,
  replication: 5,
  partitions: 1,
  seconds: 20,
  run(run) {
    const { world, random } = run;
    run.form();
    const neighbours = openNeighbours(run);
    const timeoutMs = random.pick([150, 250, 400]);
    const pauseMsMax = random.pick([1000, 2000, 3000]);
    run.startLoad({ clients: 16, readers: 4, keys: 2, counters: 1, pauseMs: [0, pauseMsMax], timeoutMs });
    const endMs = world.nowMs + run.durationMs;
    while (world.nowMs < endMs) {
      cutClients(run);
      noisy(run);
      world.runFor(random.int(...CUT_OFF_MS));
      loseMajority(run);
      world.network.healAll();
      world.runFor(random.int(500, 3000));
      // Sees what came of the first one.
      burst(run);
      world.runFor(timeoutMs);
    }
    run.heal();
    requireServed(run, neighbours);
    run.heal();
    run.finish({ okShareMin: 0.3, faultyShareMin: 0.2, okRateMin: 0.25 });
  },
};

export const allNodesMove: Scenario = {
  name: 'all-nodes-move',
  summary:
    'every node in turn comes back on another port, until no address is left that a client began with; all clients at work are served all the time',
  nodes: 3,
  partitions: 2,
  seconds: 20,
  run(run) {
    const { nemesis, world, random } = run;
    run.form();
    run.startLoad({ pauseMs: [0, 200] });
    const endMs = world.nowMs + run.durationMs;
    const order = random.shuffle(world.processes);
    for (let moves = 0; world.nowMs < endMs; moves += 1) {
      const process = order[moves % order.length] ?? 0;
      nemesis.move(process);
      const nextMs = world.nowMs + BETWEEN_MOVES_MS;
      while (world.nowMs < nextMs) {
        run.longest('longest gap ms', run.requireProgress(GAP_MS_MAX, `after ${processName(process)} had moved`));
        world.runFor(random.int(200, 1000));
      }
    }
    run.heal();
    run.finish({ okShareMin: 0.63, okRateMin: 0.97 });
  },
};

export const fullSessions: Scenario = {
  name: 'full-sessions',
  summary:
    'many clients share a session that keeps few replies, and few commands may be pending: what is refused is tried again in another order, and every operation is answered',
  nodes: 3,
  partitions: 1,
  seconds: 10,
  limits: (random) => ({
    replyBytesPerSessionMax: random.int(32, 200),
    pendingCommandsPerGroupMax: random.int(2, 6),
  }),
  run(run) {
    const { world, random } = run;
    run.form();
    run.startLoad({ clients: 12, clientsPerConnection: 12, pauseMs: [0, random.pick([20, 100])] });
    const endMs = world.nowMs + run.durationMs;
    while (world.nowMs < endMs) {
      burst(run);
      world.runFor(1000);
    }
    run.finish({ okShareMin: 0.05, okRateMin: 1 });
  },
};

export const routing: readonly Scenario[] = [forwarding, allNodesMove, fullSessions];

function openNeighbours(run: Run): readonly Neighbour[] {
  const { world } = run;
  const neighbours = world.processes.map((home) => ({ home, ...world.client() }));
  let waiting = neighbours.length;
  for (const { core } of neighbours) core.whenReady(SERVED_MS_MAX, () => (waiting -= 1));
  run.require(
    world.runUntil(() => waiting === 0, SERVED_MS_MAX),
    'a new client did not learn the layout',
  );
  return neighbours;
}

/** Each client of the load reaches one node. */
function cutClients({ nemesis, load, world, random }: Run): void {
  const homes = new Map(load.processes.map((client) => [client, random.pick(world.processes)]));
  nemesis.cutClients(load.processes, (client, process) => homes.get(client) === process);
}

function noisy({ nemesis, random }: Run): void {
  const [duplication, clientDuplication] = random.pick([
    [0.5, 0],
    [0, 0.5],
    [0.3, 0.3],
  ] as const);
  nemesis.noise({
    ...calmNetwork,
    delayUs: [100, random.pick([600, 20_000, 50_000])],
    duplication,
    clientDuplication,
  });
}

function burst({ nemesis, load }: Run): void {
  nemesis.overload(BURST, () => load.burst(BURST));
}

/** Two nodes see each other and nobody else: all they can do is refuse. */
function loseMajority(run: Run): void {
  const { nemesis, world, random } = run;
  const [a = 0, b = 0, ...lost] = random.shuffle(world.processes);
  // A node that is down refuses connections at once, so that its clients ask others to pass on.
  for (const process of lost) if (random.chance(0.5)) nemesis.crash(process);
  nemesis.keepOnly((x, y) => (x === a || x === b) && (y === a || y === b));
  burst(run);
  const framesBefore = world.network.figures.delivered;
  const startMs = world.nowMs;
  world.runFor(random.int(...LEADERLESS_MS));
  const framesPerMs = (world.network.figures.delivered - framesBefore) / (world.nowMs - startMs);
  run.expect(
    framesPerMs <= LEADERLESS_FRAMES_PER_MS_MAX,
    `${framesPerMs.toFixed(2)} frames per ms while nobody could lead`,
  );
  world.startAll();
  const restarts = random.pick([0, 0.4, 0.8]);
  for (const process of world.processes) {
    if (random.chance(restarts)) nemesis.storm(process, [random.int(20, 200), random.int(20, 200)]);
  }
}

/** Whichever node a client reaches, it is served by way of it. */
function requireServed(run: Run, neighbours: readonly Neighbour[]): void {
  const { nemesis, world } = run;
  const homes = new Map(neighbours.map(({ process, home }) => [process, home]));
  nemesis.cutClients([...homes.keys()], (client, process) => homes.get(client) === process);
  const startMs = world.nowMs;
  const unserved = new Set(neighbours);
  for (const neighbour of neighbours) {
    const key = encodeUtf8(`neighbour-${neighbour.home}`);
    neighbour.core.submit({ type: 'put', key, value: key }, SERVED_MS_MAX, (outcome) => {
      if (!(outcome instanceof Error)) unserved.delete(neighbour);
    });
  }
  world.runUntil(() => unserved.size === 0, SERVED_MS_MAX);
  run.longest('served by way of one node after ms', world.nowMs - startMs);
  for (const { home } of unserved) run.expect(false, `a client that reaches only ${processName(home)} is not served`);
}
