/**
 * A search that learns: runs that reached what few runs reach are kept, and run again up to about that moment, from where on their
 * faults, their timing or both are others (as fuzzers that are guided by coverage do; M. Zalewski, "Technical whitepaper for
 * afl-fuzz", and for simulated time W. Wilson's talks on branching where a rare state was seen).
 *
 * What runs reach is what `Reached` notes. Invariant: by its seed and its branches any run can be made again.
 */
import type { RunOptions } from '../run/run.ts';
import type { Branch } from '../world/random-stream.ts';
import { RandomStream, randomParts } from '../world/random-stream.ts';
import type { Batch, PlannedTask } from './plan.ts';
import { plannedTasks } from './plan.ts';
import type { Outcome, Task } from './task.ts';

/** Of the runs, with seeds of their own: a search that only looks near what it knows does not see much. */
const FRESH_RATE = 0.3;
/** So many of the things that a run may be kept for are looked at, and the rarest of them is gone after. */
const CHOICES = 6;
/** Kept for each thing: the ones that reached it last. */
const HOLDERS_MAX = 4;
/** A run parts from the one that it comes from so long before or after what that one reached, milliseconds. */
const BEFORE_MS_MAX = 1000;
const AFTER_MS_MAX = 500;

interface Holder {
  readonly options: RunOptions;
  readonly atMs: number;
}

/** Something that runs of a scenario reach. */
interface Find {
  runs: number;
  readonly holders: Holder[];
}

export class Steering {
  readonly #batches: readonly Batch[];
  readonly #random: RandomStream;
  readonly #finds = new Map<string, Map<string, Find>>();

  constructor(batches: readonly Batch[]) {
    this.#batches = batches;
    this.#random = new RandomStream(batches[0]?.firstSeed ?? 0, 'steering');
  }

  /** As many runs as were planned: some as planned, the others near what is known by then. */
  *tasks(repeatPercent: number): Generator<PlannedTask> {
    for (const task of plannedTasks(this.#batches, { repeatPercent, detailed: false })) {
      const options = this.#random.chance(FRESH_RATE) ? undefined : this.#near(task.scenario);
      yield { ...task, reached: true, options: options ?? task.options };
    }
  }

  learn({ scenario, options }: Task, { reached }: Outcome): void {
    const finds = this.#findsOf(scenario);
    for (const [name, atMs] of Object.entries(reached)) {
      const find = finds.get(name) ?? { runs: 0, holders: [] };
      finds.set(name, find);
      find.runs += 1;
      find.holders.push({ options, atMs });
      if (find.holders.length > HOLDERS_MAX) find.holders.shift();
    }
  }

  /** A run near one that reached something rare; undefined where nothing is known. */
  #near(scenario: string): RunOptions | undefined {
    const finds = [...this.#findsOf(scenario).values()];
    if (finds.length === 0) return undefined;
    const looked = Array.from({ length: CHOICES }, () => this.#random.pick(finds));
    const rarest = looked.reduce((best, find) => (find.runs < best.runs ? find : best));
    const { options, atMs } = this.#random.pick(rarest.holders);
    const partsMs = Math.max(1, Math.round(atMs) + this.#random.int(-BEFORE_MS_MAX, AFTER_MS_MAX));
    const branch: Branch = { atMs: partsMs, seed: this.#random.nextUint32(), part: this.#random.pick(randomParts) };
    const before = (options.branches ?? []).filter((earlier) => earlier.atMs < partsMs);
    return { ...options, branches: [...before, branch] };
  }

  #findsOf(scenario: string): Map<string, Find> {
    const known = this.#finds.get(scenario) ?? new Map<string, Find>();
    this.#finds.set(scenario, known);
    return known;
  }
}
