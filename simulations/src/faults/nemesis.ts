/**
 * Everything bad that can be done to a simulated cluster. Scenarios inflict faults only through it, so that each fault is
 * counted, told, and can be left out when a failing run is reduced.
 */
import { COMMIT_US } from '../world/disk.ts';
import type { Fate, ProcessId, NetworkFaults } from '../world/network.ts';
import { calmNetwork } from '../world/network.ts';
import { isClient, processName, processNames } from '../world/process-name.ts';
import type { ScheduledEvent } from '../world/schedule.ts';
import type { World } from '../world/world.ts';
import { PowerOff } from '../world/world.ts';

export const faultKinds = [
  'crash',
  'crash-all',
  'restart-storm',
  'pause',
  'wiped-disk',
  'new-address',
  'isolate',
  'cut',
  'one-way-cut',
  'slow-link',
  'silent-link',
  'half-open',
  'noise',
  'slow-disk',
  'failed-commit',
  'full-disk',
  'torn-write',
  'bit-flip',
  'clock-jump',
  'clock-drift',
  'client-crash',
  'client-pause',
  'client-cut',
  'slow-reader',
  'overload',
] as const;

export type FaultKind = (typeof faultKinds)[number];

/** A fault as it was inflicted. */
export interface Deed {
  /** Its place among all faults of the run, from 0 on: what `--without` names. */
  readonly number: number;
  readonly kind: FaultKind;
  readonly atMs: number;
  readonly processes: readonly ProcessId[];
  readonly text: string;
  /** Left out of this run. */
  readonly spared: boolean;
  /** What of the harm it was to do was measured; undefined for nothing: it was left out, or met nothing. */
  readonly effect: string | undefined;
  /** It had an effect. */
  readonly fired: boolean;
}

/** Looks for the harm that a fault is to do, from when it is inflicted on. */
type Measure = () => string | undefined;

/** Looks at a frame's fate for it. */
type FrameMeasure = (frame: {
  readonly from: ProcessId;
  readonly to: ProcessId;
  readonly tookUs: number;
  readonly fate: Fate;
}) => string | undefined;

/** Keeps what was measured first. */
function inflicted(facts: Omit<Deed, 'effect' | 'fired'>, measure: Measure): Deed {
  let effect: string | undefined;
  return {
    ...facts,
    get effect() {
      return facts.spared ? undefined : (effect ??= measure());
    },
    get fired() {
      return this.effect !== undefined;
    },
  };
}

export class Nemesis {
  readonly #world: World;
  readonly #spared: ReadonlySet<number>;
  readonly #deeds: Deed[] = [];
  readonly #watchers: ((deed: Deed) => void)[] = [];
  /** What faults do later. */
  #coming: ScheduledEvent[] = [];

  /** Faults with a number in `spared` do not happen. */
  constructor(world: World, spared: ReadonlySet<number> = new Set()) {
    this.#world = world;
    this.#spared = spared;
  }

  get deeds(): readonly Deed[] {
    return this.#deeds;
  }

  /** The deeds as they stand now, as plain values. */
  report(): Deed[] {
    return this.#deeds.map((deed) => ({ ...deed }));
  }

  watch(watcher: (deed: Deed) => void): void {
    this.#watchers.push(watcher);
  }

  // ---- nodes ----

  crash(process: ProcessId): void {
    this.#do('crash', [process], 'power off', this.#crashesOf([process]), () => this.#world.crash(process));
  }

