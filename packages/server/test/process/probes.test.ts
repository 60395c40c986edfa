/** What a real server says of itself to those who stop, start and scrape it. */
import { describe, expect, it } from 'vitest';
import { parseMetrics } from '../adapters/prometheus-text.ts';
import { sharedBench, testBench } from './support/bench.ts';
import { Cluster } from './support/cluster.ts';
import { until } from './support/deadline.ts';
import type { ServerProcess } from './support/server-process.ts';

const LEADERLESS_MS_MAX = 10_000;

async function probe(server: ServerProcess, path: string): Promise<{ status: number; body: unknown }> {
  const response = await server.http(path);
  return { status: response.status, body: await response.json() };
}

it('a node that waits for others is alive, and not ready', async () => {
  const bench = testBench();
  const cluster = await Cluster.plan(bench, 3);
  const server = cluster.start(0);
  await server.logged(/1 of 3/);
  expect(await probe(server, '/livez')).toEqual({ status: 200, body: { live: true } });
  expect(await probe(server, '/readyz')).toEqual({
    status: 503,
    body: { ready: false, reason: 'the cluster is not complete yet' },
  });
});

it('a lost majority makes the one that is left unhealthy, and neither dead nor unready', async () => {
  const bench = testBench();
  const cluster = await Cluster.form(bench, 3, ['--partitions', '2']);
  for (const server of cluster.servers) {
    for (const path of ['/livez', '/readyz', '/healthz']) expect((await probe(server, path)).status).toBe(200);
  }
  const last = cluster.server(2);
  for (const place of [0, 1]) await cluster.server(place).end('SIGKILL');
  await until('loss of every leader', LEADERLESS_MS_MAX, async () => !(await last.healthy()));
  expect(await probe(last, '/healthz')).toMatchObject({
    body: { healthy: false, reason: expect.stringMatching(/^no leader in group/) as string },
  });
  expect(await probe(last, '/livez?verbose')).toEqual({
    status: 200,
    body: {
      live: true,
      checks: [
        { name: 'loop', ok: true },
        { name: 'storage', ok: true },
      ],
    },
  });
  expect(await probe(last, '/readyz?verbose')).toEqual({
    status: 200,
    body: {
      ready: true,
      checks: [
        { name: 'log', ok: true },
        { name: 'member', ok: true },
        { name: 'serving', ok: true },
      ],
    },
  });
});

describe('/metrics of a server', () => {
  const bench = sharedBench();

  it('has what the process, its links and its disk did', async () => {
    const cluster = await Cluster.form(bench, 2, ['--replication', '2', '--partitions', '1']);
    const client = cluster.client();
    await client.put('key', 'value');
    const server = cluster.server(0);
    const text = await (await server.http('/metrics')).text();
    expect(parseMetrics(text).length).toBeGreaterThan(10);
    const { clusterId } = await server.status();
    const value = (series: string): number => {
      const line = text.split('\n').find((each) => each.startsWith(`${series} `));
      if (line === undefined) throw new Error(`no ${series} in:\n${text}`);
      return Number(line.slice(series.length));
    };
    expect(text).toMatch(new RegExp(`^kvorum_build_info{version="[^"]+",node="n1",cluster="${clusterId}"} 1$`, 'm'));
    expect(value('kvorum_node_state{state="member"}')).toBe(1);
    expect(value('kvorum_node_state{state="forming"}')).toBe(0);
    expect(value('kvorum_client_connections')).toBeGreaterThanOrEqual(1);
    expect(value('kvorum_peer_backlog_bytes{peer="n2"}')).toBeGreaterThanOrEqual(0);
    expect(value('kvorum_peer_frames_dropped_total{peer="n2"}')).toBe(0);
    expect(value('kvorum_log_sync_duration_seconds_count')).toBeGreaterThan(2);
    expect(value('kvorum_log_commit_bytes_sum')).toBeGreaterThan(100);
    expect(value('kvorum_disk_free_bytes')).toBeGreaterThan(0);
    expect(value('kvorum_resident_memory_bytes')).toBeGreaterThan(1e7);
    expect(value('kvorum_cpu_seconds_total')).toBeGreaterThan(0);
    expect(value('kvorum_node_start_time_seconds')).toBeGreaterThan(1e9);
  });
});
