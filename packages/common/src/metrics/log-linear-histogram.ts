/**
 * A histogram in about 3 KB: every octave of 26 is cut into 16 equal steps, so that a quantile is never off by more than a
 * sixteenth. Durations go from 1 µs to 65 s, sizes from 1 byte to 64 MiB; what is beyond counts at the end.
 *
 * What is exposed are the octaves from the ninth on, whose edges are steps as well: the same for every node, so that they can
 * be added up. For that the smallest duration is not 1 µs but a 1,024th of a millisecond, which puts an edge on 0.25 ms.
 */
import type { MetricFamily } from './metrics.ts';

const STEP_BITS = 4;
const STEPS = 1 << STEP_BITS;
const OCTAVES = 26;
const FIRST_EXPOSED_OCTAVE = 8;
const EXPOSED_BUCKETS = 17;
/** Where the last step ends, in steps of the first octave; a 31-bit integer. */
const STEPS_MAX = STEPS << OCTAVES;

/** What the first octave begins with, in the family's unit. */
function smallest(unit: MetricFamily['unit']): number {
  return unit === 'seconds' ? 1 / 1_024_000 : 1;
}

/** The upper edges of the buckets that are exposed: 0.25 ms, 0.5 ms, … 16.384 s, or 256 bytes, … 16 MiB. */
export function exposedBounds(unit: MetricFamily['unit']): readonly number[] {
  return Array.from({ length: EXPOSED_BUCKETS }, (_, bucket) =>
    // Divided, not multiplied: 0.25 ms is to read 0.00025.
    unit === 'seconds' ? 2 ** (FIRST_EXPOSED_OCTAVE + bucket) / 1_024_000 : 2 ** (FIRST_EXPOSED_OCTAVE + bucket),
  );
}

export class LogLinearHistogram {
  readonly #smallest: number;
  readonly #stepsPerUnit: number;
  readonly #counts = new Float64Array(OCTAVES * STEPS);
  #count = 0;
  #sum = 0;

  constructor(unit: MetricFamily['unit']) {
    this.#smallest = smallest(unit);
    this.#stepsPerUnit = STEPS / this.#smallest;
  }

  get count(): number {
    return this.#count;
  }

  get sum(): number {
    return this.#sum;
  }

  /** A value on an edge counts below it, as `le` has it. What is no number of at least 0 is not counted. */
  observe(value: number): void {
    if (!(value >= 0)) return;
    this.#sum += value;
    this.#count += 1;
    const place = Math.min(Math.ceil(value * this.#stepsPerUnit), STEPS_MAX) - 1;
    if (place < STEPS) {
      this.#counts[0] = (this.#counts[0] as number) + 1;
      return;
    }
    const octave = 31 - STEP_BITS - Math.clz32(place);
    const step = (octave << STEP_BITS) + ((place >>> octave) & (STEPS - 1));
    this.#counts[step] = (this.#counts[step] as number) + 1;
  }

  /** The upper edge of the step that the quantile is in, 0 ≤ quantile ≤ 1; 0 when nothing was observed. */
  quantile(quantile: number): number {
    const rank = Math.max(1, Math.ceil(quantile * this.#count));
    let seen = 0;
    for (const [step, count] of this.#counts.entries()) {
      seen += count;
      if (seen >= rank) return this.#edge(step + 1);
    }
    return 0;
  }

  /** How many were at most as large as each of the exposed bounds. */
  cumulative(): readonly number[] {
    const counts: number[] = [];
    let seen = 0;
    for (let bucket = 0; bucket < EXPOSED_BUCKETS; bucket += 1) {
      const from = bucket === 0 ? 0 : (FIRST_EXPOSED_OCTAVE + bucket - 1) * STEPS;
      for (let step = from; step < (FIRST_EXPOSED_OCTAVE + bucket) * STEPS; step += 1)
        seen += this.#counts[step] as number;
      counts.push(seen);
    }
    return counts;
  }

  /** Where the step begins. */
  #edge(step: number): number {
    return ((STEPS + (step % STEPS)) / STEPS) * 2 ** Math.floor(step / STEPS) * this.#smallest;
  }
}
