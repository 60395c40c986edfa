/**
 * A simulated cluster: the production node and client on virtual time, network and disks. A seed decides everything.
 *
 * Invariant: every callback that a process gave to the world is fenced by that process's incarnation, so nothing outlives a
 * crash.
 */
import type { Address, Clock, Dialer, Logger, NodeId, PeerTransport, Settings } from '@kvorum/common';
import { defaultSettings, formatAddress, MetricsRegistry, nodeName } from '@kvorum/common';
import type { ClientLink, ProtocolTable } from '@kvorum/server/core';
import { CorruptRecord, Node, protocols } from '@kvorum/server/core';
import type { SimulatedClient } from './clients.ts';
import { SimulatedClients } from './clients.ts';
import { COMMIT_US, Disk } from './disk.ts';
import type { ProcessId } from './network.ts';
import { Network } from './network.ts';
import { SimulatedPeerTransport } from './peer-transport.ts';
import type { Fence } from './process.ts';
import { SHORTEST_TURN_US, SimulatedProcess } from './process.ts';
import { isClient, processName } from './process-name.ts';
import type { Branch, RandomStream } from './random-stream.ts';
import { RandomSource } from './random-stream.ts';
import { Schedule } from './schedule.ts';
import { Trace } from './trace.ts';

export interface WorldOptions {
  readonly seed: number;
  readonly nodes: number;
  readonly partitions: number;
  readonly replication: number;
  /** Of every node. Default: those of production. */
  readonly settings?: Settings;
  /**
   * The longest turn of an event loop, microseconds; each takes up to that long, and takes all that comes in meanwhile
   * together. Default: one of {@link LONGEST_TURNS_US}, by the seed.
   */
  readonly turnUsMax?: number | undefined;
  /** What the groups that hold keys run, and what nodes know. Default: as in production. */
  readonly protocol?: string;
  readonly protocols?: ProtocolTable;
}

/** From turns with hardly ever more than one input to those of a process that is short of processor time. */
const LONGEST_TURNS_US = [SHORTEST_TURN_US, SHORTEST_TURN_US, 50, 500, 2000, 5000];

const PORT = 45678;
/** A node that was started checks in within this time. */
const CHECK_IN_MS_MAX = 100;

/** A machine that a node runs on. */
class Machine extends SimulatedProcess {
  readonly process: ProcessId;
  address: Address;
  disk: Disk;
  /** The node that it asks to join; undefined for the one that forms the cluster. */
  join: Address | undefined;
  node: Node | undefined;
  /** Since its last start. */
  transport: SimulatedPeerTransport | undefined;
  /** The id that it was last known by in the cluster. */
  namedId: NodeId | undefined;
  /** Why its node cannot be started. */
  broken: string | undefined;
  /** Its disk was replaced: what runs here since is another node. */
  wiped = false;
  moves = 0;
  crashes = 0;
  /** It was a member when it was up the last time. */
  wasMember = false;
  /** What its node measures since its last start. */
  metrics = new MetricsRegistry();

  constructor(schedule: Schedule, process: ProcessId, disk: Disk, join: Address | undefined) {
    super(schedule);
    this.process = process;
    this.address = addressOf(process, 0);
    this.disk = disk;
    this.join = join;
  }
}

function addressOf(process: ProcessId, moves: number): Address {
  return { host: processName(process), port: PORT + moves };
}

/** Thrown at a point where the power goes: nothing of the process runs after it. */
export class PowerOff extends Error {}

/** Told of every point at which a crash would leave something else behind; it may throw {@link PowerOff}. */
export type PointWatcher = (process: ProcessId, what: string, frame?: Uint8Array) => void;

/** Told of what happens to nodes, as far as it cares. */
export interface WorldWatcher {
  /** A node ended a turn of its event loop. */
  onTurn?(process: ProcessId): void;
  onUp?(process: ProcessId): void;
  onDown?(process: ProcessId): void;
  onNote?(line: string): void;
}

export class World {
  readonly options: WorldOptions;
  readonly schedule: Schedule;
  readonly random: RandomSource;
  readonly trace = new Trace();
  readonly network: Network;
  readonly clients: SimulatedClients;
  readonly #machines: Machine[] = [];
  readonly #nodeRandom: RandomStream;
  readonly #turnUs: () => number;
  #watchers: readonly WorldWatcher[] = [];
  onPoint: PointWatcher | undefined;
  readonly #settings: Settings;