  /**
   * Power off so long after the process comes to a point of this kind the next time, such as `state commit: written`; with
   * 0 right there, before anything else of it runs.
   */
  crashAt(process: ProcessId, what: string, afterMs: number): void {
    const text = `power off ${afterMs} ms after "${what}"`;
    this.#do('crash', [process], text, this.#crashesOf([process]), () => {
      this.#world.onPoint = (at, kind) => {
        if (at !== process || kind !== what) return;
        this.#world.onPoint = undefined;
        if (afterMs === 0) throw new PowerOff();
        this.#after(afterMs, () => this.#world.crash(process));
      };
    });
  }

  /** What waits for its moment, or goes on, does not happen any more. */
  #disarm(): void {
    this.#world.onPoint = undefined;
    for (const event of this.#coming) event.cancel();
    this.#coming = [];
  }

  /** All at the same moment; they start again after so long. */
  crashAll(downMs: number): void {
    const { processes } = this.#world;
    this.#do('crash-all', processes, `power off, for ${downMs} ms`, this.#crashesOf(processes, 2), () => {
      for (const process of processes) this.#world.crash(process);
      this.#after(downMs, () => this.#world.startAll());
    });
  }

  /** Dies again and again, soon after each start. */
  storm(process: ProcessId, livesMs: readonly number[]): void {
    const text = `dies ${livesMs.length} times in a row`;
    this.#do('restart-storm', [process], text, this.#crashesOf([process], 2), () => {
      let atMs = 0;
      for (const lifeMs of livesMs) {
        this.#after(atMs, () => this.#world.crash(process));
        this.#after(atMs + 1, () => this.#world.start(process));
        atMs += 1 + lifeMs;
      }
    });
  }

  /** Stands still, and finds its timers late afterwards. */
  pause(process: ProcessId, ms: number): void {
    this.#do('pause', [process], `stands still for ${ms} ms`, this.#postponedOf(process), () => {
      this.#world.pause(process);
      this.#after(ms, () => this.#world.resume(process));
    });
  }

  /** Loses its disk and comes back with an empty one. */
  wipe(process: ProcessId, join: ProcessId): void {
    const text = `comes back with an empty disk, by way of ${processName(join)}`;
    const before = this.#world.disk(process);
    const measure = (): string | undefined =>
      !before.isEmpty && this.#world.disk(process) !== before ? 'a disk with data is gone' : undefined;
    this.#do('wiped-disk', [process], text, measure, () => {
      this.#world.wipe(process, join);
      this.#world.start(process);
    });
  }

  move(process: ProcessId): void {
    const before = this.#world.address(process).port;
    const measure = (): string | undefined => {
      const { port } = this.#world.address(process);
      return port === before ? undefined : `port ${port} instead of ${before}`;
    };
    this.#do('new-address', [process], 'comes back on another port', measure, () => {
      this.#world.move(process);
      this.#world.start(process);
    });
  }

  /** Its wall clock jumps. */
  jumpClock(process: ProcessId, byMs: number): void {
    const clock = this.#world.clockOf(process);
    const aheadMs = (): number => Math.round(clock.wallMs() - clock.monotonicMs());
    const beforeMs = aheadMs();
    const measure = (): string | undefined => {
      const jumpMs = aheadMs() - beforeMs;
      return byMs !== 0 && Math.abs(jumpMs - byMs) <= 1 ? `the clock shows ${jumpMs} ms more` : undefined;
    };
    this.#do('clock-jump', [process], `the wall clock jumps by ${byMs} ms`, measure, () => {
      this.#world.moveWallClock(process, byMs);
    });
  }

  /** The clock of each process, and of each client, runs at a rate of its own, from its next start on. */
  driftClocks(rate: () => number): void {
    const { processes } = this.#world;
    const rates = processes.map(rate);
    const measure = (): string | undefined => {
      const errorsMs = [...processes, ...this.#world.clients.processes].map((process) =>
        Math.abs(this.#world.clockOf(process).monotonicMs() - this.#world.nowMs),
      );
      // A hundredth of the time, or what it takes to tell.
      const errorMs = Math.max(...errorsMs);
      return errorMs > Math.max(1, this.#world.nowMs / 1000) ? `a clock is ${errorMs.toFixed(0)} ms off` : undefined;
    };
    this.#do('clock-drift', processes, `clocks run at ${rates.join(', ')}`, measure, () => {
      for (const [place, process] of processes.entries()) this.#world.setClockRate(process, rates[place] ?? 1);
      // In turn the same rates: how many clients there are must not change what comes later.
      this.#world.clients.clockRate = (client) => rates[client % rates.length] ?? 1;
    });
  }

  // ---- network ----

  isolate(process: ProcessId): void {
    const isCut = (from: ProcessId, to: ProcessId): boolean => from === process || to === process;
    this.#do('isolate', [process], 'reaches no other node', this.#cutOff(isCut), () => {
      for (const other of this.#world.processes) if (other !== process) this.#world.network.cut(process, other);
    });
  }

  cut(a: ProcessId, b: ProcessId): void {
    const isCut = (from: ProcessId, to: ProcessId): boolean => (from === a && to === b) || (from === b && to === a);
    this.#do('cut', [a, b], 'no frames between them', this.#cutOff(isCut), () => this.#world.network.cut(a, b));
  }

  cutOneWay(from: ProcessId, to: ProcessId): void {
    const text = `no frames from ${processName(from)} to ${processName(to)}`;
    const isCut = (a: ProcessId, b: ProcessId): boolean => a === from && b === to;
    this.#do('one-way-cut', [from, to], text, this.#cutOff(isCut), () => this.#world.network.cutOneWay(from, to));
  }

  /** Cuts all links between nodes but the ones to keep, as one fault. Clients reach every node. */
  keepOnly(keep: (a: ProcessId, b: ProcessId) => boolean): void {
    const { processes, network } = this.#world;
    const kept: string[] = [];
    for (const a of processes)
      for (const b of processes) if (a < b && keep(a, b)) kept.push(`${processName(a)}–${processName(b)}`);
    const isCut = (a: ProcessId, b: ProcessId): boolean => !keep(Math.min(a, b), Math.max(a, b));
    this.#do('cut', processes, `only the links ${kept.join(', ')} are left`, this.#cutOff(isCut), () => {
      for (const a of processes) for (const b of processes) if (a < b && !keep(a, b)) network.cut(a, b);
    });
  }

  slowLink(from: ProcessId, to: ProcessId, byMs: number): void {
    const text = `frames from ${processName(from)} to ${processName(to)} take ${byMs} ms longer`;
    const measure = this.#onFrames((frame) =>
      frame.from === from && frame.to === to && frame.tookUs >= byMs * 1000 ? tookText(frame.tookUs) : undefined,
    );
    this.#do('slow-link', [from, to], text, measure, () => this.#world.network.slowDown(from, to, byMs * 1000));
  }

  /** Their link carries nothing from here to there any more until it is made again, and neither is told. */
  silenceLink(from: ProcessId, to: ProcessId): void {
    const text = `nothing comes over their link from ${processName(from)} any more`;
    const measure = this.#cutOff((a, b) => a === from && b === to);
    this.#do('silent-link', [from, to], text, measure, () => this.#world.network.silenceLink(from, to));
  }

  /** Client connections carry nothing any more, and nobody is told. */
  halfOpen(process: ProcessId): void {
    const isLost = (from: ProcessId, to: ProcessId): boolean =>
      (isClient(from) && to === process) || (from === process && isClient(to));
    this.#do(
      'half-open',
      [process],
      'its client connections are dead, and nobody is told',
      this.#cutOff(isLost),
      () => {
        this.#world.network.halfOpenConnections(process);
      },
    );
  }

  noise(faults: NetworkFaults): void {
    const { delayUs, loss, duplication } = faults;
    const text = `delays up to ${delayUs[1] / 1000} ms, ${Math.round(loss * 100)} % lost, ${Math.round(duplication * 100)} % repeated`;
    const { network } = this.#world;
    const { resets } = network.figures;
    const measure = this.#onFrames(({ fate, tookUs }) => {
      if (fate === 'lost' || fate === 'repeated') return `a frame was ${fate}`;
      if (network.figures.resets > resets) return 'a connection was reset';
      return fate === 'delivered' && tookUs > calmNetwork.delayUs[1] ? tookText(tookUs) : undefined;
    });
    this.#do('noise', this.#world.processes, text, measure, () => {
      network.faults = faults;
    });
  }

  // ---- disks ----

  slowDisk(process: ProcessId, factor: number): void {
    const { figures } = this.#world.disk(process);
    figures.longestCommitUs = 0;
    const measure = (): string | undefined =>
      figures.longestCommitUs >= factor * COMMIT_US[0]
        ? `a commit took ${figures.longestCommitUs / 1000} ms`
        : undefined;
    this.#do('slow-disk', [process], `commits take ${factor} times as long`, measure, () => {
      this.#world.disk(process).slowness = factor;
    });
  }

  /** The next commit fails, which ends the process. */
  failCommit(process: ProcessId): void {
    this.#do('failed-commit', [process], 'the next commit fails', this.#onDisk(process, 'failed'), () => {
      this.#world.disk(process).failsOnce = true;
    });
  }

  fillDisk(process: ProcessId): void {
    this.#do('full-disk', [process], 'the disk is full', this.#onDisk(process, 'full'), () => {
      this.#world.disk(process).full = true;
    });
  }

  /** Power off in the middle of the next write, which is not atomic. */
  tearWrite(process: ProcessId): void {
    const torn = this.#onDisk(process, 'torn');
    const crashed = this.#crashesOf([process]);
    // What is torn may be a commit whose tearing leaves no damage.
    this.#do(
      'torn-write',
      [process],
      'power off in the middle of the next record',
      () => torn() ?? crashed(),
      () => {
        this.#world.disk(process).tearsOnce = true;
      },
    );
  }

  /** A bit of its disk flips while it is off. */
  flipBit(process: ProcessId): void {
    let flipped = false;
    const measure = (): string | undefined => (flipped ? 'a bit flipped' : undefined);
    this.#do('bit-flip', [process], 'power off, and a bit of the disk flips', measure, ({ number }) => {
      // A stream of its own: what a run does later is the same without this fault.
      const random = this.#world.random.stream(`bit ${number}`);
      this.#world.crash(process);
      flipped = this.#world.brokenBecause(process) === undefined && this.#world.disk(process).flipBit(random);
    });
  }

  // ---- clients ----

  /** Each of these clients reaches the nodes that it may only. */
  cutClients(clients: readonly ProcessId[], mayReach: (client: ProcessId, process: ProcessId) => boolean): void {
    const isCut = (from: ProcessId, to: ProcessId): boolean =>
      isClient(from) ? clients.includes(from) && !mayReach(from, to) : clients.includes(to) && !mayReach(to, from);
    this.#do('client-cut', clients, 'some clients reach some nodes only', this.#cutOff(isCut), () => {
      for (const client of clients) {
        for (const process of this.#world.processes) {
          if (!mayReach(client, process)) this.#world.network.cut(client, process);
        }
      }
    });
  }

  /** `crash` ends its process and what it has under way, and starts it again. */
  crashClient(client: ProcessId, downMs: number, crash: () => void): void {
    this.#do('client-crash', [client], `a client dies, for ${downMs} ms`, this.#crashesOf([client]), crash);
  }

  /** Stands still, and finds its deadlines passed afterwards. */
  pauseClient(client: ProcessId, ms: number): void {
    this.#do('client-pause', [client], `a client stands still for ${ms} ms`, this.#postponedOf(client), () => {
      this.#world.clients.pause(client);
      this.#after(ms, () => this.#world.clients.resume(client));
    });
  }

  slowReader(client: ProcessId, byMs: number): void {
    const { slowestReads } = this.#world.network;
    slowestReads.delete(client);
    const measure = (): string | undefined => {
      const readUs = slowestReads.get(client) ?? 0;
      return readUs >= byMs * 1000 ? `a frame waits ${readUs / 1000} ms to be read` : undefined;
    };
    this.#do('slow-reader', [client], `a client takes ${byMs} ms to read a frame`, measure, () => {
      this.#world.network.slowReaders.set(client, byMs * 1000);
    });
  }

  /** `burst` starts them, and returns how many it could start. */
  overload(operations: number, burst: () => number): void {
    let started = 0;
    const measure = (): string | undefined => (started === operations ? `${started} at once` : undefined);
    this.#do('overload', [], `${operations} operations at once`, measure, () => {
      started = burst();
    });
  }

  // ---- the end of it ----

  /** Ends all faults and starts what is down. */
  heal(): void {
    const { network, processes } = this.#world;
    network.healAll();
    network.faults = { ...calmNetwork };
    this.#disarm();
    for (const client of this.#world.clients.processes) this.#world.clients.resume(client);
    for (const process of processes) {
      const disk = this.#world.disk(process);
      disk.slowness = 1;
      disk.full = false;
      disk.failsOnce = false;
      disk.tearsOnce = false;
      this.#world.resume(process);
      this.#world.start(process);
    }
    this.#world.note('healed');
  }

  // ---- what faults do ----

  /** At least so many times a node of these goes down, or each of them once if there are fewer. */
  #crashesOf(processes: readonly ProcessId[], atLeast = 1): Measure {
    const total = (): number => processes.reduce((sum, process) => sum + this.#world.crashes(process), 0);
    const before = total();
    return () => {
      const crashes = total() - before;
      return crashes >= atLeast ? `${crashes} times down` : undefined;
    };
  }

  /** Something of the process is due while it stands still. */
  #postponedOf(process: ProcessId): Measure {
    const before = this.#world.postponed(process);
    return () => {
      const late = this.#world.postponed(process) - before;
      return late > 0 ? `${late} events came late` : undefined;
    };
  }

  #onDisk(process: ProcessId, what: 'failed' | 'full' | 'torn'): Measure {
    const { figures } = this.#world.disk(process);
    const before = figures[what];
    return () => (figures[what] > before ? `a commit was ${what}` : undefined);
  }

  /** A frame does not get through on one of these links. */
  #cutOff(isCut: (from: ProcessId, to: ProcessId) => boolean): Measure {
    return this.#onFrames(({ from, to, fate }) =>
      fate === 'cut' && isCut(from, to)
        ? `a frame from ${processName(from)} to ${processName(to)} was cut off`
        : undefined,
    );
  }

  /** Looks at frames until one of them shows the harm. */
  #onFrames(measure: FrameMeasure): Measure {
    const { network } = this.#world;
    let effect: string | undefined;
    const stop = network.watch((from, to, _frame, sentUs, fate) => {
      effect = measure({ from, to, tookUs: network.schedule.nowUs - sentUs, fate });
      if (effect !== undefined) stop();
    });
    return () => effect;
  }

  #do(
    kind: FaultKind,
    processes: readonly ProcessId[],
    text: string,
    measure: Measure,
    act: (deed: Deed) => void,
  ): void {
    const number = this.#deeds.length;
    const spared = this.#spared.has(number);
    const deed = inflicted({ number, kind, atMs: this.#world.nowMs, processes, text, spared }, measure);
    this.#deeds.push(deed);
    if (spared) return;
    const names = processNames(processes, this.#world.processes.length);
    this.#world.note(`fault ${number}: ${kind}, ${names}: ${text}`);
    for (const watcher of this.#watchers) watcher(deed);
    act(deed);
    // Some effects are there at once, and gone when the next fault strikes.
    void deed.effect;
  }

  #after(ms: number, act: () => void): void {
    this.#coming.push(this.#world.schedule.after(ms * 1000, act));
  }
}

function tookText(us: number): string {
  return `a frame took ${us / 1000} ms`;
}
