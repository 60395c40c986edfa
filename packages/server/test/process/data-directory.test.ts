/**
 * Data directories that are in use, left behind, of another cluster or damaged.
 */
import { cpSync, existsSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { formatAddress } from '@kvorum/common';
import type { Bench } from './support/bench.ts';
import { freePort, sharedBench, testBench } from './support/bench.ts';
import { Cluster, expectServing } from './support/cluster.ts';
import { until } from './support/deadline.ts';
import { flipByte, LogRecord, makeNewer, StateRecord } from './support/damage.ts';
import type { ServerProcess } from './support/server-process.ts';

/** Of a start that takes a quarter of a second on an idle machine. */
const REFUSED_MS_MAX = 3000;
const SMALL = ['--partitions', '2'];

const VALUES = 20;
const valueOf = (n: number): string => `value-${n}`.repeat(100);

/** A cluster of one with values in each of its groups, by how it was ended. */
const templates = new Map<NodeJS.Signals, Cluster>();
const templateBench = sharedBench();

beforeAll(async () => {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    const cluster = await Cluster.form(templateBench, 1, SMALL);
    const client = cluster.client();
    for (let n = 0; n < VALUES; n += 1) await client.put(`key-${n}`, valueOf(n));
    await cluster.server(0).end(signal);
    templates.set(signal, cluster);
  }
}, 30_000);

/** A copy of that cluster, not running. */
function stopped(bench: Bench, signal: 'SIGTERM' | 'SIGKILL'): Cluster {
  const template = templates.get(signal);
  if (template === undefined) throw new Error('the template was not made');
  const copy = new Cluster(bench, [template.address(0).port], SMALL);
  cpSync(directoryOf(template), directoryOf(copy), { recursive: true });
  return copy;
}

function directoryOf(cluster: Cluster): string {
  return cluster.bench.directory(`node-${cluster.address(0).port}`);
}

describe('the lock', () => {
  it('keeps a second process out and names the first', async () => {
    const bench = testBench();
    const cluster = await Cluster.form(bench, 1, SMALL);
    const directory = directoryOf(cluster);
    const second = bench.start('-p', '0', '--data-dir', directory, '--cluster-size', '1');
    expect(await second.exit()).toEqual({ code: 1, signal: null });
    expect(second.output).toContain(
      `the data directory ${directory} is in use by process ${cluster.server(0).pid}; stop that one first, or choose another --data-dir`,
    );
    // The loser must not take the winner's lock with it.
    expect(JSON.parse(readFileSync(path.join(directory, 'LOCK'), 'utf8'))).toMatchObject({
      pid: cluster.server(0).pid,
    });
    await expectServing(cluster, cluster.client());
  });

  it('lets one of several in that start at the same time', async () => {
    const bench = testBench();
    const directory = bench.directory('contended');
    const servers = Array.from({ length: 4 }, () =>
      bench.start('-p', '0', '--data-dir', directory, '--cluster-size', '1'),
    );
    const losers = await firstEnds(servers, 3);
    for (const { server, code } of losers) {
      expect(code).toBe(1);
      expect(server.output).toMatch(/is in use by process|is being claimed by another process/);
    }
    const winner = servers.find((server) => server.alive);
    await winner?.logged(/is formed/);
    expect(winner?.alive).toBe(true);
  });

  it.each([
    ['of a process that was killed', undefined],
    ['of a process id that another program has now', JSON.stringify({ pid: process.pid, startedAt: '1' })],
    ['that is empty', ''],
    ['that is no JSON', 'pid 1'],
    ['that is JSON without an owner', 'null'],
    ['that is JSON of something else', '{"pid":"many"}'],
  ])('%s is taken over', async (_what, content) => {
    const bench = testBench();
    const cluster = stopped(bench, 'SIGKILL');
    const lock = path.join(directoryOf(cluster), 'LOCK');
    expect(existsSync(lock)).toBe(true);
    if (content !== undefined) writeFileSync(lock, content);
    cluster.start(0);
    await cluster.healthy();
    expect((await cluster.client().get('key-0'))?.value).toBe(valueOf(0));
  });
});

