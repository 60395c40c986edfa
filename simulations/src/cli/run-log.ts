/**
 * Follows runs as they end: adds them up, prints the ones that failed, and says how far it is.
 */
import type { Scenario } from '../run/run.ts';
import type { Output } from './console.ts';
import { failureLine, failureText } from './failure-text.ts';
import { progressText } from './progress.ts';
import type { Tally } from './tally.ts';
import { addOutcome, totalOf } from './tally.ts';
import type { Outcome, Task } from './task.ts';

/** Printed in full; what one bug breaks, it breaks in many seeds, and of the others there is one line each. */
const PRINTED_MAX = 10;

export interface RunLogSettings {
  readonly scenarios: readonly Scenario[];
  readonly commit: string;
  /** Runs that were asked for. */
  readonly wanted: number;
  /** May hold earlier runs. */
  readonly tally: Tally;
  readonly output: Output;
}

export class RunLog {
  readonly tally: Tally;
  readonly #settings: RunLogSettings;
  readonly #startedMs = performance.now();
  readonly #doneBefore: number;
  readonly #simulatedMsBefore: number;
  #printed = 0;

  constructor(settings: RunLogSettings) {
    this.#settings = settings;
    this.tally = settings.tally;
    const { runs, simulatedMs } = totalOf(settings.tally);
    this.#doneBefore = runs;
    this.#simulatedMsBefore = simulatedMs;
  }

  get elapsedMs(): number {
    return performance.now() - this.#startedMs;
  }

  get allPassed(): boolean {
    const { runs, passed } = totalOf(this.tally);
    return passed === runs && runs === this.#settings.wanted;
  }

  add(task: Task, outcome: Outcome): void {
    addOutcome(this.tally, task, outcome);
    if (outcome.complaints.length > 0) this.#printFailure(task, outcome);
    this.#settings.output.progress.update(() => this.#progress(task));
  }

  #printFailure(task: Task, outcome: Outcome): void {
    const { scenarios, commit, output } = this.#settings;
    const scenario = scenarios.find(({ name }) => name === task.scenario);
    this.#printed += 1;
    if (scenario === undefined) return;
    if (this.#printed > PRINTED_MAX) output.print([failureLine(scenario, task, outcome)]);
    else output.print(failureText({ scenario, commit }, task, outcome));
  }

  #progress(task: Task): string {
    const { runs, passed, operations, faults, simulatedMs } = totalOf(this.tally);
    const figures = {
      label: `${task.scenario}, seed ${task.options.seed}`,
      done: runs,
      total: this.#settings.wanted,
      operations,
      faults,
      simulatedMs,
      failures: runs - passed,
      doneBefore: this.#doneBefore,
      simulatedMsBefore: this.#simulatedMsBefore,
    };
    return progressText(figures, this.elapsedMs, new Date());
  }
}
