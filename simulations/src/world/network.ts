/**
 * The simulated network: frames between nodes, which may be lost, repeated, delayed and overtaken, and client connections,
 * which keep their order, may be slow to read, half-open, and break. Links are cut by direction and between any two
 * processes.
 */
import type { Connection, ConnectionHandlers } from '@kvorum/common';
import type { Acceptor } from './client-connection.ts';
import { ClientConnection } from './client-connection.ts';
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

export interface NetworkFigures {
  delivered: number;
  lost: number;
  duplicated: number;
  blocked: number;
  resets: number;
}

/** What became of a frame. */
export type Fate = 'delivered' | 'repeated' | 'lost' | 'cut' | 'nobody';

/** Told of every frame, once its fate is known. */
export type FrameWatcher = (from: ProcessId, to: ProcessId, frame: Uint8Array, sentUs: number, fate: Fate) => void;

/** How long a connection over a cut link stands before its ends notice. */
const HALF_OPEN_US: readonly [number, number] = [500_000, 15_000_000];
/** How much later a repeated request arrives. */
const REPETITION_US: readonly [number, number] = [500_000, 3_000_000];
/** A repeated frame takes so many times as long as the first copy. */
const REPEATED_DELAY = 20;

/** What one process has sent to another over their present link, and the other has not taken in yet. */
interface OnTheWay {
  bytes: number;
}

export class Network {
  readonly schedule: Schedule;
  readonly #random: RandomStream;
  readonly #trace: Trace;
  readonly #cut = new Set<number>();
  /** Additional delay of a slow link, microseconds. */
  readonly #slow = new Map<number, number>();
  /** Clients that take so long to read a frame, microseconds. */
  readonly slowReaders = new Map<ProcessId, number>();
  /** How long such a client has let a frame wait, microseconds, the longest. */
  readonly slowestReads = new Map<ProcessId, number>();
  readonly #acceptors = new Map<ProcessId, Acceptor>();
  readonly #connections = new Set<ClientConnection>();
  /** Directions in which the present links between nodes carry nothing. */
  readonly #silent = new Set<number>();
  readonly #onTheWay = new Map<number, OnTheWay>();
  readonly figures: NetworkFigures = { delivered: 0, lost: 0, duplicated: 0, blocked: 0, resets: 0 };
  faults: NetworkFaults = { ...calmNetwork };
  #watchers: readonly FrameWatcher[] = [];

  constructor(schedule: Schedule, random: RandomStream, trace: Trace) {
    this.schedule = schedule;
    this.#random = random;
    this.#trace = trace;
  }

  /** Returns how to stop watching. */
  watch(watcher: FrameWatcher): () => void {
    this.#watchers = [...this.#watchers, watcher];
    return () => {
      this.#watchers = this.#watchers.filter((other) => other !== watcher);
    };
  }

  // ---- links ----

  cutOneWay(from: ProcessId, to: ProcessId): void {
    this.#cut.add(linkOf(from, to));
  }

  cut(a: ProcessId, b: ProcessId): void {
    this.cutOneWay(a, b);
    this.cutOneWay(b, a);
  }

  /** Everything from here to there takes so much longer. */
  slowDown(from: ProcessId, to: ProcessId, byUs: number): void {
    this.#slow.set(linkOf(from, to), byUs);
  }

  /** All links are whole and fast again, dead connections are reset, and clients read at once. */
  healAll(): void {
    this.#cut.clear();
    this.#slow.clear();
    this.slowReaders.clear();
    this.#silent.clear();
    for (const connection of this.#connections) {
      if (connection.isDead) connection.break('connection reset');
      else connection.hurry();
    }
  }

  isSlow(from: ProcessId, to: ProcessId): boolean {
    return this.#slow.has(linkOf(from, to));
  }

  isCut(from: ProcessId, to: ProcessId): boolean {
    return this.#cut.size > 0 && this.#cut.has(linkOf(from, to));
  }

  // ---- nodes ----

  listen(process: ProcessId, acceptor: Acceptor | undefined): void {
    if (acceptor === undefined) this.#acceptors.delete(process);
    else this.#acceptors.set(process, acceptor);
  }

  acceptorOf(process: ProcessId): Acceptor | undefined {
    return this.#acceptors.get(process);
  }

  /** The link that the two nodes have now carries nothing in this direction any more, and neither is told. */
  silenceLink(from: ProcessId, to: ProcessId): void {
    this.#silent.add(linkOf(from, to));
  }

  /** Whether the link that the two nodes have now carries nothing, in one direction at least. */
  isSilent(a: ProcessId, b: ProcessId): boolean {
    return this.#silent.size > 0 && (this.#silent.has(linkOf(a, b)) || this.#silent.has(linkOf(b, a)));
  }

  /** The two have another link: what was on its way over the old one is no backlog of the new one. */
  renewLink(a: ProcessId, b: ProcessId): void {
    for (const link of [linkOf(a, b), linkOf(b, a)]) {
      this.#silent.delete(link);
      this.#onTheWay.delete(link);
    }
  }

