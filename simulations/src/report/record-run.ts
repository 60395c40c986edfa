/**
 * Lets a recorder watch a world and its nemesis, through what they tell any watcher. Call it before the first node starts:
 *
 *     const recorder = new Recorder(world.processes.length);
 *     recordRun(recorder, world, nemesis);
 *     ... the run ...
 *     const recording = recorder.finish({ scenario, summary, seed, ..., simulatedUs: world.schedule.nowUs });
 *     writeFileSync(file, writeReport(recording));
 *
 * A fault begins when the nemesis says so and ends when the world no longer shows it, looked at after each turn of a node.
 */
import type { Deed, Nemesis, FaultKind as NemesisKind } from '../faults/nemesis.ts';
import { calmNetwork } from '../world/network.ts';
import type { NetworkFaults, ProcessId } from '../world/network.ts';
import { processName, processNames } from '../world/process-name.ts';
import type { World } from '../world/world.ts';
import type { FaultHandle, Recorder } from './recorder.ts';
import type { FaultKind } from './recording.ts';

/** A lost frame would have taken about so long. */
const TYPICAL_DELAY_US = 300;

export function recordRun(recorder: Recorder, world: World, nemesis: Nemesis): void {
  new RunRecording(recorder, world, nemesis);
}

interface OpenFault {
  readonly handle: FaultHandle;
  readonly lasts: () => boolean;
}

class RunRecording {
  readonly #recorder: Recorder;
  readonly #world: World;
  readonly #links = new Map<string, FaultHandle>();
  #open: OpenFault[] = [];
  readonly #standing = new Set<ProcessId>();
  /** When the last deed was done that the world has not been looked at since. */
  #deedUs: number | undefined;

  constructor(recorder: Recorder, world: World, nemesis: Nemesis) {
    this.#recorder = recorder;
    this.#world = world;
    world.network.watch((from, to, frame, sentUs, fate) => {
      const arrivedUs = fate === 'lost' ? sentUs + TYPICAL_DELAY_US : world.schedule.nowUs;
      recorder.message({ sentUs, arrivedUs: Math.max(arrivedUs, sentUs + 1), from, to, frame, fate });
    });
    world.watch({
      onTurn: (process) => this.#onTurn(process),
      onUp: (process) => recorder.started(world.schedule.nowUs, process),
      onDown: (process) => {
        this.#standing.delete(process);
        recorder.stopped(world.schedule.nowUs, process);
      },
      onNote: (line) => this.#onNote(line),
    });
    nemesis.watch((deed) => this.#onDeed(deed));
  }

  #onTurn(process: ProcessId): void {
    const { schedule, options } = this.#world;
    const node = this.#world.node(process);
    if (node === undefined) return;
    this.#recorder.identify(process, node.id);
    for (let group = 0; group <= options.partitions; group += 1) {
      const view = node.group(group);
      if (view !== undefined) this.#recorder.observe(schedule.nowUs, process, group, view);
    }
    this.#look();
  }

  #onNote(line: string): void {
    this.#recorder.note(this.#world.schedule.nowUs, line);
    for (const process of this.#standing)
      if (line === `${processName(process)} goes on`) this.#standing.delete(process);
  }

  /** It is told before it is done. */
  #onDeed(deed: Deed): void {
    this.#look();
    const { kind, processes } = deed;
    const fromUs = this.#world.schedule.nowUs;
    this.#deedUs = fromUs;
    const names = processNames(processes, this.#world.processes.length);
    const text = `${names === '' ? kind : names}: ${deed.text}`;
    this.#recorder.inflicted(fromUs, text, () => deed.fired);
    const shown = shownAs[kind];
    // A node that is down does not stand still.
    const isVoid = kind === 'pause' && processes.every((process) => this.#world.node(process) === undefined);
    if (shown === undefined || isVoid) return;
    const fault = { fromUs, kind: shown, processes, text };
    const lasts = this.#lastingOf(kind, processes);
    if (lasts === undefined) this.#recorder.fault({ ...fault, toUs: fromUs });
    else this.#open.push({ handle: this.#recorder.fault(fault), lasts });
  }

  /** How long the world shows the fault; undefined for one that is over at once. */
  #lastingOf(kind: NemesisKind, processes: readonly ProcessId[]): (() => boolean) | undefined {
    const { network } = this.#world;
    const [process = 0, other = 0] = processes;
    switch (kind) {
      case 'pause':
        this.#standing.add(process);
        return () => this.#standing.has(process);
      case 'slow-disk':
        return () => this.#world.disk(process).slowness !== 1;
      case 'full-disk':
        return () => this.#world.disk(process).full;
      case 'noise':
        return () => isNoisy(network.faults);
      case 'slow-link':
        return () => network.isSlow(process, other);
      case 'client-cut':
        return () => this.#world.processes.some((node) => processes.some((client) => network.isCut(client, node)));
      case 'slow-reader':
        return () => network.slowReaders.has(process);
      case 'clock-drift':
        return () => true;
      default:
        return undefined;
    }
  }

  #look(): void {
    const { schedule, processes, network } = this.#world;
    const nowUs = schedule.nowUs;
    const sinceUs = this.#deedUs ?? nowUs;
    this.#deedUs = undefined;
    if (this.#open.some(({ lasts }) => !lasts())) {
      for (const { handle, lasts } of this.#open) if (!lasts()) handle.end(nowUs);
      this.#open = this.#open.filter(({ lasts }) => lasts());
    }
    for (const from of processes) {
      for (const to of processes) {
        const name = `${from} ${to}`;
        const open = this.#links.get(name);
        const isCut = from !== to && network.isCut(from, to);
        if (isCut === (open !== undefined)) continue;
        if (open !== undefined) {
          open.end(nowUs);
          this.#links.delete(name);
        } else {
          const text = `link cut: ${processName(from)} → ${processName(to)}`;
          const fault = { fromUs: sinceUs, kind: 'cut', processes: [from, to], links: [[from, to]], text } as const;
          this.#links.set(name, this.#recorder.fault(fault));
        }
      }
    }
  }
}

function isNoisy({ delayUs, loss, duplication }: NetworkFaults): boolean {
  const { delayUs: calmUs } = calmNetwork;
  return loss > 0 || duplication > 0 || delayUs[1] !== calmUs[1];
}

/** What the world itself shows, links that are cut and nodes that are down, needs no band of its own. */
const shownAs: Readonly<Record<NemesisKind, FaultKind | undefined>> = {
  crash: undefined,
  'crash-all': undefined,
  'restart-storm': undefined,
  pause: 'pause',
  'wiped-disk': 'disk',
  'new-address': 'other',
  isolate: undefined,
  cut: undefined,
  'one-way-cut': undefined,
  'slow-link': 'network',
  'silent-link': 'network',
  'half-open': 'network',
  noise: 'network',
  'slow-disk': 'disk',
  'failed-commit': 'disk',
  'full-disk': 'disk',
  'torn-write': 'disk',
  'bit-flip': 'disk',
  'clock-jump': 'clock',
  'clock-drift': 'clock',
  'client-crash': 'other',
  'client-pause': 'pause',
  'client-cut': 'network',
  'slow-reader': 'network',
  overload: 'other',
};
