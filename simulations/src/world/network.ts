/**
 * The simulated network: frames between nodes, which may be lost, repeated and overtaken, and client connections, which
 * keep their order and may break. Links are cut by direction and between any two processes.
 */
import type { Connection, ConnectionHandlers } from '@kvorum/common';
import type { RandomStream } from './random-stream.ts';
import type { Schedule } from './schedule.ts';
import type { Trace } from './trace.ts';

/** A process of the world: nodes and clients share one numbering. */
export type ProcessId = number;

export interface NetworkFaults {
  /** One-way delay, microseconds. */
  delayUs: readonly [min: number, max: number];
  /** Probability that a frame between nodes is lost, and that it arrives twice. */
  loss: number;
  duplication: number;
  /** Probability that a client frame breaks its connection, and that a request arrives twice. */
  clientReset: number;
  clientDuplication: number;
}

export const calmNetwork: NetworkFaults = {
  delayUs: [100, 600],
  loss: 0,
  duplication: 0,
  clientReset: 0,
  clientDuplication: 0,
};

/** What a listening node does with connections. */
export interface Acceptor {
  accept(connection: Connection): { onFrame(frame: Uint8Array): void; onClose(): void };
}

export interface NetworkFigures {
  delivered: number;
  lost: number;
  duplicated: number;
  blocked: number;
  resets: number;
}

/** How long a connection over a cut link stands before its ends notice. */
const HALF_OPEN_US: readonly [number, number] = [500_000, 3_000_000];

export class Network {
  readonly #schedule: Schedule;
  readonly #random: RandomStream;
  readonly #trace: Trace;
  readonly #cut = new Set<string>();
  readonly #acceptors = new Map<ProcessId, Acceptor>();
  readonly #links = new Set<SimulatedLink>();
  readonly figures: NetworkFigures = { delivered: 0, lost: 0, duplicated: 0, blocked: 0, resets: 0 };
  faults: NetworkFaults = { ...calmNetwork };

  constructor(schedule: Schedule, random: RandomStream, trace: Trace) {
    this.#schedule = schedule;
    this.#random = random;
    this.#trace = trace;
  }

  // ---- links ----

  cutOneWay(from: ProcessId, to: ProcessId): void {
    this.#cut.add(`${from}>${to}`);
  }

  cut(a: ProcessId, b: ProcessId): void {
    this.cutOneWay(a, b);
    this.cutOneWay(b, a);
  }

  healAll(): void {
    this.#cut.clear();
  }

  isCut(from: ProcessId, to: ProcessId): boolean {
    return this.#cut.has(`${from}>${to}`);
  }

  // ---- nodes ----

  listen(process: ProcessId, acceptor: Acceptor | undefined): void {
    if (acceptor === undefined) this.#acceptors.delete(process);
    else this.#acceptors.set(process, acceptor);
  }

  /** A frame between nodes; `receive` is asked when it arrives, and gives undefined when nobody is there. */
  send(
    from: ProcessId,
    to: ProcessId,
    frame: Uint8Array,
    receive: () => ((frame: Uint8Array) => void) | undefined,
  ): void {
    if (this.#random.chance(this.faults.loss)) {
      this.figures.lost += 1;
      return;
    }
    const copies = this.#random.chance(this.faults.duplication) ? 2 : 1;
    this.figures.duplicated += copies - 1;
    for (let copy = 0; copy < copies; copy += 1) {
      this.#schedule.after(this.#delayUs() * (copy === 0 ? 1 : 20), () => {
        if (this.isCut(from, to)) {
          this.figures.blocked += 1;
          return;
        }
        const deliver = receive();
        if (deliver === undefined) return;
        this.#note(from, to, frame);
        deliver(frame);
      });
    }
  }

  // ---- client connections ----

  dial(from: ProcessId, to: ProcessId, handlers: ConnectionHandlers, isAlive: () => boolean): Connection {
    const link = new SimulatedLink(this, from, to, handlers, isAlive);
    this.#links.add(link);
    this.#schedule.after(this.#delayUs(), () => link.arrive(this.#acceptors.get(to)));
    return link.dialerEnd;
  }

  /** The process is gone: its connections are reset. */
  breakConnections(process: ProcessId): void {
    for (const link of this.#links) if (link.isOf(process)) link.break('connection reset');
  }

  forget(link: SimulatedLink): void {
    this.#links.delete(link);
  }

  #delayUs(): number {
    return this.#random.int(...this.faults.delayUs);
  }

  #note(from: ProcessId, to: ProcessId, frame: Uint8Array): void {
    this.figures.delivered += 1;
    this.#trace.delivered(this.#schedule.nowUs, from, to, frame);
  }

  /** For links: when a frame sent now arrives, not before an earlier one. */
  arrivalUs(notBeforeUs: number): number {
    return Math.max(notBeforeUs + 1, this.#schedule.nowUs + this.#delayUs());
  }

  at(timeUs: number, run: () => void): void {
    this.#schedule.after(timeUs - this.#schedule.nowUs, run);
  }

  halfOpenUs(): number {
    return this.#random.int(...HALF_OPEN_US);
  }

  breaks(): boolean {
    return this.#random.chance(this.faults.clientReset);
  }

  repeats(): boolean {
    return this.#random.chance(this.faults.clientDuplication);
  }

  delivered(from: ProcessId, to: ProcessId, frame: Uint8Array): void {
    this.#note(from, to, frame);
  }
}