/** Waits for the end of so many of them. */
async function firstEnds(
  servers: readonly ServerProcess[],
  count: number,
): Promise<{ server: ServerProcess; code: number | null }[]> {
  const ended: { server: ServerProcess; code: number | null }[] = [];
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${ended.length} of ${count} have ended`)), 10_000);
    for (const server of servers) {
      void server.exited.then(({ code }) => {
        ended.push({ server, code });
        if (ended.length < count) return;
        clearTimeout(timer);
        resolve();
      });
    }
  });
  return ended.slice(0, count);
}

describe('of another cluster', () => {
  it('stops a node that is started with -s of a cluster that is not its own', async () => {
    const bench = testBench();
    const own = await Cluster.form(bench, 1, SMALL);
    const other = await Cluster.form(bench, 1, SMALL);
    const [ownStatus] = await own.statuses();
    const [otherStatus] = await other.statuses();
    await own.server(0).end('SIGTERM');
    const lost = bench.start(...(own.commands[0] ?? []), '-s', formatAddress(other.address(0)));
    const { code } = await lost.exit();
    expect(code).toBe(1);
    expect(lost.output).toContain(`this is cluster ${otherStatus?.clusterId}`);
    expect(lost.output).toContain(`belongs to cluster ${ownStatus?.clusterId}`);
    expect(lost.output).toMatch(/start it with an empty --data-dir .* or with -s of a node of its own/);
    await expectServing(other, other.client());
    own.start(0);
    await expectServing(own, own.client());
  });

  it('-s of a node that was once started without it, and still waits for others, is not ignored silently', async () => {
    const bench = testBench();
    const other = await Cluster.form(bench, 1, SMALL);
    const forming = await Cluster.plan(bench, 3, SMALL);
    forming.start(0);
    await forming.server(0).logged(/1 of 3/);
    await forming.server(0).end('SIGTERM');
    const again = bench.start(...(forming.commands[0] ?? []), '-s', formatAddress(other.address(0)));
    const line = await until('word on it', 4000, () => again.lines.find(({ level }) => level !== 'info'));
    expect(line.message).toMatch(/-s|belongs to cluster|--data-dir/);
  });
});

describe('damaged', () => {
  /** Starts the node again and expects that it stops, and says that its data is damaged and what to do. */
  async function expectStop(cluster: Cluster, directory: string): Promise<ServerProcess> {
    const server = cluster.start(0);
    const exit = await server.exit();
    expect(exit, server.output).toEqual({ code: 1, signal: null });
    expect(server.output).toContain(`the data in ${directory} cannot be used`);
    expect(server.output).toContain("Keep the directory for inspection and restore this node's data from a copy");
    expect(server.output).not.toContain('fault of its own');
    // It stays like that: nothing was repaired by being thrown away.
    const again = cluster.start(0);
    expect(await again.exit()).toEqual({ code: 1, signal: null });
    return server;
  }

  it.each([
    ['the identity', LogRecord.identity, /the identity record is damaged/],
    ['the layout', LogRecord.layout, /the layout record is damaged/],
    ["a group's promise", LogRecord.head, /the log of group \d+ is damaged/],
    ["a group's log entries", LogRecord.segment, /the log of group \d+ is damaged/],
  ])('in the log, in %s: the node stops', async (_what, record, message) => {
    const bench = testBench();
    const cluster = stopped(bench, 'SIGTERM');
    const directory = directoryOf(cluster);
    await flipByte(path.join(directory, 'log'), record);
    const server = await expectStop(cluster, directory);
    expect(server.output).toMatch(message);
  });

  it('in the state, in the applied index: the node stops', async () => {
    const bench = testBench();
    const cluster = stopped(bench, 'SIGTERM');
    const directory = directoryOf(cluster);
    await flipByte(path.join(directory, 'state'), StateRecord.applied);
    const server = await expectStop(cluster, directory);
    expect(server.output).toMatch(/the applied index of group \d+ is damaged/);
  });

  it('in the state, in a value: it is never served, and the node stops when it is read', async () => {
    const bench = testBench();
    const cluster = stopped(bench, 'SIGTERM');
    const directory = directoryOf(cluster);
    await flipByte(path.join(directory, 'state'), StateRecord.value);
    const server = cluster.start(0);
    await cluster.healthy();
    const client = cluster.client();
    const reads = await Promise.allSettled(Array.from({ length: VALUES }, (_, n) => client.get(`key-${n}`, 3000)));
    for (const [n, read] of reads.entries()) {
      if (read.status === 'fulfilled') expect(read.value?.value).toBe(valueOf(n));
    }
    expect(reads.some((read) => read.status === 'rejected')).toBe(true);
    expect(await server.exit()).toEqual({ code: 1, signal: null });
    expect(server.output).toMatch(/cannot be used: .*value.* is damaged/);
    expect(server.output).not.toContain('fault of its own');
  });

  it.each(['log', 'state'])('a %s file that was cut in half: the node stops', async (environment) => {
    const bench = testBench();
    const cluster = stopped(bench, 'SIGTERM');
    const directory = directoryOf(cluster);
    const file = path.join(directory, environment, 'data.mdb');
    truncateSync(file, Math.floor(statSync(file).size / 2));
    await expectStop(cluster, directory);
  });

  it.each(['log', 'state'])('a %s file that is something else: the node stops', async (environment) => {
    const bench = testBench();
    const cluster = stopped(bench, 'SIGTERM');
    const directory = directoryOf(cluster);
    writeFileSync(path.join(directory, environment, 'data.mdb'), Buffer.alloc(65536, 'no database '));
    await expectStop(cluster, directory);
  });

  it.each([
    '/proc/kvorum',
    '/proc/kvorum/below',
    '/proc',
    '/sys/kvorum',
    '/dev/kvorum',
    '/dev/null',
    '/dev/null/below',
  ])('%s: refused at once, with a sentence', async (directory) => {
    const server = testBench().start('-p', '0', '--data-dir', directory);
    const { code } = await server.exit(REFUSED_MS_MAX);
    expect(code).toBe(1);
    expect(server.output).toMatch(
      new RegExp(`^the data directory ${directory} cannot be used: .+; choose another --data-dir$`),
    );
  });

  it('a data directory that cannot be written: a sentence, no stack trace', async () => {
    const bench = testBench();
    const file = bench.directory('a-file');
    bench.directory('.');
    writeFileSync(file, '');
    const server = bench.start('-p', `${await freePort()}`, '--data-dir', path.join(file, 'below'));
    expect(await server.exit()).toEqual({ code: 1, signal: null });
    expect(server.output).toContain('a-file');
    expect(server.output).toContain('--data-dir');
    expect(server.output).not.toMatch(/\n\s+at /);
  });
});

describe('of another version', () => {
  const refused = async (cluster: Cluster, what: string): Promise<void> => {
    const server = cluster.start(0);
    expect(await server.exit(), server.output).toEqual({ code: 1, signal: null });
    expect(server.output).toContain(`${what}; this version of Kvorum reads format 1`);
    expect(server.output).toContain('start the version of Kvorum that wrote');
    expect(server.output).not.toMatch(/\n\s+at /);
  };

  it('that is newer: the node says both formats and stops, and starts again when it is its own', async () => {
    const cluster = stopped(testBench(), 'SIGTERM');
    const directory = directoryOf(cluster);
    const file = path.join(directory, 'FORMAT');
    expect(readFileSync(file, 'utf8')).toBe('1\n');
    writeFileSync(file, '2\n');
    await refused(cluster, `the data directory ${directory} has format 2`);
    writeFileSync(file, '1\n');
    cluster.start(0);
    await cluster.healthy();
  });

  it('from before there were formats: the node says so and stops', async () => {
    const cluster = stopped(testBench(), 'SIGTERM');
    const directory = directoryOf(cluster);
    rmSync(path.join(directory, 'FORMAT'));
    await refused(cluster, `the data directory ${directory} has format 0`);
  });

  it('in a record of its log: the node says both formats and stops', async () => {
    const cluster = stopped(testBench(), 'SIGTERM');
    await makeNewer(path.join(directoryOf(cluster), 'log'), LogRecord.head);
    await refused(cluster, 'has format 2');
  });
});
