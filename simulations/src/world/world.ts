/**
 * A simulated cluster: the production node and client on virtual time, network and disks. A seed decides everything.
 *
 * Invariant: every callback that a process gave to the world is fenced by that process's incarnation, so nothing outlives a
 * crash.
 */
import type { Address, Clock, Dialer, Logger, NodeId, PeerTransport } from '@kvorum/common';
import { formatAddress } from '@kvorum/common';
import { ClientCore } from '@kvorum/client/core';
import type { ClientLink } from '@kvorum/server/core';
import { Node } from '@kvorum/server/core';
import { Disk } from './disk.ts';
import type { ProcessId } from './network.ts';
import { Network } from './network.ts';
import { RandomStream } from './random-stream.ts';
import { Schedule } from './schedule.ts';
import { Trace } from './trace.ts';

export interface WorldOptions {
  readonly seed: number;
  readonly nodes: number;
  readonly partitions: number;
  readonly replication: number;
}

/** The simulated wall clock starts here: 2026-01-01. */
const EPOCH_MS = 1_767_225_600_000;
const PORT = 45678;
/** Clients are numbered from here on. */
const FIRST_CLIENT = 1000;

interface SimulatedNode {
  readonly process: ProcessId;
  readonly address: Address;
  readonly disk: Disk;
  /** Grows with every start and crash; even while it is down. */
  incarnation: number;
  node: Node | undefined;
  receive: ((from: NodeId, frame: Uint8Array) => void) | undefined;
}

export class World {
  readonly options: WorldOptions;
  readonly schedule: Schedule;
  readonly trace = new Trace();
  readonly network: Network;
  readonly #nodes: SimulatedNode[] = [];
  readonly #nodeRandom: RandomStream;
  #clients = 0;

  constructor(options: WorldOptions) {
    const { seed } = options;
    this.options = options;
    this.schedule = new Schedule(new RandomStream(seed, 'ties'));
    this.network = new Network(this.schedule, new RandomStream(seed, 'network'), this.trace);
    this.#nodeRandom = new RandomStream(seed, 'nodes');
    for (let process = 0; process < options.nodes; process += 1) {
      const disk = new Disk(new RandomStream(seed, `disk ${process}`), { commitUs: [200, 2000] });
      const address = { host: `node-${process}`, port: PORT };
      this.#nodes.push({ process, address, disk, incarnation: 0, node: undefined, receive: undefined });
    }
  }

  get nowMs(): number {
    return this.schedule.nowUs / 1000;
  }

  /** Processes that are up. */
  get up(): readonly ProcessId[] {
    return this.#nodes.filter((entry) => entry.node !== undefined).map((entry) => entry.process);
  }

  get processes(): readonly ProcessId[] {
    return this.#nodes.map((entry) => entry.process);
  }

  node(process: ProcessId): Node | undefined {
    return this.#entry(process).node;
  }

  disk(process: ProcessId): Disk {
    return this.#entry(process).disk;
  }

  /** The process that runs the node with this id. */
  processOf(id: NodeId): ProcessId | undefined {
    return this.#nodes.find((entry) => entry.node?.id === id)?.process;
  }

  // ---- processes ----

  start(process: ProcessId): void {
    const entry = this.#entry(process);
    if (entry.node !== undefined) return;
    entry.incarnation += 1;
    const { incarnation } = entry;
    const isAlive = (): boolean => entry.incarnation === incarnation;
    const later = (delayUs: number, run: () => void): (() => void) =>
      this.schedule.after(delayUs, () => {
        if (isAlive()) run();
      });
    const bootstrap = this.#entry(0).address;
    const node = new Node(
      {
        clock: this.#clock(later),
        random: this.#nodeRandom,
        logger: this.#logger(`node-${process}`),
        transport: this.#transport(entry, isAlive),
        dialer: this.#dialer(process, isAlive),
        logStorage: entry.disk.logStorage(later),
        stateStorage: entry.disk.stateStorage(later),
      },
      {
        address: entry.address,
        join: process === 0 ? undefined : bootstrap,
        clusterSize: this.options.nodes,
        partitions: this.options.partitions,
        replication: this.options.replication,
        onRejected: (reason) => this.note(`node-${process} rejected: ${reason}`),
      },
    );
    entry.node = node;
    this.network.listen(process, {
      accept: (connection) => {
        const link: ClientLink = node.openClient(connection);
        return {
          onFrame: (frame) => {
            if (isAlive()) node.onClientFrame(link, frame);
          },
          onClose: () => {
            if (isAlive()) node.onClientClose(link);
          },
        };
      },
    });
    this.note(`node-${process} starts`);
    node.start();
  }

