/**
 * Makes a failing run smaller while the same failure remains: a shorter time, fewer faults, fewer nodes, fewer clients,
 * fewer operations, and again from the start until nothing helps any more.
 *
 * Invariant: the best run so far was really made and failed in the same way.
 */
import type { Deed } from '../faults/nemesis.ts';
import type { RunOptions } from '../run/run.ts';
import { complaintKind } from './complaint-kind.ts';
import { ddmin } from './ddmin.ts';
import type { Outcome } from './task.ts';
import { NODES_MIN } from './task.ts';

/** Undefined when it was stopped meanwhile. */
export type TryRun = (options: RunOptions) => Promise<Outcome | undefined>;

export interface Failing {
  readonly options: RunOptions;
  readonly outcome: Outcome;
}

export interface Reduced extends Failing {
  /** The kind of complaint that every step kept. */
  readonly failure: string;
  readonly runs: number;
  /** Not as small as it could be: it was stopped, or it took too many runs. */
  readonly cutShort: boolean;
}

export interface ShrinkSettings {
  readonly run: TryRun;
  /** What the scenario has unless the options say otherwise. */
  readonly nodes: number;
  readonly onRun?: (runs: number, best: Failing) => void;
}

const RUNS_MAX = 2000;
const ROUNDS_MAX = 10;
/** Scenarios have few clients; those with more are hardly easier to understand with six. */
const CLIENTS_TRIED = 5;
/** Leaving faults out can bring new ones at the end, which are then left out too. */
const NEW_FAULTS_MAX = 5;

export async function shrink(first: Failing, settings: ShrinkSettings): Promise<Reduced> {
  const shrinking = new Shrinking(first, settings);
  await shrinking.reduce();
  return shrinking.result;
}

class Shrinking {
  readonly #settings: ShrinkSettings;
  readonly #failure: string;
  /** Options that did not fail like this. */
  readonly #inVain = new Set<string>();
  #best: Failing;
  /** The highest number of a fault in any run so far. */
  #lastFault: number;
  #runs = 0;
  #cutShort = false;

  constructor(first: Failing, settings: ShrinkSettings) {
    this.#settings = settings;
    this.#failure = complaintKind(first.outcome.complaints[0] ?? '');
    this.#best = first;
    this.#lastFault = lastFault(first.outcome);
  }

  get result(): Reduced {
    const { options, outcome } = this.#best;
    const spared = outcome.deeds.filter((deed) => deed.spared).map((deed) => deed.number);
    // A number that does not occur leaves nothing out. A run that died told no numbers at all.
    const without = outcome.deeds.length === 0 ? options.without : spared;
    return {
      options: { ...options, without: without?.length === 0 ? undefined : without },
      outcome,
      failure: this.#failure,
      runs: this.#runs,
      cutShort: this.#cutShort,
    };
  }

  async reduce(): Promise<void> {
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      const before = this.#best;
      // First what makes all further runs cheaper.
      await this.#halve(this.#best.options.seconds, (seconds) => ({ seconds }));
      await ddmin(keptFaults(this.#best.outcome), (kept) => this.#failsWithFaults(kept));
      await this.#fewest(NODES_MIN, this.#best.options.nodes ?? this.#settings.nodes, (nodes) => ({ nodes }));
      await this.#fewest(1, this.#best.options.clients ?? CLIENTS_TRIED + 1, (clients) => ({ clients }));
      const operations = this.#best.options.operations ?? this.#best.outcome.checkedOperations;
      await this.#halve(operations, (value) => ({ operations: value }));
      if (this.#best === before) return;
    }
  }

  /** A value below the present one that still fails, while the next smaller one does not: for a wide range. */
  async #halve(present: number, change: (value: number) => Partial<RunOptions>): Promise<void> {
    let enough = present;
    let tooFew = 0;
    while (enough - tooFew > 1) {
      const value = Math.floor((enough + tooFew) / 2);
      if (await this.#try(change(value))) enough = value;
      else tooFew = value;
    }
  }

  /** The smallest value from `least` to below the present one that still fails: for a narrow range. */
  async #fewest(least: number, present: number, change: (value: number) => Partial<RunOptions>): Promise<void> {
    for (let value = least; value < present; value += 1) if (await this.#try(change(value))) return;
  }

  async #failsWithFaults(kept: readonly number[]): Promise<boolean> {
    for (let i = 0; i < NEW_FAULTS_MAX; i += 1) {
      const known = this.#lastFault;
      const without = Array.from({ length: known + 1 }, (_, number) => number).filter((n) => !kept.includes(n));
      const accept = (outcome: Outcome): boolean => lastFault(outcome) <= known;
      if (await this.#try({ without }, accept)) return true;
      if (this.#lastFault === known) return false;
    }
    return false;
  }

  /** Makes the change if the same failure remains; tells whether it did. */
  async #try(change: Partial<RunOptions>, accept: (outcome: Outcome) => boolean = () => true): Promise<boolean> {
    const options = { ...this.#best.options, ...change };
    const name = JSON.stringify(options);
    if (this.#inVain.has(name)) return false;
    const outcome = this.#runs < RUNS_MAX && !this.#cutShort ? await this.#settings.run(options) : undefined;
    if (outcome === undefined) {
      this.#cutShort = true;
      return false;
    }
    this.#runs += 1;
    this.#lastFault = Math.max(this.#lastFault, lastFault(outcome));
    const alike = outcome.complaints.some((complaint) => complaintKind(complaint) === this.#failure);
    const smaller = alike && accept(outcome);
    if (smaller) this.#best = { options, outcome };
    else this.#inVain.add(name);
    this.#settings.onRun?.(this.#runs, this.#best);
    return smaller;
  }
}

/** Those that did something, by the end of the run: some wait for their moment. */
export function firedFaults({ deeds }: Outcome): Deed[] {
  return deeds.filter((deed) => deed.fired);
}

/** Those that were not left out. One that came to nothing can still have kept another from firing. */
function keptFaults({ deeds }: Outcome): number[] {
  return deeds.filter((deed) => !deed.spared).map((deed) => deed.number);
}

function lastFault({ deeds }: Outcome): number {
  return deeds.at(-1)?.number ?? -1;
}
