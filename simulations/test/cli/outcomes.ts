/** Made-up runs, and an output that keeps what it is told. */
import type { Output } from '../../src/cli/console.ts';
import { ProgressLine } from '../../src/cli/progress.ts';
import type { Outcome, Task } from '../../src/cli/task.ts';
import type { Scenario } from '../../src/run/run.ts';

export function taskOf(scenario: string, seed: number): Task {
  return { scenario, options: { seed, seconds: 60 }, repeat: false, detailed: false };
}

export function outcomeOf(changes: Partial<Outcome> = {}): Outcome {
  return {
    complaints: [],
    traceHash: '0badcafe',
    simulatedMs: 70_000,
    tookMs: 100,
    checkedOperations: 1000,
    faults: { crash: 2, cut: 1 },
    numberedFaults: 3,
    counts: { lost: 5, 'progress after healing ms': 10, 'answered share': 0.9 },
    marks: { 'log-cut': 1, busy: 0 },
    reached: {},
    repeated: false,
    sameHash: true,
    deeds: [],
    trace: [],
    ...changes,
  };
}

export function scenarioNamed(name: string): Scenario {
  return { name, summary: 'for a test', nodes: 3, seconds: 60, run: () => undefined };
}

export class KeptOutput implements Output {
  readonly lines: string[] = [];
  readonly warnings: string[] = [];
  readonly progress = new ProgressLine({ write: () => true });

  get text(): string {
    return this.lines.join('\n');
  }

  print(lines: readonly string[]): void {
    this.lines.push(...lines);
  }

  warn(line: string): void {
    this.warnings.push(line);
  }
}
