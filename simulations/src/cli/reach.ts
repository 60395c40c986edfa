/** What runs together reached: how many runs reached each thing. */
import { several } from './figures.ts';
import { textTable } from './table.ts';
import type { Outcome } from './task.ts';

/** What fewer of a hundred runs reach is worth a line. */
const RARE_PERCENT = 2;
const MARK = /^mark /;

export class Reach {
  readonly #runs = new Map<string, number>();
  #all = 0;

  add({ reached }: Outcome): void {
    this.#all += 1;
    for (const name of Object.keys(reached)) this.#runs.set(name, (this.#runs.get(name) ?? 0) + 1);
  }

  /** What was reached in all, and in how many runs what is rare. */
  text(): string[] {
    const marks = [...this.#runs.keys()].filter((name) => MARK.test(name)).length;
    const rare = [...this.#runs]
      .filter(([, runs]) => runs * 100 < this.#all * RARE_PERCENT)
      .sort(([, a], [, b]) => a - b);
    return [
      '',
      `reached: ${several(marks, 'coverage mark')}, ${several(this.#runs.size - marks, 'pair')} of a state and a message`,
      ...textTable(
        rare.map(([name, runs]) => [name, `${several(runs, 'run')}`]),
        ['left', 'right'],
      ).map((line) => `  ${line}`),
    ];
  }
}
