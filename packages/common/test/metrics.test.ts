/** The table of what is measured, the histogram, and the bound on how much is kept. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MetricFamily } from '../src/index.ts';
import { exposedBounds, LogLinearHistogram, metricFamilies, MetricsRegistry, SERIES_MAX } from '../src/index.ts';

describe('the table', () => {
  it.each(Object.entries<MetricFamily>(metricFamilies))('%s keeps the rules for names and labels', (name, family) => {
    expect(name).toMatch(/^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/);
    expect(name.endsWith('_total')).toBe(family.kind === 'counter');
    const base = name.replace(/_total$/, '');
    if (family.unit !== 'none') expect(base.endsWith(`_${family.unit}`)).toBe(true);
    else expect(base).not.toMatch(/_(?:seconds|bytes|ratio|ms|milliseconds|kib)$/);
    expect(family.help).toMatch(/^[A-Z].*\.$/);
    const labels = Object.entries(family.labels);
    for (const [label, values] of labels) {
      expect(label).toMatch(/^[a-z][a-z_]*$/);
      expect(['le', 'quantile', 'key', 'client', 'session', 'address']).not.toContain(label);
      if (label === 'group') expect(family.kind).toBe('gauge');
      if (values !== 'open') expect(values.length).toBeLessThanOrEqual(16);
    }
    if (family.kind === 'histogram') expect(labels.every(([, values]) => values !== 'open')).toBe(true);
  });
});

describe('a histogram', () => {
  const seconds = (): LogLinearHistogram => new LogLinearHistogram('seconds');

  it('exposes 0.25 ms, twice that and so on, up to 16 s; sizes from 256 bytes to 16 MiB', () => {
    const bounds = exposedBounds('seconds');
    expect(bounds.slice(0, 4)).toEqual([0.00025, 0.0005, 0.001, 0.002]);
    expect([bounds.length, bounds.at(-1)]).toEqual([17, 16.384]);
    expect([exposedBounds('bytes')[0], exposedBounds('bytes').at(-1)]).toEqual([256, 16 * 1024 * 1024]);
  });

  it.each(['seconds', 'bytes'] as const)('counts %s on a bound below it, and what is more above it', (unit) => {
    for (const [place, bound] of exposedBounds(unit).entries()) {
      const histogram = new LogLinearHistogram(unit);
      histogram.observe(bound);
      histogram.observe(bound * 1.0001);
      const counts = histogram.cumulative();
      expect(counts.map((count) => count)).toEqual(
        counts.map((_, other) => (other < place ? 0 : other === place ? 1 : 2)),
      );
    }
  });

  it('folds into buckets exactly what is at most their bounds', () => {
    const durations = fc.double({ min: 0, max: 100, noNaN: true });
    fc.assert(
      fc.property(fc.array(durations, { maxLength: 200 }), (values) => {
        const histogram = seconds();
        for (const value of values) histogram.observe(value);
        const expected = exposedBounds('seconds').map((bound) => values.filter((value) => value <= bound).length);
        expect(histogram.cumulative()).toEqual(expected);
        expect(histogram.count).toBe(values.length);
        expect(histogram.sum).toBeCloseTo(values.reduce((sum, value) => sum + value, 0));
      }),
    );
  });

  it('knows quantiles to a sixteenth, between 1 µs and 64 s', () => {
    const durations = fc.double({ min: 1e-6, max: 64, noNaN: true });
    fc.assert(
      fc.property(
        fc.array(durations, { minLength: 1, maxLength: 200 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (values, q) => {
          const histogram = seconds();
          for (const value of values) histogram.observe(value);
          const sorted = [...values].sort((a, b) => a - b);
          const exact = sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] as number;
          const told = histogram.quantile(q);
          expect(told).toBeGreaterThanOrEqual(exact * (1 - 1e-9));
          expect(told).toBeLessThanOrEqual(exact * (1 + 1 / 16 + 1e-9));
        },
      ),
    );
  });

  it('takes whatever is measured: nothing, less than 1 µs, more than 64 s, and no nonsense', () => {
    const histogram = seconds();
    expect(histogram.quantile(0.5)).toBe(0);
    for (const value of [0, 1e-12, 1e9, Infinity]) histogram.observe(value);
    expect([histogram.count, histogram.cumulative().at(-1)]).toEqual([4, 2]);
    for (const nonsense of [NaN, -1]) histogram.observe(nonsense);
    expect(histogram.count).toBe(4);
    expect(histogram.quantile(1)).toBeCloseTo(65.536);
  });
});

describe('the registry', () => {
  it('counts, sets and observes through handles that are bound once', () => {
    const metrics = new MetricsRegistry();
    const dropped = metrics.counter('peer_frames_dropped_total', { peer: 'n2' });
    dropped.add(1);
    dropped.add(2);
    metrics.gauge('node_state', { state: 'member' }).set(1);
    metrics.histogram('log_sync_duration_seconds').observe(0.002);
    expect(metrics.value('peer_frames_dropped_total', { peer: 'n2' })).toBe(3);
    expect(metrics.value('node_state', { state: 'member' })).toBe(1);
    expect(metrics.quantile('log_sync_duration_seconds', 0.99)).toBeCloseTo(0.002);
  });

  it('gives whoever binds the same labels the same series', () => {
    const metrics = new MetricsRegistry();
    const labels = { version: '1', node: 'n1', cluster: 'c' };
    metrics.gauge('build_info', labels).set(1);
    metrics.gauge('build_info', { cluster: 'c', node: 'n1', version: '1' }).set(2);
    expect(metrics.families().find(({ name }) => name === 'build_info')?.series).toMatchObject([
      { labels: 'version="1",node="n1",cluster="c"', value: 2 },
    ]);
  });

  it('shows nothing of families that nobody feeds: no data is not zero', () => {
    const metrics = new MetricsRegistry();
    expect(metrics.families().map(({ name }) => name)).toEqual(['metric_series_folded_total']);
    metrics.gauge('heap_bytes');
    expect(metrics.families().map(({ name }) => name)).toEqual(['heap_bytes', 'metric_series_folded_total']);
    expect(metrics.value('resident_memory_bytes')).toBeUndefined();
    expect(metrics.quantile('log_sync_duration_seconds', 0.5)).toBeUndefined();
  });

  it('folds what is beyond the limit into "other", and counts it', () => {
    const metrics = new MetricsRegistry(10);
    const dropped = Array.from({ length: 20 }, (_, n) =>
      metrics.counter('peer_frames_dropped_total', { peer: `n${n}` }),
    );
    const backlogs = Array.from({ length: 5 }, (_, n) => metrics.gauge('peer_backlog_bytes', { peer: `n${n}` }));
    for (const counter of dropped) counter.add(1);
    for (const gauge of backlogs) gauge.set(100);
    for (const gauge of backlogs) gauge.set(7);
    // One of the ten is the counter of what was folded.
    expect(metrics.value('peer_frames_dropped_total', { peer: 'n8' })).toBe(1);
    expect(metrics.value('peer_frames_dropped_total', { peer: 'n9' })).toBeUndefined();
    expect(metrics.value('peer_frames_dropped_total', { peer: 'other' })).toBe(11);
    expect(metrics.value('peer_backlog_bytes', { peer: 'other' })).toBe(35);
    expect(metrics.value('metric_series_folded_total')).toBe(16);
    // What needs no labels always has its place.
    metrics.histogram('log_commit_bytes').observe(1);
    expect(metrics.quantile('log_commit_bytes', 1)).toBeGreaterThan(0);
  });

  it('never grows beyond its limit, whatever is asked of it', () => {
    const metrics = new MetricsRegistry();
    for (let n = 0; n < 4 * SERIES_MAX; n += 1) metrics.gauge('peer_backlog_bytes', { peer: `n${n}` }).set(1);
    const series = metrics.families().reduce((sum, family) => sum + family.series.length, 0);
    expect(series).toBeLessThanOrEqual(SERIES_MAX + 1);
    expect(metrics.value('peer_backlog_bytes', { peer: 'other' })).toBe(3 * SERIES_MAX + 1);
  });

  it('escapes what labels may hold', () => {
    const metrics = new MetricsRegistry();
    metrics.gauge('peer_backlog_bytes', { peer: 'a"b\\c\nd' });
    expect(metrics.families()[0]?.series[0]?.labels).toBe('peer="a\\"b\\\\c\\nd"');
  });
});