  startAll(): void {
    for (const process of this.processes) this.start(process);
  }

  /** Power off: whatever was not committed is gone. */
  crash(process: ProcessId): void {
    const entry = this.#entry(process);
    if (entry.node === undefined) return;
    entry.incarnation += 1;
    entry.node = undefined;
    entry.receive = undefined;
    this.network.listen(process, undefined);
    this.network.breakConnections(process);
    this.note(`node-${process} crashes`);
  }

  /** A client process; it does not crash. */
  client(): { readonly core: ClientCore; readonly process: ProcessId; readonly clock: Clock } {
    const process = FIRST_CLIENT + this.#clients;
    this.#clients += 1;
    const later = (delayUs: number, run: () => void): (() => void) => this.schedule.after(delayUs, run);
    const clock = this.#clock(later);
    const random = new RandomStream(this.options.seed, `client ${process}`);
    const seeds = random.shuffle(this.#nodes.map((entry) => entry.address));
    const core = new ClientCore({ clock, random, dialer: this.#dialer(process, () => true) }, seeds);
    return { core, process, clock };
  }

  // ---- time ----

  /** Runs for so long. */
  runFor(ms: number): void {
    this.runUntil(() => false, ms);
  }

  /** Runs until the condition holds, looking every millisecond; false when it does not within `limitMs`. */
  runUntil(condition: () => boolean, limitMs: number): boolean {
    const endUs = this.schedule.nowUs + limitMs * 1000;
    let over = false;
    let held = false;
    const look = (): void => {
      held = condition();
      if (held || this.schedule.nowUs >= endUs) over = true;
      else this.schedule.after(Math.min(1000, endUs - this.schedule.nowUs), look);
    };
    look();
    while (!over && this.schedule.step());
    return held;
  }

  note(line: string): void {
    this.trace.note(this.schedule.nowUs, line);
  }

  // ---- ports ----

  #clock(later: (delayUs: number, run: () => void) => () => void): Clock {
    return {
      monotonicMs: () => this.nowMs,
      wallMs: () => EPOCH_MS + this.nowMs,
      setTimer: (delayMs, callback) => later(delayMs * 1000, callback),
      // The end of a turn: after whatever else happens at this very time, and a little work.
      defer: (callback) => void later(5, callback),
    };
  }

  #logger(name: string): Logger {
    const line = (message: string): void => this.note(`${name}: ${message}`);
    return { debug: () => undefined, info: line, warn: line, error: line };
  }

  #transport(self: SimulatedNode, isAlive: () => boolean): PeerTransport {
    const processes = new Map<NodeId, ProcessId>();
    let selfId: NodeId = 0;
    return {
      setPeers: (id, _clusterId, peers, handlers) => {
        selfId = id;
        for (const peer of peers) processes.set(peer.id, this.#processAt(peer.address));
        self.receive = (from, frame) => {
          if (isAlive()) handlers.onFrame(from, frame);
        };
      },
      send: (to, frame) => {
        const target = this.#nodes[processes.get(to) ?? -1];
        if (target === undefined) return;
        const from = selfId;
        this.network.send(self.process, target.process, frame, () => {
          const { receive } = target;
          return receive && ((bytes) => receive(from, bytes));
        });
      },
    };
  }

  #dialer(process: ProcessId, isAlive: () => boolean): Dialer {
    return { dial: (address, handlers) => this.network.dial(process, this.#processAt(address), handlers, isAlive) };
  }

  #processAt(address: Address): ProcessId {
    const name = formatAddress(address);
    return this.#nodes.findIndex((entry) => formatAddress(entry.address) === name);
  }

  #entry(process: ProcessId): SimulatedNode {
    const entry = this.#nodes[process];
    if (entry === undefined) throw new RangeError(`no process ${process}`);
    return entry;
  }
}