  constructor(options: WorldOptions) {
    const { seed } = options;
    this.options = options;
    this.#settings = options.settings ?? defaultSettings;
    this.schedule = new Schedule(seed);
    this.random = new RandomSource(seed);
    this.network = new Network(this.schedule, this.random.stream('network'), this.trace);
    this.#nodeRandom = this.random.stream('nodes');
    const turns = this.random.stream('turns');
    const bySeed = turns.pick(LONGEST_TURNS_US);
    const turnUsMax = options.turnUsMax ?? bySeed;
    this.#turnUs = turnUsMax <= SHORTEST_TURN_US ? () => SHORTEST_TURN_US : () => turns.int(0, turnUsMax);
    this.clients = new SimulatedClients({
      schedule: this.schedule,
      random: this.random,
      network: this.network,
      turnUs: this.#turnUs,
      addresses: () => this.#machines.map(({ address }) => address),
      dialer: (process, fence, onPoint) => this.#dialer(process, fence, onPoint),
      note: (line) => this.note(line),
    });
    for (let process = 0; process < options.nodes; process += 1) {
      const join = process === 0 ? undefined : addressOf(0, 0);
      const machine = new Machine(this.schedule, process, this.#newDisk(process, 0), join);
      machine.onThrow = (error) => this.#onThrow(machine, error);
      this.#machines.push(machine);
    }
  }

  get nowMs(): number {
    return this.schedule.nowUs / 1000;
  }

  /** Processes whose node is up. */
  get up(): readonly ProcessId[] {
    return this.#machines.filter((machine) => machine.node !== undefined).map((machine) => machine.process);
  }

  get processes(): readonly ProcessId[] {
    return this.#machines.map((machine) => machine.process);
  }

  /** Processes whose disk still is the one that the cluster was formed with, and is not damaged. */
  get sound(): readonly ProcessId[] {
    return this.#machines
      .filter((machine) => !machine.wiped && !machine.disk.damaged)
      .map((machine) => machine.process);
  }

  node(process: ProcessId): Node | undefined {
    return this.#machine(process).node;
  }

  disk(process: ProcessId): Disk {
    return this.#machine(process).disk;
  }

  /** What the node of the process has measured since it was started. */
  metrics(process: ProcessId): MetricsRegistry {
    const { metrics, node, transport } = this.#machine(process);
    node?.collectMetrics();
    transport?.collect();
    return metrics;
  }

  /** How often the node or client went down. */
  crashes(process: ProcessId): number {
    return isClient(process) ? this.clients.crashes(process) : this.#machine(process).crashes;
  }

  /** How often something of the node or client was due while it stood still. */
  postponed(process: ProcessId): number {
    return this.#host(process).postponed;
  }

  /** What the clocks of a node or client say now. */
  clockOf(process: ProcessId): Clock {
    return this.#host(process).fence().clock();
  }

  address(process: ProcessId): Address {
    return this.#machine(process).address;
  }

  #host(process: ProcessId): SimulatedProcess {
    return isClient(process) ? this.clients.host(process) : this.#machine(process);
  }

  /** Why the node cannot be started any more; undefined while it can. */
  brokenBecause(process: ProcessId): string | undefined {
    return this.#machine(process).broken;
  }

  /** The process that runs the node with this id. */
  processOf(id: NodeId): ProcessId | undefined {
    return this.#machines.find((machine) => machine.node?.id === id)?.process;
  }

  /** Returns how to stop watching. */
  watch(watcher: WorldWatcher): () => void {
    this.#watchers = [...this.#watchers, watcher];
    return () => {
      this.#watchers = this.#watchers.filter((other) => other !== watcher);
    };
  }

  // ---- processes ----

