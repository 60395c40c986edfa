/** What Prometheus reads: by a strict reader, and by Prometheus' own promtool where it is installed. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { metricFamilies, MetricsRegistry, requestOperations, requestOutcomes } from '@kvorum/common';
import { describe, expect, it } from 'vitest';
import { metricsText } from '../../src/adapters/http/metrics-text.ts';
import { parseMetrics } from './prometheus-text.ts';

/** Something of everything. */
function filled(): MetricsRegistry {
  const metrics = new MetricsRegistry();
  metrics.gauge('build_info', { version: '0.1.0', node: 'n1', cluster: 'a"b\\c\nd' }).set(1);
  metrics.gauge('node_start_time_seconds').set(1_795_275_595.6);
  for (const state of ['forming', 'spare', 'member', 'stopping'] as const) {
    metrics.gauge('node_state', { state }).set(state === 'member' ? 1 : 0);
  }
  metrics.gauge('loop_utilization_ratio').set(0.25);
  metrics.counter('stood_still_seconds_total').add(1e-7);
  metrics.gauge('resident_memory_bytes').set(7e7);
  metrics.gauge('heap_bytes').set(1e22);
  metrics.counter('cpu_seconds_total').add(1.5);
  metrics.gauge('requests_pending').set(2);
  metrics.gauge('client_connections').set(3);
  for (const peer of ['n2', 'n3']) {
    metrics.gauge('peer_backlog_bytes', { peer }).set(0);
    metrics.counter('peer_frames_dropped_total', { peer }).add(2);
  }
  const sync = metrics.histogram('log_sync_duration_seconds');
  for (let n = 0; n < 1000; n += 1) sync.observe(n / 1000);
  sync.observe(100);
  metrics.histogram('log_commit_bytes').observe(4096);
  metrics.gauge('disk_free_bytes').set(Infinity);
  for (const operation of requestOperations) {
    for (const outcome of requestOutcomes) metrics.counter('requests_total', { operation, outcome }).add(1);
    metrics.histogram('request_duration_seconds', { operation }).observe(0.001);
  }
  for (const name of ['turn_duration_seconds', 'checkpoint_duration_seconds'] as const)
    metrics.histogram(name).observe(0.01);
  for (const name of [
    'forwards_total',
    'redirects_total',
    'leader_changes_total',
    'snapshots_fetched_total',
    'suspicions_total',
    'bad_frames_total',
  ] as const) {
    metrics.counter(name).add(1);
  }
  metrics.gauge('sessions').set(2);
  for (const name of ['group_leader', 'group_has_leader', 'group_decided_index', 'ballot_number'] as const) {
    metrics.gauge(name, { group: '1' }).set(1);
  }
  metrics.gauge('peer_suspected', { peer: 'n2' }).set(0);
  return metrics;
}

describe('metrics as text', () => {
  it('are read by a strict reader, each family as the table has it', () => {
    const families = parseMetrics(metricsText(filled()));
    const byName = (a: { readonly name: string }, b: { readonly name: string }): number => (a.name < b.name ? -1 : 1);
    expect(families.map(({ name, type, help }) => ({ name, type, help })).sort(byName)).toEqual(
      Object.entries(metricFamilies)
        .map(([name, { kind, help }]) => ({ name: `kvorum_${name}`, type: kind, help }))
        .sort(byName),
    );
    for (const family of families) {
      const declared = Object.keys(
        metricFamilies[family.name.slice('kvorum_'.length) as keyof typeof metricFamilies].labels,
      );
      for (const { labels } of family.samples)
        expect(Object.keys(labels).filter((label) => label !== 'le')).toEqual(declared);
    }
  });

  it('say what was measured', () => {
    const text = metricsText(filled());
    const samples = parseMetrics(text).flatMap((family) => family.samples);
    const value = (name: string, labels: Record<string, string> = {}): number | undefined =>
      samples.find((sample) => {
        return sample.name === `kvorum_${name}` && JSON.stringify(sample.labels) === JSON.stringify(labels);
      })?.value;
    expect(value('build_info', { version: '0.1.0', node: 'n1', cluster: 'a"b\\c\nd' })).toBe(1);
    expect(value('peer_frames_dropped_total', { peer: 'n3' })).toBe(2);
    expect(value('stood_still_seconds_total')).toBe(1e-7);
    expect(value('heap_bytes')).toBe(1e22);
    expect(value('disk_free_bytes')).toBe(Infinity);
    // 0, 1, … 16 ms
    expect(value('log_sync_duration_seconds_bucket', { le: '0.016' })).toBe(17);
    expect(value('log_sync_duration_seconds_bucket', { le: '16.384' })).toBe(1000);
    expect(value('log_sync_duration_seconds_bucket', { le: '+Inf' })).toBe(1001);
    expect(value('log_sync_duration_seconds_count')).toBe(1001);
    expect(value('log_sync_duration_seconds_sum')).toBeCloseTo(599.5);
    expect(value('log_commit_bytes_bucket', { le: '2048' })).toBe(0);
    expect(value('log_commit_bytes_bucket', { le: '4096' })).toBe(1);
  });

  it('are listed in docs/operations.md', () => {
    const page = readFileSync(new URL('../../../../docs/operations.md', import.meta.url), 'utf8');
    const rows = [...page.matchAll(/^\| `kvorum_(\w+)` +\| (\w+) +\| ([\w, ]*?) +\| /gm)].map(
      ([, name, kind, labels]) => {
        return [name, kind, labels?.trim()];
      },
    );
    expect(rows).toEqual(
      Object.entries(metricFamilies).map(([name, { kind, labels }]) => [name, kind, Object.keys(labels).join(', ')]),
    );
  });

  it('pass promtool', ({ skip }) => {
    const { error, status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
      input: metricsText(filled()),
      encoding: 'utf8',
    });
    if (error !== undefined) skip('there is no promtool: apt-get install prometheus');
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
  });
});

describe('the strict reader', () => {
  const head = '# HELP a Help.\n# TYPE a gauge\n';
  it.each([
    ['no end of line', `${head}a 1`],
    ['no samples', head],
    ['no help', '# TYPE a gauge\na 1\n'],
    ['an unknown type', '# HELP a Help.\n# TYPE a number\na 1\n'],
    ['a series twice', `${head}a 1\na 2\n`],
    ['a family twice', `${head}a 1\n${head}a{b="c"} 1\n`],
    ['another family', `${head}b 1\n`],
    ['a value that is none', `${head}a one\n`],
    ['Infinity in JavaScript', `${head}a Infinity\n`],
    ['an open quote', `${head}a{b="c} 1\n`],
    ['a quote in a value', `${head}a{b="c"d"} 1\n`],
    ['a comma too many', `${head}a{b="c",} 1\n`],
    ['empty braces', `${head}a{} 1\n`],
    ['a counter below zero', '# HELP a Help.\n# TYPE a counter\na -1\n'],
    [
      'a histogram without its last bucket',
      '# HELP a H.\n# TYPE a histogram\na_bucket{le="1"} 1\na_sum 1\na_count 1\n',
    ],
    [
      'a histogram that falls',
      '# HELP a H.\n# TYPE a histogram\na_bucket{le="1"} 2\na_bucket{le="+Inf"} 1\na_sum 1\na_count 1\n',
    ],
  ])('refuses %s', (_what, text) => {
    expect(() => parseMetrics(text)).toThrow();
  });
});
