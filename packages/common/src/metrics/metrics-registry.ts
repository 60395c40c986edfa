/**
 * The Metrics port in memory: what production exposes and what the simulator asserts on.
 *
 * State: one number for each counter and gauge, a histogram for each of those. Invariant: no more series than the limit,
 * whatever is asked for. Label sets beyond it share the series of their family whose labels are all "other", and are counted;
 * a gauge there is the sum of what its handles were last set to.
 */
import { LogLinearHistogram } from './log-linear-histogram.ts';
import type { Counter, Gauge, Histogram, LabelArguments, MetricFamily, MetricName, Metrics } from './metrics.ts';
import { metricFamilies } from './metrics.ts';

/** Lines of a scrape, about: each bucket of a histogram is one. */
export const SERIES_MAX = 5000;
const SERIES_PER_HISTOGRAM = 20;
const OTHER = 'other';

type LabelSet = Readonly<Record<string, string>>;

/** One series as it is now. */
export interface SeriesView {
  /** As in the text format, without the braces: `peer="n2"`; empty without labels. */
  readonly labels: string;
  /** Of a counter or gauge; 0 for a histogram. */
  readonly value: number;
  readonly histogram: LogLinearHistogram | undefined;
}

export interface FamilyView {
  readonly name: MetricName;
  readonly family: MetricFamily;
  /** One at least, in the order in which they were bound. */
  readonly series: readonly SeriesView[];
}

interface Series {
  readonly labels: string;
  readonly slot: number;
  readonly histogram: LogLinearHistogram | undefined;
}

interface Bound {
  readonly series: Series;
  /** Whether it shares the series with others that found no place. */
  readonly folded: boolean;
}

export class MetricsRegistry implements Metrics {
  readonly #seriesMax: number;
  readonly #families = new Map<MetricName, Map<string, Series>>();
  readonly #values: Float64Array;
  #slots = 0;
  #seriesCount = 0;
  readonly #folded: Counter;

  constructor(seriesMax = SERIES_MAX) {
    this.#seriesMax = seriesMax;
    // Beyond the limit each family may need one more, for its others.
    this.#values = new Float64Array(seriesMax + Object.keys(metricFamilies).length + 1);
    this.#folded = this.counter('metric_series_folded_total');
  }

  counter<Name extends MetricName<'counter'>>(name: Name, ...[labels]: LabelArguments<Name>): Counter {
    return new Slot(this.#values, this.#bind(name, labels).series.slot);
  }

  gauge<Name extends MetricName<'gauge'>>(name: Name, ...[labels]: LabelArguments<Name>): Gauge {
    const { series, folded } = this.#bind(name, labels);
    return folded ? new SharedGauge(this.#values, series.slot) : new Slot(this.#values, series.slot);
  }

  histogram<Name extends MetricName<'histogram'>>(name: Name, ...[labels]: LabelArguments<Name>): Histogram {
    return this.#bind(name, labels).series.histogram as LogLinearHistogram;
  }

  /** Of one counter or gauge; undefined when it was never bound. */
  value(name: MetricName<'counter' | 'gauge'>, labels: LabelSet = {}): number | undefined {
    const series = this.#find(name, labels);
    return series && this.#values[series.slot];
  }

  /** Of one histogram, in the family's unit; undefined when it was never bound. */
  quantile(name: MetricName<'histogram'>, quantile: number, labels: LabelSet = {}): number | undefined {
    return this.#find(name, labels)?.histogram?.quantile(quantile);
  }

  /** Every family of which something was bound, in the order of the table. */
  families(): readonly FamilyView[] {
    const names = Object.keys(metricFamilies) as MetricName[];
    return names.flatMap((name) => {
      const series = this.#families.get(name);
      if (series === undefined) return [];
      const views = [...series.values()].map(({ labels, slot, histogram }) => ({
        labels,
        histogram,
        value: this.#values[slot] ?? 0,
      }));
      return { name, family: metricFamilies[name], series: views };
    });
  }

  #find(name: MetricName, labels: LabelSet): Series | undefined {
    return this.#families.get(name)?.get(labelText(Object.keys(metricFamilies[name].labels), labels));
  }

  #bind(name: MetricName, labels: LabelSet = {}): Bound {
    const family: MetricFamily = metricFamilies[name];
    const labelNames = Object.keys(family.labels);
    let ofFamily = this.#families.get(name);
    if (ofFamily === undefined) this.#families.set(name, (ofFamily = new Map<string, Series>()));
    const text = labelText(labelNames, labels);
    const known = ofFamily.get(text);
    if (known !== undefined) return { series: known, folded: false };
    const size = family.kind === 'histogram' ? SERIES_PER_HISTOGRAM : 1;
    // Without labels there is one series, which needs no limit.
    if (labelNames.length === 0 || this.#seriesCount + size <= this.#seriesMax) {
      this.#seriesCount += size;
      return { series: this.#add(ofFamily, text, family), folded: false };
    }
    this.#folded.add(1);
    const other = labelText(labelNames, Object.fromEntries(labelNames.map((label) => [label, OTHER])));
    return { series: ofFamily.get(other) ?? this.#add(ofFamily, other, family), folded: true };
  }

  #add(ofFamily: Map<string, Series>, labels: string, { kind, unit }: MetricFamily): Series {
    const series = {
      labels,
      slot: this.#slots,
      histogram: kind === 'histogram' ? new LogLinearHistogram(unit) : undefined,
    };
    this.#slots += 1;
    ofFamily.set(labels, series);
    return series;
  }
}

/** The place of a counter or gauge among the values. */
class Slot implements Counter, Gauge {
  readonly #values: Float64Array;
  readonly #slot: number;

  constructor(values: Float64Array, slot: number) {
    this.#values = values;
    this.#slot = slot;
  }

  add(amount: number): void {
    this.#values[this.#slot] = (this.#values[this.#slot] as number) + amount;
  }

  set(value: number): void {
    this.#values[this.#slot] = value;
  }
}

/** One of several gauges in one place: changes it by as much as itself changes. */
class SharedGauge implements Gauge {
  readonly #slot: Slot;
  #last = 0;

  constructor(values: Float64Array, slot: number) {
    this.#slot = new Slot(values, slot);
  }

  set(value: number): void {
    this.#slot.add(value - this.#last);
    this.#last = value;
  }
}

/** In the order of the family's table row, whatever order they were given in. */
function labelText(names: readonly string[], labels: LabelSet): string {
  return names.map((name) => `${name}="${escapeLabel(labels[name] ?? '')}"`).join(',');
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}
