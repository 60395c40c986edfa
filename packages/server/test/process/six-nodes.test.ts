/**
 * More nodes than replicas: partitions are spread, any node may die, and any single one will do for a client.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { sharedBench } from './support/bench.ts';
import { Cluster, expectServing } from './support/cluster.ts';
import { print } from './support/print.ts';
import { keyOfEachGroup, onlyTo, TestClient } from './support/test-client.ts';

describe('six servers, three replicas', () => {
  const bench = sharedBench();
  let cluster: Cluster;
  let keys: string[];

  beforeAll(async () => {
    cluster = await Cluster.form(bench, 6);
    keys = keyOfEachGroup(await cluster.client().layout(), 'six');
  }, 30_000);

  /** Writes and reads a key of every group. */
  async function useEveryGroup(client: TestClient, value: string): Promise<void> {
    await Promise.all(keys.map((key) => client.put(key, value)));
    const found = await Promise.all(keys.map((key) => client.get(key)));
    expect(found.map((entry) => entry?.value)).toEqual(keys.map(() => value));
  }

  it('makes every node a member, gives each group three members, and spreads the leaders', async () => {
    const { groups, nodes } = await cluster.client().layout();
    expect(nodes).toHaveLength(6);
    expect(groups).toHaveLength(13);
    for (const group of groups) expect(new Set(group.members).size).toBe(3);
    expect(new Set(groups.flatMap((group) => group.members)).size).toBe(6);

    const statuses = await cluster.statuses();
    for (const { node, groups: own } of statuses) {
      const expected = groups.filter((group) => group.members.includes(node)).map((group) => group.id);
      expect(own.map((group) => group.group)).toEqual(expected);
    }
    const leaders = statuses.map((status) => status.groups.filter((group) => group.leading).length);
    print(`groups led by each of six nodes: ${leaders.join(', ')}`);
    expect(leaders.reduce((sum, led) => sum + led, 0)).toBe(13);
    expect(leaders.filter((led) => led > 0).length).toBeGreaterThanOrEqual(4);
  });

  it.each([0, 1, 2, 3, 4, 5])('serves a client that reaches server %i only', async (place) => {
    const address = cluster.address(place);
    const client = new TestClient(bench, [address], onlyTo(address));
    await useEveryGroup(client, `only ${place}`);
  });

  it.each([0, 1, 2, 3, 4, 5])('serves every key while server %i is dead', async (place) => {
    const client = cluster.client();
    await useEveryGroup(client, `before ${place}`);
    await cluster.server(place).end('SIGKILL');
    const startedMs = performance.now();
    await useEveryGroup(client, `without ${place}`);
    const tookMs = performance.now() - startedMs;
    print(`a put and a get in every group right after the death of server ${place}: ${Math.round(tookMs)} ms`);
    expect(tookMs).toBeLessThanOrEqual(2000);
    // A client that comes now, and knows the dead one only as an address, is served as well.
    await useEveryGroup(cluster.client(), `newcomer ${place}`);
    cluster.start(place);
    await cluster.healthy();
  });

  it('is whole again afterwards', async () => {
    await expectServing(cluster, cluster.client());
    await cluster.caughtUp();
  });
});

describe('three servers', () => {
  const bench = sharedBench();
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await Cluster.form(bench, 3);
  }, 30_000);

  it.each([0, 1, 2])('serve a client that reaches server %i only, and its counter counts', async (place) => {
    const address = cluster.address(place);
    const client = new TestClient(bench, [address], onlyTo(address));
    for (const key of keyOfEachGroup(await client.layout(), 'three')) {
      await client.put(key, `${place}`);
      expect((await client.get(key))?.value).toBe(`${place}`);
      const found = await client.get(`${key}-counter`);
      expect(await client.cas(`${key}-counter`, found?.version ?? 0, `${Number(found?.value ?? 0) + 1}`)).toBe(true);
      expect((await client.get(`${key}-counter`))?.value).toBe(`${place + 1}`);
    }
  });

  it('serve it while a server that it could not reach anyway is dead', async () => {
    await cluster.server(2).end('SIGKILL');
    const address = cluster.address(0);
    const client = new TestClient(bench, [address], onlyTo(address));
    for (const key of keyOfEachGroup(await client.layout(), 'two')) {
      await client.put(key, 'two');
      expect((await client.get(key))?.value).toBe('two');
    }
  });
});