  /** Starts the node, unless it is up or its disk does not let it. */
  start(process: ProcessId): void {
    const machine = this.#machine(process);
    if (machine.node !== undefined || machine.broken !== undefined) return;
    machine.nextIncarnation();
    const fence = machine.fence();
    if (machine.wasMember) machine.join = this.#whereTheClusterIs(machine);
    this.note(`${processName(process)} starts`);
    fence.enter(() => {
      const node = this.#createNode(machine, fence);
      machine.node = node;
      for (const watcher of this.#watchers) watcher.onUp?.(process);
      this.network.listen(process, {
        accept: (connection) => {
          const send = (frame: Uint8Array): void => {
            this.onPoint?.(process, 'reply: before');
            connection.send(frame);
            this.onPoint?.(process, 'reply: sent');
          };
          // The kernel accepts; a process that stands still hears of it later, and of the frames after that.
          let link: ClientLink;
          fence.enter(() => (link = node.openClient({ ...connection, send })));
          return {
            onFrame: (frame) => fence.enter(() => node.onClientFrame(link, frame)),
            onClose: () => fence.enter(() => node.onClientClose(link)),
          };
        },
      });
      node.start();
    });
  }

  /** Starts each node once the one before it has checked in, so that process 0 is n1 and process 1 is n2. */
  startInOrder(): void {
    const checkedIn = (): unknown => this.#machine(0).node?.status()['present'];
    for (const process of this.processes) {
      this.start(process);
      if (process < this.options.nodes - 1) this.runUntil(() => checkedIn() === process + 1, CHECK_IN_MS_MAX);
    }
  }

  startAll(): void {
    for (const process of this.processes) this.start(process);
  }

  /** Power off: whatever was not committed is gone. */
  crash(process: ProcessId): void {
    const machine = this.#machine(process);
    if (machine.node === undefined) return;
    this.#stop(machine);
    this.note(`${processName(process)} crashes`);
  }

  /** As SIGSTOP and SIGCONT do. */
  pause(process: ProcessId): void {
    const machine = this.#machine(process);
    if (machine.node === undefined || machine.standsStill) return;
    machine.pause();
    this.note(`${processName(process)} stands still`);
  }

  resume(process: ProcessId): void {
    const machine = this.#machine(process);
    if (!machine.standsStill) return;
    this.note(`${processName(process)} goes on`);
    machine.resume();
  }

  /** Replaces the disk by an empty one; a node that starts on it joins the cluster that `join` is in. */
  wipe(process: ProcessId, join: ProcessId): void {
    const machine = this.#machine(process);
    if (machine.node !== undefined) this.#stop(machine);
    machine.disk = this.#newDisk(process, this.schedule.nowUs);
    machine.broken = undefined;
    machine.wiped = true;
    machine.wasMember = false;
    machine.join = this.#machine(join).address;
    this.note(`${processName(process)} has an empty disk: what starts on it is another node`);
  }

  /** The node is down and will listen on another port; what asked the old one gets no answer. */
  move(process: ProcessId): void {
    const machine = this.#machine(process);
    if (machine.node !== undefined) this.#stop(machine);
    machine.moves += 1;
    machine.address = addressOf(process, machine.moves);
    this.note(`${processName(process)} moves to ${formatAddress(machine.address)}`);
  }

  /** The clock of its node runs at this rate from its next start on. */
  setClockRate(process: ProcessId, rate: number): void {
    this.#machine(process).clockRate = rate;
  }

  moveWallClock(process: ProcessId, byMs: number): void {
    this.#machine(process).wallOffsetMs += byMs;
    this.note(`the wall clock of ${processName(process)} jumps by ${byMs} ms`);
  }

  /** A new client process, started. */
  client(): SimulatedClient {
    return this.clients.add();
  }

  /** From that time on, a part of what is random goes on as with another seed. */
  branch({ atMs, seed, part }: Branch): void {
    this.schedule.first(atMs * 1000, () => {
      this.random.branch(seed, part);
      if (part !== 'faults') this.schedule.reseed(seed);
    });
  }

  // ---- time ----

  /** Runs for so long. */
  runFor(ms: number): void {
    this.schedule.runTo(this.schedule.nowUs + ms * 1000);
  }

  /** Runs until the condition holds, looking every so often; false when it does not within `limitMs`. */
  runUntil(condition: () => boolean, limitMs: number, everyMs = 1): boolean {
    const endUs = this.schedule.nowUs + limitMs * 1000;
    for (;;) {
      if (condition()) return true;
      if (this.schedule.nowUs >= endUs) return false;
      this.schedule.runTo(Math.min(this.schedule.nowUs + everyMs * 1000, endUs));
    }
  }

  note(line: string): void {
    this.trace.note(this.schedule.nowUs, line);
    for (const watcher of this.#watchers) watcher.onNote?.(line);
  }

  // ---- ports ----

  #createNode(machine: Machine, fence: Fence): Node {
    const { process } = machine;
    machine.metrics = new MetricsRegistry();
    const onPoint = (what: string): void => this.onPoint?.(process, what);
    const disk = {
      later: (delayUs: number, done: () => void) => void fence.later(delayUs, done),
      onFailure: (reason: string) => this.#fail(machine, `a write failed: ${reason}`),
      onPoint,
    };
    return new Node(
      {
        clock: fence.clock(() => this.#onTurn(process), this.#turnUs),
        random: this.#nodeRandom,
        logger: this.#logger(processName(process)),
        transport: this.#transport(machine, fence),
        dialer: this.#dialer(process, fence, onPoint),
        logStorage: machine.disk.logStorage(disk),
        stateStorage: machine.disk.stateStorage(disk),
        nodeRecords: machine.disk.nodeRecords(disk),
        metrics: machine.metrics,
      },
      {
        address: machine.address,
        join: machine.join,
        clusterSize: this.options.nodes,
        partitions: this.options.partitions,
        replication: this.options.replication,
        settings: this.#settings,
        protocols: this.options.protocols ?? protocols,
        ...(this.options.protocol === undefined ? {} : { protocol: this.options.protocol }),
        onRejected: (reason) => this.#fail(machine, `rejected: ${reason}`),
      },
    );
  }

  /** The process ends itself, as it does in production. */
  #fail(machine: Machine, reason: string): void {
    this.note(`${processName(machine.process)} stops: ${reason}`);
    this.#stop(machine);
  }

  #onThrow(machine: Machine, error: unknown): void {
    if (error instanceof PowerOff) {
      this.crash(machine.process);
      return;
    }
    if (!(error instanceof CorruptRecord)) throw error;
    machine.broken = error.message;
    this.#fail(machine, error.message);
  }