/** A client connection: two ordered directions, which break together. */
class SimulatedLink {
  readonly #network: Network;
  readonly #from: ProcessId;
  readonly #to: ProcessId;
  readonly #dialer: ConnectionHandlers;
  readonly #dialerAlive: () => boolean;
  #server: ReturnType<Acceptor['accept']> | undefined;
  #broken = false;
  #toServerUs = 0;
  #toDialerUs = 0;
  readonly dialerEnd: Connection;

  constructor(
    network: Network,
    from: ProcessId,
    to: ProcessId,
    dialer: ConnectionHandlers,
    dialerAlive: () => boolean,
  ) {
    this.#network = network;
    this.#from = from;
    this.#to = to;
    this.#dialer = dialer;
    this.#dialerAlive = dialerAlive;
    this.dialerEnd = this.#end((frame) => this.#carry(frame, true));
  }

  isOf(process: ProcessId): boolean {
    return this.#from === process || this.#to === process;
  }

  /** The connection request reaches the other side. */
  arrive(acceptor: Acceptor | undefined): void {
    if (this.#broken) return;
    if (this.#isCut()) {
      this.#loseTouch();
    } else if (acceptor === undefined) {
      this.break('connection refused');
    } else {
      this.#server = acceptor.accept(this.#end((frame) => this.#carry(frame, false)));
      this.#network.at(this.#network.arrivalUs(0), () => {
        if (!this.#broken && this.#dialerAlive()) this.#dialer.onOpen();
      });
    }
  }

  break(reason: string): void {
    if (this.#broken) return;
    this.#broken = true;
    this.#network.forget(this);
    const server = this.#server;
    this.#network.at(this.#network.arrivalUs(0), () => {
      server?.onClose();
      if (this.#dialerAlive()) this.#dialer.onClose(reason);
    });
  }

  #end(send: (frame: Uint8Array) => void): Connection {
    return {
      remote: `process ${this.#from}`,
      send,
      backlogBytes: () => 0,
      close: (reason) => this.break(`closed: ${reason}`),
    };
  }

  #carry(frame: Uint8Array, toServer: boolean): void {
    if (this.#broken) return;
    const [from, to] = toServer ? [this.#from, this.#to] : [this.#to, this.#from];
    const at = this.#network.arrivalUs(toServer ? this.#toServerUs : this.#toDialerUs);
    if (toServer) this.#toServerUs = at;
    else this.#toDialerUs = at;
    const deliver = (): void => {
      if (this.#broken) return;
      if (this.#isCut()) {
        this.#loseTouch();
        return;
      }
      this.#network.delivered(from, to, frame);
      if (toServer) this.#server?.onFrame(frame);
      else if (this.#dialerAlive()) this.#dialer.onFrame(frame);
      if (this.#network.breaks()) {
        this.#network.figures.resets += 1;
        this.break('connection reset');
      }
    };
    this.#network.at(at, deliver);
    // A request that a middlebox or a retry repeats much later.
    if (toServer && this.#network.repeats()) this.#network.at(at + this.#network.halfOpenUs(), deliver);
  }

  #isCut(): boolean {
    return this.#network.isCut(this.#from, this.#to) || this.#network.isCut(this.#to, this.#from);
  }

  /** Nothing gets through; the ends notice later. */
  #loseTouch(): void {
    this.#network.at(this.#network.arrivalUs(0) + this.#network.halfOpenUs(), () => this.break('timed out'));
  }
}
