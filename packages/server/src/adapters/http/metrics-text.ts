/**
 * Metrics in the text format of Prometheus, version 0.0.4.
 */
import type { FamilyView, MetricsRegistry, SeriesView } from '@kvorum/common';
import { exposedBounds } from '@kvorum/common';

const PREFIX = 'kvorum_';

export function metricsText(registry: MetricsRegistry): string {
  return registry.families().map(familyText).join('');
}

function familyText({ name, family, series }: FamilyView): string {
  const full = `${PREFIX}${name}`;
  const head = `# HELP ${full} ${escapeHelp(family.help)}\n# TYPE ${full} ${family.kind}\n`;
  const lines =
    family.kind === 'histogram'
      ? histogramLines(full, exposedBounds(family.unit).map(String), series)
      : series.map(({ labels, value }) => sample(full, labels, value));
  return head + lines.join('');
}

function histogramLines(name: string, bounds: readonly string[], series: readonly SeriesView[]): string[] {
  return series.flatMap(({ labels, histogram }) => {
    if (histogram === undefined) return [];
    const bucket = (bound: string, count: number): string =>
      sample(`${name}_bucket`, `${labels}${labels && ','}le="${bound}"`, count);
    const counts = histogram.cumulative();
    return [
      ...bounds.map((bound, place) => bucket(bound, counts[place] ?? 0)),
      bucket('+Inf', histogram.count),
      sample(`${name}_sum`, labels, histogram.sum),
      sample(`${name}_count`, labels, histogram.count),
    ];
  });
}

function sample(name: string, labels: string, value: number): string {
  return `${name}${labels && `{${labels}}`} ${number(value)}\n`;
}

function number(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}

function escapeHelp(help: string): string {
  return help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}