  /** What an operator would name with `-s`: a member that is up, else the one that is started next. */
  #whereTheClusterIs(machine: Machine): Address | undefined {
    const others = this.#machines.filter((other) => other !== machine && !other.wiped && other.broken === undefined);
    return (others.find((other) => other.node !== undefined) ?? others[0])?.address;
  }

  #stop(machine: Machine): void {
    const wasUp = machine.node !== undefined;
    if (wasUp) machine.crashes += 1;
    machine.wasMember ||= machine.node?.formed !== undefined;
    machine.nextIncarnation();
    machine.disk.crash();
    machine.node = undefined;
    machine.transport = undefined;
    this.network.listen(machine.process, undefined);
    this.network.breakConnections(machine.process);
    for (const other of this.processes) this.network.renewLink(machine.process, other);
    if (wasUp) for (const watcher of this.#watchers) watcher.onDown?.(machine.process);
  }

  #onTurn(process: ProcessId): void {
    this.onPoint?.(process, 'turn: ended');
    for (const watcher of this.#watchers) watcher.onTurn?.(process);
  }

  #logger(name: string): Logger {
    const line = (message: string): void => this.note(`${name}: ${message}`);
    return { debug: () => undefined, info: line, warn: line, error: line };
  }

  #transport(self: Machine, fence: Fence): PeerTransport {
    const { process, metrics } = self;
    self.transport = new SimulatedPeerTransport({
      process,
      network: this.network,
      settings: this.#settings,
      metrics,
      fence,
      processAt: (address) => this.#processAt(address),
      transportOf: (other) => this.#machine(other).transport,
      onPoint: (what, frame) => this.onPoint?.(process, what, frame),
      onIdentified: (id) => this.#noteOtherName(self, id),
    });
    return self.transport;
  }

  /** Once for each id: nodes write of each other by id. */
  #noteOtherName(machine: Machine, id: NodeId): void {
    const name = processName(machine.process);
    if (machine.namedId !== id && nodeName(id) !== name) this.note(`${name} is ${nodeName(id)} to the other nodes`);
    machine.namedId = id;
  }

  #dialer(process: ProcessId, fence: Fence, onPoint: (what: string) => void = () => undefined): Dialer {
    return {
      dial: (address, handlers) => {
        const connection = this.network.dial(process, this.#processAt(address), {
          onOpen: () => fence.enter(() => handlers.onOpen()),
          onFrame: (frame) => fence.enter(() => handlers.onFrame(frame)),
          onClose: (reason) => fence.enter(() => handlers.onClose(reason)),
        });
        const send = (frame: Uint8Array): void => {
          onPoint('request: before');
          connection.send(frame);
          onPoint('request: sent');
        };
        return { ...connection, send };
      },
    };
  }

  /** -1 where nobody listens. */
  #processAt(address: Address): ProcessId {
    const { host, port } = address;
    return this.#machines.findIndex((machine) => machine.address.port === port && machine.address.host === host);
  }

  #newDisk(process: ProcessId, generation: number): Disk {
    const purpose = generation === 0 ? `disk ${process}` : `disk ${process} ${generation}`;
    return new Disk(this.random.stream(purpose), { commitUs: COMMIT_US });
  }

  #machine(process: ProcessId): Machine {
    const machine = this.#machines[process];
    if (machine === undefined) throw new RangeError(`no process ${process}`);
    return machine;
  }
}
