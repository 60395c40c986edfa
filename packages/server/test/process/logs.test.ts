/** What a real server writes: for programs unless it is asked otherwise, and nothing over and over again. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { testBench } from './support/bench.ts';
import { Cluster } from './support/cluster.ts';

it.each([
  ['auto', /^\{"level":"info","message":"listens on /],
  ['json', /^\{"level":"info","message":"listens on /],
  ['text', /^\d\d:\d\d:\d\d\.\d{3} info listens on /],
])('without a terminal, --log-format %s', async (format, line) => {
  const bench = testBench();
  const server = bench.start('-p', '0', '--data-dir', bench.directory('data'), '--log-format', format);
  await server.logged(/listens on /);
  expect(server.raw[0]).toMatch(line);
});

it('a node that comes and goes has one line of its peer for all its connections', async () => {
  const bench = testBench();
  const cluster = await Cluster.form(bench, 2, ['--replication', '1', '--partitions', '1']);
  const first = cluster.server(0);
  for (let time = 0; time < 3; time += 1) {
    await cluster.server(1).end('SIGKILL');
    cluster.start(1);
    await cluster.healthy();
  }
  // What was only counted so far is told when the process ends.
  await first.end('SIGTERM');
  const lost = first.lines.filter(({ message }) => /connection to n2 at .* is lost; it is made again/.test(message));
  const more = lost.flatMap(({ message }) => / … and (\d+) more like it in the last 10 s$/.exec(message)?.[1] ?? []);
  expect(lost.length - more.length).toBe(1);
  expect(more.reduce((sum, count) => sum + Number(count), 0)).toBeGreaterThanOrEqual(2);
});

it('a server whose log nobody reads any more ends when it is asked to', async () => {
  const program = fileURLToPath(new URL('../../bin/server.js', import.meta.url));
  const args = [program, '-p', '0', '--cluster-size', '1', '--data-dir', testBench().directory('data')];
  const server = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  onTestFinished(() => void server.kill('SIGKILL'));
  await new Promise<void>((resolve) => {
    let heard = '';
    server.stderr.on('data', (chunk: Buffer) => /leads group/.test((heard += chunk.toString())) && resolve());
  });
  server.stderr.destroy();
  server.kill('SIGTERM');
  const [status, signal] = (await once(server, 'exit')) as [number | null, string | null];
  expect([status, signal]).toEqual([0, null]);
});
