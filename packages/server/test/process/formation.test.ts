/**
 * A cluster comes together, answers over http, takes in a spare, stops and comes back.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { formatAddress } from '@kvorum/common';
import { freePort, sharedBench, testBench } from './support/bench.ts';
import { Cluster, expectServing } from './support/cluster.ts';
import { until } from './support/deadline.ts';
import { print } from './support/print.ts';
import { TestClient } from './support/test-client.ts';

const FORMED_MS_MAX = 2000;

describe('a cluster of three', () => {
  const bench = sharedBench();
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await Cluster.plan(bench, 3);
  });

  it('serves within two seconds of the last start', async () => {
    const first = cluster.start(0);
    const second = cluster.start(1);
    await Promise.all([first.logged(/checked in, 2 of 3, waiting for 1 more/), second.address()]);
    expect((await first.http('/healthz')).status).toBe(503);
    expect(await (await first.http('/healthz')).json()).toEqual({
      healthy: false,
      reason: 'the node is no member of a cluster yet',
    });
    expect(await first.status()).toMatchObject({ state: 'forming', present: 2, wanted: 3 });

    const startedMs = performance.now();
    cluster.start(2);
    await cluster.healthy();
    const formedMs = performance.now() - startedMs;
    print(`formed ${Math.round(formedMs)} ms after the last start`);
    expect(formedMs).toBeLessThanOrEqual(FORMED_MS_MAX);
    await expectServing(cluster, cluster.client());
  });

  it('tells over http how it is', async () => {
    const statuses = await cluster.statuses();
    expect(statuses.map((status) => status.node).sort()).toEqual([1, 2, 3]);
    expect(new Set(statuses.map((status) => status.clusterId)).size).toBe(1);
    for (const status of statuses) {
      expect(status).toMatchObject({ state: 'member', incarnation: 1, badFrames: 0 });
      expect(status.groups.map((group) => group.group)).toEqual(Array.from({ length: 13 }, (_, group) => group));
    }
    const health = await cluster.server(0).http('/healthz');
    expect(health.headers.get('content-type')).toBe('application/json');
    expect(await health.json()).toEqual({ healthy: true });
    expect((await cluster.server(0).http('/healthz', 'HEAD')).status).toBe(200);
  });

  it.each([
    ['/nothing', 'GET', 404, /nothing at \/nothing.*\/healthz.*\/status/],
    ['/', 'GET', 404, /nothing at \//],
    ['/client', 'GET', 404, /\/client/],
    ['/status', 'POST', 405, /\/status.*GET/],
    ['/healthz', 'DELETE', 405, /\/healthz.*GET/],
  ])('answers %s %s with %i and a reason', async (path, method, status, reason) => {
    const response = await cluster.server(1).http(path, method);
    expect(response.status).toBe(status);
    expect(((await response.json()) as { error: string }).error).toMatch(reason);
  });

  it('names the methods it allows with a 405', async () => {
    expect((await cluster.server(1).http('/status', 'POST')).headers.get('allow')).toBe('GET, HEAD');
  });

  it('has no place for a fourth, which says so, sends clients on and is told again who asks', async () => {
    const server = bench.start('-p', '0', '-s', formatAddress(cluster.address(1)), '--data-dir', bench.directory('4'));
    const { level } = await server.logged(/cluster \w+ is complete with its 3 nodes; this node waits as a spare/);
    expect(level).toBe('warn');
    expect((await server.status()).state).toBe('spare');
    expect(await server.healthy()).toBe(false);
    const client = new TestClient(bench, [await server.address()]);
    await client.put('by way of the spare', 'yes');
    expect((await client.get('by way of the spare'))?.value).toBe('yes');
    expect(await server.end('SIGTERM')).toEqual({ code: 0, signal: null });
  });

  it('ends on SIGTERM with status 0, gives its directory free, and finds its data again', async () => {
    const client = cluster.client();
    for (let n = 0; n < 100; n += 1) await client.put(`kept-${n}`, `${n}`);
    const locks = cluster.addresses.map(({ port }) => path.join(bench.directory(`node-${port}`), 'LOCK'));
    expect(locks.map((lock) => existsSync(lock))).toEqual([true, true, true]);
    const former = await cluster.statuses();
    const exits = await Promise.all(cluster.servers.map((server) => server.end('SIGTERM')));
    expect(exits).toEqual(Array(3).fill({ code: 0, signal: null }));
    expect(locks.map((lock) => existsSync(lock))).toEqual([false, false, false]);

    cluster.startAll();
    await cluster.healthy();
    for (let n = 0; n < 100; n += 1) expect((await client.get(`kept-${n}`))?.value).toBe(`${n}`);
    for (const [place, status] of (await cluster.statuses()).entries()) {
      expect(status).toMatchObject({ node: former[place]?.node, clusterId: former[place]?.clusterId, incarnation: 2 });
    }
  });

  it('finds a node again that comes back on another port', async () => {
    const [before] = await cluster.statuses();
    const lost = cluster.server(2);
    await lost.end('SIGKILL');
    const port = await freePort();
    const args = lost.args.map((arg, place) => (lost.args[place - 1] === '-p' ? `${port}` : arg));
    cluster.servers[2] = bench.start(...args);
    await until('higher epoch everywhere', 10_000, async () =>
      (await cluster.statuses()).every((status) => status.epoch > (before?.epoch ?? Infinity)),
    );
    await cluster.healthy();
    for (const status of await cluster.statuses()) {
      expect(status.nodes?.map((node) => node.address)).toContain(`127.0.0.1:${port}`);
    }
    await expectServing(cluster, new TestClient(bench, [{ host: '127.0.0.1', port }]));
  });
});

it('a bootstrap node that comes back on another port, with its plain command, finds the others', async () => {
  const bench = testBench();
  const cluster = await Cluster.form(bench, 3, ['--partitions', '3']);
  await cluster.server(0).end('SIGKILL');
  const command = cluster.commands[0] ?? [];
  cluster.servers[0] = bench.start('-p', `${await freePort()}`, ...command.slice(2));
  await until('epoch 2 everywhere', 10_000, async () => (await cluster.statuses()).every(({ epoch }) => epoch === 2));
  await expectServing(cluster, new TestClient(bench, [await cluster.server(0).address()]));
});

it('forms whatever the order of the starts, and though one dies in between', async () => {
  const bench = testBench();
  const cluster = await Cluster.plan(bench, 3, ['--partitions', '3']);
  cluster.start(2);
  cluster.start(1);
  await cluster.server(2).logged(/cannot check in at .* nothing listens there; still trying/);
  cluster.start(0);
  await cluster.server(0).logged(/3 of 3/);
  await cluster.healthy();

  const other = await Cluster.plan(bench, 3, ['--partitions', '3']);
  other.start(0);
  other.start(1);
  await other.server(0).logged(/2 of 3/);
  await Promise.all([other.server(0).end('SIGKILL'), other.server(1).end('SIGKILL')]);
  other.startAll();
  await other.healthy();
  expect((await other.statuses()).map(({ node }) => node).sort()).toEqual([1, 2, 3]);
});

it('a cluster that comes back whole on other ports finds itself by -s', async () => {
  const bench = testBench();
  const cluster = await Cluster.form(bench, 3, ['--partitions', '3']);
  await cluster.client().put('kept', 'yes');
  await Promise.all(cluster.servers.map((server) => server.end('SIGKILL')));
  const first = await freePort();
  for (const [place, command] of cluster.commands.entries()) {
    const port = place === 0 ? first : await freePort();
    const join = place === 0 ? [] : ['-s', `127.0.0.1:${first}`];
    cluster.servers[place] = bench.start('-p', `${port}`, '--data-dir', command[3] ?? '', ...join);
  }
  await cluster.healthy();
  const addresses = await Promise.all(cluster.servers.map((server) => server.address()));
  const expected = addresses.map(formatAddress).sort();
  await until('new addresses everywhere', 10_000, async () =>
    (await cluster.statuses()).every(({ nodes }) => {
      const known = nodes?.map((node) => node.address).sort() ?? [];
      return known.join() === expected.join();
    }),
  );
  const client = new TestClient(bench, addresses);
  expect((await client.get('kept'))?.value).toBe('yes');
  await expectServing(cluster, client);
});

it('a cluster of one that comes back on another port is found there', async () => {
  const bench = testBench();
  const cluster = await Cluster.form(bench, 1, ['--partitions', '3']);
  await cluster.client().put('kept', 'yes');
  await cluster.server(0).end('SIGTERM');
  cluster.servers[0] = bench.start('-p', `${await freePort()}`, ...(cluster.commands[0] ?? []).slice(2));
  await cluster.healthy();
  const client = new TestClient(bench, [await cluster.server(0).address()]);
  expect((await client.get('kept', 5000))?.value).toBe('yes');
});