  /** What is on its way over the present link and not taken in yet. */
  backlogBytes(from: ProcessId, to: ProcessId): number {
    return this.#onTheWay.get(linkOf(from, to))?.bytes ?? 0;
  }

  #onTheWayOver(from: ProcessId, to: ProcessId): OnTheWay {
    const link = linkOf(from, to);
    let onTheWay = this.#onTheWay.get(link);
    if (onTheWay === undefined) {
      onTheWay = { bytes: 0 };
      this.#onTheWay.set(link, onTheWay);
    }
    return onTheWay;
  }

  /** A frame that is dropped before it leaves. */
  drop(from: ProcessId, to: ProcessId, frame: Uint8Array): void {
    this.figures.lost += 1;
    this.noteFate(from, to, frame, this.schedule.nowUs, 'lost');
  }

  /**
   * A frame between nodes; `receive` is asked when it arrives, and gives undefined when nobody is there. What it gives calls
   * `taken` once the receiver, which may stand still, has taken the frame in.
   */
  send(
    from: ProcessId,
    to: ProcessId,
    frame: Uint8Array,
    receive: () => ((frame: Uint8Array, taken: () => void) => void) | undefined,
  ): void {
    const sentUs = this.schedule.nowUs;
    if (this.#random.chance(this.faults.loss)) {
      this.figures.lost += 1;
      this.noteFate(from, to, frame, sentUs, 'lost');
      return;
    }
    const onTheWay = this.#onTheWayOver(from, to);
    onTheWay.bytes += frame.length;
    let isTaken = false;
    const taken = (): void => {
      if (!isTaken) onTheWay.bytes -= frame.length;
      isTaken = true;
    };
    const arrive = (fate: Fate): void => {
      if (this.isCut(from, to) || (this.#silent.size > 0 && this.#silent.has(linkOf(from, to)))) {
        taken();
        this.figures.blocked += 1;
        this.noteFate(from, to, frame, sentUs, 'cut');
        return;
      }
      const deliver = receive();
      if (deliver === undefined) {
        taken();
        this.noteFate(from, to, frame, sentUs, 'nobody');
        return;
      }
      this.noteDelivered(from, to, frame, sentUs, fate);
      deliver(frame, taken);
    };
    this.schedule.after(this.#delayUs(from, to), () => arrive('delivered'));
    if (!this.#random.chance(this.faults.duplication)) return;
    this.figures.duplicated += 1;
    this.schedule.after(this.#delayUs(from, to) * REPEATED_DELAY, () => arrive('repeated'));
  }

  // ---- client connections ----

  dial(from: ProcessId, to: ProcessId, handlers: ConnectionHandlers): Connection {
    const connection = new ClientConnection(this, from, to, handlers);
    this.#connections.add(connection);
    this.schedule.after(this.#delayUs(from, to), () => connection.arrive());
    return connection.dialerEnd;
  }

  /** The process is gone: its connections are reset. */
  breakConnections(process: ProcessId): void {
    for (const connection of this.#connections) if (connection.isOf(process)) connection.break('connection reset');
  }

  /** The connections that the process has now carry nothing any more, and nobody is told. */
  halfOpenConnections(process: ProcessId): void {
    for (const connection of this.#connections) if (connection.isOf(process)) connection.loseTouch();
  }

  // ---- for connections ----

  forget(connection: ClientConnection): void {
    this.#connections.delete(connection);
  }

  /** When a frame sent now arrives, not before an earlier one. */
  arrivalUs(from: ProcessId, to: ProcessId, notBeforeUs: number): number {
    return Math.max(notBeforeUs + 1, this.schedule.nowUs + this.#delayUs(from, to));
  }

  at(timeUs: number, run: () => void): void {
    this.schedule.after(timeUs - this.schedule.nowUs, run);
  }

  halfOpenUs(): number {
    return this.#random.int(...HALF_OPEN_US);
  }

  repetitionUs(): number {
    return this.#random.int(...REPETITION_US);
  }

  breaks(): boolean {
    if (!this.#random.chance(this.faults.clientReset)) return false;
    this.figures.resets += 1;
    return true;
  }

  repeats(): boolean {
    return this.#random.chance(this.faults.clientDuplication);
  }

  noteDelivered(from: ProcessId, to: ProcessId, frame: Uint8Array, sentUs: number, fate: Fate): void {
    this.figures.delivered += 1;
    this.#trace.delivered(this.schedule.nowUs, from, to, frame);
    this.noteFate(from, to, frame, sentUs, fate);
  }

  noteFate(from: ProcessId, to: ProcessId, frame: Uint8Array, sentUs: number, fate: Fate): void {
    for (const watcher of this.#watchers) watcher(from, to, frame, sentUs, fate);
  }

  #delayUs(from: ProcessId, to: ProcessId): number {
    const extra = this.#slow.size === 0 ? 0 : (this.#slow.get(linkOf(from, to)) ?? 0);
    return this.#random.int(...this.faults.delayUs) + extra;
  }
}

function linkOf(from: ProcessId, to: ProcessId): number {
  return from * 65536 + to;
}
