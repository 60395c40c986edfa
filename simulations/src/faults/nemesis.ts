/**
 * Everything bad that can be done to a simulated cluster. Scenarios inflict faults only through it, so that each fault is
 * counted, told, and can be left out when a failing run is reduced.
 */
import type { ProcessId, NetworkFaults } from '../world/network.ts';
import { calmNetwork } from '../world/network.ts';
import { processName, processNames } from '../world/process-name.ts';
import { RandomStream } from '../world/random-stream.ts';
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
  /** It happened: it was not left out, and there was something that it could do harm to. */
  fired: boolean;
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

  watch(watcher: (deed: Deed) => void): void {
    this.#watchers.push(watcher);
  }

  // ---- nodes ----

  crash(process: ProcessId): void {
    this.#do('crash', [process], 'power off', () => {
      const wasUp = this.#isUp(process);
      this.#world.crash(process);
      return wasUp;
    });
  }

  /**
   * Power off so long after the process comes to a point of this kind the next time, such as `state commit: written`; with
   * 0 right there, before anything else of it runs.
   */
  crashAt(process: ProcessId, what: string, afterMs: number): void {
    this.#do('crash', [process], `power off ${afterMs} ms after "${what}"`, (deed) => {
      this.#world.onPoint = (at, kind) => {
        if (at !== process || kind !== what) return;
        this.#world.onPoint = undefined;
        if (afterMs > 0) {
          this.#after(afterMs, () => {
            deed.fired = true;
            this.#world.crash(process);
          });
          return;
        }
        deed.fired = true;
        throw new PowerOff();
      };
      // Not yet.
      return false;
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
    this.#do('crash-all', processes, `power off, for ${downMs} ms`, () => {
      for (const process of processes) this.#world.crash(process);
      this.#after(downMs, () => this.#world.startAll());
    });
  }

  /** Dies again and again, soon after each start. */
  storm(process: ProcessId, livesMs: readonly number[]): void {
    this.#do('restart-storm', [process], `dies ${livesMs.length} times in a row`, () => {
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
    this.#do('pause', [process], `stands still for ${ms} ms`, () => {
      this.#world.pause(process);
      this.#after(ms, () => this.#world.resume(process));
      return this.#isUp(process);
    });
  }

  /** Loses its disk and comes back with an empty one. */
  wipe(process: ProcessId, join: ProcessId): void {
    this.#do('wiped-disk', [process], `comes back with an empty disk, by way of ${processName(join)}`, () => {
      this.#world.wipe(process, join);
      this.#world.start(process);
    });
  }

  move(process: ProcessId): void {
    this.#do('new-address', [process], 'comes back on another port', () => {
      this.#world.move(process);
      this.#world.start(process);
    });
  }

  /** Its wall clock jumps. */
  jumpClock(process: ProcessId, byMs: number): void {
    this.#do('clock-jump', [process], `the wall clock jumps by ${byMs} ms`, () => {
      this.#world.moveWallClock(process, byMs);
    });
  }

  /** The clock of each process runs at a rate of its own, from its next start on. */
  driftClocks(rate: () => number): void {
    const { processes } = this.#world;
    const rates = processes.map(rate);
    this.#do('clock-drift', processes, `clocks run at ${rates.join(', ')}`, () => {
      for (const [place, process] of processes.entries()) this.#world.setClockRate(process, rates[place] ?? 1);
    });
  }

  // ---- network ----

  isolate(process: ProcessId): void {
    this.#do('isolate', [process], 'reaches no other node', () => {
      for (const other of this.#world.processes) if (other !== process) this.#world.network.cut(process, other);
    });
  }

  cut(a: ProcessId, b: ProcessId): void {
    this.#do('cut', [a, b], 'no frames between them', () => this.#world.network.cut(a, b));
  }

  cutOneWay(from: ProcessId, to: ProcessId): void {
    this.#do('one-way-cut', [from, to], `no frames from ${processName(from)} to ${processName(to)}`, () => {
      this.#world.network.cutOneWay(from, to);
    });
  }

  /** Cuts all links between nodes but the ones to keep, as one fault. Clients reach every node. */
  keepOnly(keep: (a: ProcessId, b: ProcessId) => boolean): void {
    const { processes, network } = this.#world;
    const kept: string[] = [];
    for (const a of processes)
      for (const b of processes) if (a < b && keep(a, b)) kept.push(`${processName(a)}–${processName(b)}`);
    this.#do('cut', processes, `only the links ${kept.join(', ')} are left`, () => {
      for (const a of processes) for (const b of processes) if (a < b && !keep(a, b)) network.cut(a, b);
    });
  }

  slowLink(from: ProcessId, to: ProcessId, byMs: number): void {
    this.#do(
      'slow-link',
      [from, to],
      `frames from ${processName(from)} to ${processName(to)} take ${byMs} ms longer`,
      () => {
        this.#world.network.slowDown(from, to, byMs * 1000);
      },
    );
  }

  /** Their link carries nothing from here to there any more until it is made again, and neither is told. */
  silenceLink(from: ProcessId, to: ProcessId): void {
    this.#do('silent-link', [from, to], `nothing comes over their link from ${processName(from)} any more`, () => {
      this.#world.network.silenceLink(from, to);
    });
  }

  /** Client connections carry nothing any more, and nobody is told. */
  halfOpen(process: ProcessId): void {
    this.#do('half-open', [process], 'its client connections are dead, and nobody is told', () => {
      this.#world.network.halfOpenConnections(process);
    });
  }

  noise(faults: NetworkFaults): void {
    const { delayUs, loss, duplication } = faults;
    const text = `delays up to ${delayUs[1] / 1000} ms, ${Math.round(loss * 100)} % lost, ${Math.round(duplication * 100)} % repeated`;
    this.#do('noise', this.#world.processes, text, () => {
      this.#world.network.faults = faults;
    });
  }

  // ---- disks ----

  slowDisk(process: ProcessId, factor: number): void {
    this.#do('slow-disk', [process], `commits take ${factor} times as long`, () => {
      this.#world.disk(process).slowness = factor;
    });
  }

  /** The next commit fails, which ends the process. */
  failCommit(process: ProcessId): void {
    this.#do('failed-commit', [process], 'the next commit fails', () => {
      this.#world.disk(process).failsOnce = true;
    });
  }

  fillDisk(process: ProcessId): void {
    this.#do('full-disk', [process], 'the disk is full', () => {
      this.#world.disk(process).full = true;
    });
  }

  /** Power off in the middle of the next write, which is not atomic. */
  tearWrite(process: ProcessId): void {
    this.#do('torn-write', [process], 'power off in the middle of the next record', () => {
      this.#world.disk(process).tearsOnce = true;
      return this.#isUp(process);
    });
  }

  /** A bit of its disk flips while it is off. */
  flipBit(process: ProcessId): void {
    this.#do('bit-flip', [process], 'power off, and a bit of the disk flips', ({ number }) => {
      // A stream of its own: what a run does later is the same without this fault.
      const random = new RandomStream(this.#world.options.seed, `bit ${number}`);
      const wasUp = this.#isUp(process);
      this.#world.crash(process);
      const flipped = this.#world.brokenBecause(process) === undefined && this.#world.disk(process).flipBit(random);
      return wasUp || flipped;
    });
  }

  // ---- clients ----

  /** Each of these clients reaches the nodes that it may only. */
  cutClients(clients: readonly ProcessId[], mayReach: (client: ProcessId, process: ProcessId) => boolean): void {
    this.#do('client-cut', clients, 'some clients reach some nodes only', () => {
      for (const client of clients) {
        for (const process of this.#world.processes) {
          if (!mayReach(client, process)) this.#world.network.cut(client, process);
        }
      }
    });
  }

  slowReader(client: ProcessId, byMs: number): void {
    this.#do('slow-reader', [client], `a client takes ${byMs} ms to read a frame`, () => {
      this.#world.network.slowReaders.set(client, byMs * 1000);
    });
  }

  /** `burst` starts them. */
  overload(operations: number, burst: () => void): void {
    this.#do('overload', [], `${operations} operations at once`, burst);
  }

  // ---- the end of it ----

  /** Ends all faults and starts what is down. */
  heal(): void {
    const { network, processes } = this.#world;
    network.healAll();
    network.faults = { ...calmNetwork };
    this.#disarm();
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

  #isUp(process: ProcessId): boolean {
    return this.#world.node(process) !== undefined;
  }

  /** `act` returns false when there was nothing to do harm to. */
  #do(kind: FaultKind, processes: readonly ProcessId[], text: string, act: (deed: Deed) => boolean | void): void {
    const number = this.#deeds.length;
    const spared = this.#spared.has(number);
    const deed: Deed = { number, kind, atMs: this.#world.nowMs, processes, text, spared, fired: false };
    this.#deeds.push(deed);
    if (spared) return;
    const names = processNames(processes, this.#world.processes.length);
    this.#world.note(`fault ${number}: ${kind}, ${names}: ${text}`);
    for (const watcher of this.#watchers) watcher(deed);
    deed.fired = act(deed) !== false;
  }

  #after(ms: number, act: () => void): void {
    this.#coming.push(this.#world.schedule.after(ms * 1000, act));
  }
}
