import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { until } from '../../../client/test/until.ts';
import { LocalCluster } from '../../src/local-cluster.ts';
import type { ServerProcess } from '../../src/server-process.ts';

const kvorum = fileURLToPath(new URL('../../../kvorum/bin/kvorum.js', import.meta.url));

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function newDirectory(): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'kvorum-local-'));
  cleanups.push(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

async function start(directory: string): Promise<LocalCluster> {
  const cluster = await LocalCluster.start(directory, { firstPort: 0 });
  cleanups.push(() => cluster.stop());
  return cluster;
}

/** What it tells from now on. */
function follow(cluster: LocalCluster): string[] {
  const lines: string[] = [];
  const news = cluster.news.subscribe([]);
  void (async () => {
    for await (const line of news) lines.push(line);
  })();
  return lines;
}

async function nodesOf(cluster: LocalCluster): Promise<unknown[]> {
  return Promise.all(
    cluster.servers.map(async (server) => [path.basename(server.dataDir), (await server.status())?.node]),
  );
}

async function kill(server: ServerProcess): Promise<void> {
  const { pid } = server;
  await until(() => server.running);
  process.kill(server.pid ?? 0, 'SIGKILL');
  await until(() => server.pid !== pid || !server.running);
}

const mode = (file: string): string => (statSync(file).mode & 0o777).toString(8);

test('folder n1 holds node n1 and so on, and only the owner can read them', async () => {
  const directory = path.join(newDirectory(), 'kvorum', 'local');
  const cluster = await start(directory);
  await cluster.ready();
  expect(readdirSync(directory).sort()).toEqual(['n1', 'n2', 'n3']);
  expect(await nodesOf(cluster)).toEqual([
    ['n1', 1],
    ['n2', 2],
    ['n3', 3],
  ]);
  expect(cluster.servers.map((server) => server.name)).toEqual(['n1', 'n2', 'n3']);
  for (const folder of ['..', '.', 'n1', 'n2', 'n3']) expect(mode(path.join(directory, folder))).toBe('700');
  for (const server of cluster.servers) expect(mode(server.logFile)).toBe('600');
});

test('a server that dies is named and started again, and given up when it dies too often', async () => {
  const cluster = await start(newDirectory());
  await cluster.ready();
  const news = follow(cluster);
  const server = cluster.servers[1] as ServerProcess;
  await kill(server);
  await until(() => news.length === 1);
  expect(news[0]).toMatch(
    new RegExp(`^n2 at ${server.address} was ended by SIGKILL; its last words: .+; it is started again$`),
  );
  await expect.poll(() => server.isHealthy(), { timeout: 10_000 }).toBe(true);
  for (let times = 2; times <= 6; times += 1) {
    await kill(server);
    await until(() => news.length === times);
  }
  expect(news[4]).toContain('it is started again');
  expect(news[5]).toContain('it was started again 5 times within a minute and is left alone now');
  expect(news[5]).toContain(server.logFile);
  expect(server.running).toBe(false);
});

test('a server whose folder was taken away is not started again, and that is said', async () => {
  const cluster = await start(newDirectory());
  await cluster.ready();
  const news = follow(cluster);
  const server = cluster.servers[2] as ServerProcess;
  rmSync(server.dataDir, { recursive: true });
  await kill(server);
  await until(() => news.length === 2);
  expect(news[1]).toMatch(/^n3 at \S+ cannot be started again: ENOENT/);
});

test('who holds the data is named: another kvorum local', async () => {
  const directory = newDirectory();
  const other = spawn(process.execPath, [kvorum, 'local', '-p', '0'], {
    cwd: directory,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const ended = new Promise((resolve) => other.once('close', resolve));
  cleanups.push(async () => {
    other.stdin.end();
    await ended;
  });
  let out = '';
  other.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  other.stdin.write('put a 1; get a\n');
  await until(
    () => out.includes('\n1\n'),
    () => out,
  );
  const cluster = await start(path.join(directory, '.kvorum', 'local'));
  await expect(cluster.ready()).rejects.toThrow(
    new RegExp(
      `^the data of n\\d in .*/n\\d is in use by process \\d+, a server of the "kvorum local" that runs as process ${other.pid}; leave that one first$`,
    ),
  );
});

test('who holds the data is named: any other server', async () => {
  const directory = newDirectory();
  const dataDir = path.join(directory, 'n1');
  const server = fileURLToPath(new URL('../../../server/bin/server.js', import.meta.url));
  const other = spawn(process.execPath, [server, '-p', '0', '--data-dir', dataDir], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = new Promise((resolve) => other.once('close', resolve));
  cleanups.push(async () => {
    other.kill('SIGTERM');
    await ended;
  });
  let log = '';
  other.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
  await until(
    () => log.includes('listens on'),
    () => log,
  );
  const cluster = await start(directory);
  const message = await cluster.ready().then(
    () => 'it started',
    (error: Error) => error.message,
  );
  expect(message).toContain(`the data of n1 in ${dataDir} is in use by process ${other.pid} (`);
  expect(message).toContain('server.js -p 0 --data-dir');
  expect(message).toMatch(/; stop that one first$/);
  expect(message).not.toContain('kvorum local');
});

test('directories that were open to everybody are closed', async () => {
  const directory = newDirectory();
  mkdirSync(path.join(directory, 'n1'), { mode: 0o755 });
  await start(directory);
  expect(mode(path.join(directory, 'n1'))).toBe('700');
});

test('a server that cannot start is named, with what it said', async () => {
  const directory = newDirectory();
  mkdirSync(path.join(directory, 'n3'));
  // Where its lock belongs stands something else.
  mkdirSync(path.join(directory, 'n3', 'LOCK'));
  const cluster = await start(directory);
  await expect(cluster.ready()).rejects.toThrow(/^n3 at 127\.0\.0\.1:\d+ ended with status 1; its last words: .+/);
});
