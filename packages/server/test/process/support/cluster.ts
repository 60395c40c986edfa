/**
 * A cluster of real servers on fixed ports: every server can be started again with the command it was first started with.
 */
import type { Address } from '@kvorum/common';
import type { Bench } from './bench.ts';
import { freePort } from './bench.ts';
import { until } from './deadline.ts';
import type { ServerProcess, Status } from './server-process.ts';
import { TestClient } from './test-client.ts';

const HOST = '127.0.0.1';
const FORM_MS_MAX = 15_000;

export class Cluster {
  readonly bench: Bench;
  readonly commands: readonly (readonly string[])[];
  readonly addresses: readonly Address[];
  /** By place; the first is the bootstrap node. The processes that were started last. */
  readonly servers: ServerProcess[] = [];

  /** Ports and commands, without starting anything. */
  constructor(bench: Bench, ports: readonly number[], flags: readonly string[] = []) {
    this.bench = bench;
    this.addresses = ports.map((port) => ({ host: HOST, port }));
    this.commands = ports.map((port) => [
      ...['-p', `${port}`, '--data-dir', bench.directory(`node-${port}`), '--cluster-size', `${ports.length}`],
      ...(port === ports[0] ? [] : ['-s', `${HOST}:${ports[0]}`]),
      ...flags,
    ]);
  }

  static async plan(bench: Bench, size: number, flags: readonly string[] = []): Promise<Cluster> {
    const ports: number[] = [];
    while (ports.length < size) ports.push(await freePort());
    return new Cluster(bench, ports, flags);
  }

  /** Starts all of them and waits until they serve. */
  static async form(bench: Bench, size: number, flags: readonly string[] = []): Promise<Cluster> {
    const cluster = await Cluster.plan(bench, size, flags);
    cluster.startAll();
    await cluster.healthy();
    return cluster;
  }

  startAll(): void {
    for (const place of this.commands.keys()) this.start(place);
  }

  /** With the same command, every time. */
  start(place: number): ServerProcess {
    const server = this.bench.start(...(this.commands[place] ?? []));
    this.servers[place] = server;
    return server;
  }

  server(place: number): ServerProcess {
    const server = this.servers[place];
    if (server === undefined) throw new Error(`no server ${place}`);
    return server;
  }

  address(place: number): Address {
    const address = this.addresses[place];
    if (address === undefined) throw new Error(`no server ${place}`);
    return address;
  }

  client(): TestClient {
    return new TestClient(this.bench, this.addresses);
  }

  statuses(): Promise<Status[]> {
    return Promise.all(this.servers.map((server) => server.status()));
  }

  /** Waits until every server sees all the others and a leader in each of its groups. */
  async healthy(timeoutMs = FORM_MS_MAX): Promise<void> {
    await until('healthy cluster', timeoutMs, async () => {
      const states = await Promise.all(this.servers.map((server) => server.healthy()));
      return states.every(Boolean) && (await this.statuses()).every(seesAll);
    });
  }

  /** Waits until all members of each group have applied the same number of entries; only while nothing is written. */
  async caughtUp(timeoutMs = FORM_MS_MAX): Promise<Map<number, number[]>> {
    return until('equal applied indexes', timeoutMs, async () => {
      const applied = appliedIndexes(await this.statuses());
      const equal = [...applied.values()].every((indexes) => indexes.every((index) => index === indexes[0]));
      return equal && applied;
    });
  }
}

function seesAll(status: Status): boolean {
  return status.state === 'member' && status.nodes?.every((node) => !node.suspected) === true;
}

/** Of each group, at each of its members. */
function appliedIndexes(statuses: readonly Status[]): Map<number, number[]> {
  const applied = new Map<number, number[]>();
  for (const { groups } of statuses) {
    for (const { group, appliedIndex } of groups) applied.set(group, [...(applied.get(group) ?? []), appliedIndex]);
  }
  return applied;
}

/** Fails when one of the servers is not the process it was, or when a normal put and get do not work. */
export async function expectServing(cluster: Cluster, client: TestClient): Promise<void> {
  for (const server of cluster.servers) {
    if (!server.alive) throw new Error(`process ${server.pid} has ended:\n${server.output}`);
  }
  await cluster.healthy();
  const stamp = `${performance.now()}`;
  const places = [...cluster.servers.keys()];
  await Promise.all(places.map((place) => client.put(`normal-${place}`, stamp)));
  for (const place of places) {
    const found = await client.get(`normal-${place}`);
    if (found?.value !== stamp) throw new Error(`a normal get gave ${found?.value}, not what was put`);
  }
}
