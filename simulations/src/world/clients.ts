/**
 * The client processes of a simulated world. As nodes they are started, die, stand still and have clocks that drift; unlike them
 * they keep nothing: who is started again is another client.
 */
import type { Address, Clock, Dialer } from '@kvorum/common';
import { ClientCore, defaultClientTimings } from '@kvorum/client/core';
import type { Network, ProcessId } from './network.ts';
import type { Fence } from './process.ts';
import { SimulatedProcess } from './process.ts';
import { FIRST_CLIENT, processName } from './process-name.ts';
import type { RandomSource } from './random-stream.ts';
import type { Schedule } from './schedule.ts';

/** A client that is up: when it is started again, it is another one. */
export interface SimulatedClient {
  readonly core: ClientCore;
  readonly process: ProcessId;
  readonly clock: Clock;
}

/** A machine that a client runs on. */
interface ClientMachine {
  readonly host: SimulatedProcess;
  starts: number;
  crashes: number;
  sent: number;
}

/** The world around them. */
export interface ClientSurroundings {
  readonly schedule: Schedule;
  readonly random: RandomSource;
  readonly network: Network;
  readonly turnUs: () => number;
  /** Where the nodes are. */
  readonly addresses: () => Address[];
  dialer(process: ProcessId, fence: Fence, onPoint: (what: string) => void): Dialer;
  note(line: string): void;
}

export class SimulatedClients {
  readonly #world: ClientSurroundings;
  readonly #machines = new Map<ProcessId, ClientMachine>();
  /** How fast the clock of a client runs, from its next start on. */
  clockRate: (process: ProcessId) => number = () => 1;

  constructor(world: ClientSurroundings) {
    this.#world = world;
  }

  get processes(): readonly ProcessId[] {
    return [...this.#machines.keys()];
  }

  /** A new client process, started. */
  add(): SimulatedClient {
    const process = FIRST_CLIENT + this.#machines.size;
    this.#machines.set(process, { host: new SimulatedProcess(this.#world.schedule), starts: 0, crashes: 0, sent: 0 });
    return this.start(process);
  }

  /** Starts a client that is not running. */
  start(process: ProcessId): SimulatedClient {
    const machine = this.#machine(process);
    const { host } = machine;
    const purpose = machine.starts === 0 ? `client ${process}` : `client ${process} ${machine.starts}`;
    machine.starts += 1;
    host.clockRate = this.clockRate(process);
    const fence = host.fence();
    const clock = fence.clock(undefined, this.#world.turnUs);
    const random = this.#world.random.stream(purpose);
    const seeds = random.shuffle(this.#world.addresses());
    const dialer = this.#world.dialer(process, fence, (what) => {
      if (what === 'request: sent') machine.sent += 1;
    });
    const core = new ClientCore({ clock, random, dialer, timings: defaultClientTimings }, seeds);
    return { core, process, clock };
  }

  /** Nothing of it runs any more, and nobody hears what became of its operations. */
  crash(process: ProcessId): void {
    const machine = this.#machine(process);
    machine.crashes += 1;
    machine.host.nextIncarnation();
    this.#world.network.breakConnections(process);
    this.#world.note(`${processName(process)} crashes`);
  }

  pause(process: ProcessId): void {
    this.#machine(process).host.pause();
    this.#world.note(`${processName(process)} stands still`);
  }

  resume(process: ProcessId): void {
    const { host } = this.#machine(process);
    if (!host.standsStill) return;
    this.#world.note(`${processName(process)} goes on`);
    host.resume();
  }

  host(process: ProcessId): SimulatedProcess {
    return this.#machine(process).host;
  }

  crashes(process: ProcessId): number {
    return this.#machine(process).crashes;
  }

  /** How long the client has stood still so far, by its own clock, milliseconds. */
  stoodStillMs(process: ProcessId): number {
    const { host } = this.#machine(process);
    return (host.stoodStillUs / 1000) * host.clockRate;
  }

  /** Frames that the client has sent so far. */
  sent(process: ProcessId): number {
    return this.#machine(process).sent;
  }

  #machine(process: ProcessId): ClientMachine {
    const machine = this.#machines.get(process);
    if (machine === undefined) throw new RangeError(`no client ${process}`);
    return machine;
  }
}
