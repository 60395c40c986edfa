/**
 * Command lines that are wrong, or odd: the process ends with a sentence that says what to do, or works.
 */
import { get } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { formatAddress } from '@kvorum/common';
import { exposureWarning, packageVersion } from '../../src/flags.ts';
import { freePort, testBench } from './support/bench.ts';
import { Cluster, expectServing } from './support/cluster.ts';
import { until } from './support/deadline.ts';

describe('refuses with status 1 and a sentence', () => {
  it.each([
    ['an unknown flag', ['--no-such-flag'], /unknown option '--no-such-flag'/],
    ['a flag that is nearly one', ['--prot', '1'], /unknown option '--prot'[\s\S]*Did you mean --port/],
    ['a word too many', ['45678'], /too many arguments/],
    ['a port that is no number', ['-p', 'http'], /-p, --port[\s\S]*whole number from 0 to 65535/],
    ['a port out of range', ['-p', '65536'], /whole number from 0 to 65535/],
    ['a negative port', ['-p', '-1'], /whole number from 0 to 65535/],
    ['a port with a fraction', ['-p', '1.5'], /whole number from 0 to 65535/],
    ['a port flag without a port', ['-p'], /-p, --port[\s\S]*whole number from 0 to 65535/],
    ['-s of itself', ['-p', '45678', '-s', '127.0.0.1:45678'], /-s names this very server; name another one/],
    ['-s without a port', ['-s', 'localhost'], /HOST:PORT, for example 127\.0\.0\.1:45678/],
    ['-s with port 0', ['-s', '127.0.0.1:0'], /HOST:PORT/],
    ['-s with a port out of range', ['-s', '127.0.0.1:70000'], /HOST:PORT/],
    ['-s as a url', ['-s', 'http://127.0.0.1:45678'], /HOST:PORT/],
    ['an empty -s', ['-s', ''], /HOST:PORT/],
    ['a cluster of none', ['--cluster-size', '0'], /whole number from 1 to 256/],
    ['a cluster too large', ['--cluster-size', '257'], /whole number from 1 to 256/],
    ['no partitions', ['--partitions', '0'], /whole number from 1 to 1024/],
    ['too many partitions', ['--partitions', '1025'], /whole number from 1 to 1024/],
    ['more replicas than nodes', ['--replication', '5'], /--replication 5 .*--cluster-size is 3; raise .* or lower/],
    ['an empty host', ['--host', ''], /must not be empty/],
    ['an empty data directory', ['--data-dir='], /must not be empty/],
    ['an allowed host with a port', ['--allowed-host', 'db.example:80'], /host name without scheme and port/],
    ['an allowed host as a url', ['--allowed-host', 'http://db.example'], /host name without scheme and port/],
    ['an empty allowed host', ['--allowed-host', ''], /host name without scheme and port/],
    ['a heartbeat round of no time', ['--heartbeat-round', '9'], /whole number from 10 to 60000/],
    ['a heartbeat round too long', ['--heartbeat-round', '60001'], /whole number from 10 to 60000/],
    ['a heartbeat round with a unit', ['--heartbeat-round', '100ms'], /whole number from 10 to 60000/],
    ['an election timeout too long', ['--election-timeout', '600001'], /whole number from 10 to 600000/],
    [
      'an election timeout below the heartbeat round',
      ['--heartbeat-round', '200', '--election-timeout', '199'],
      /--election-timeout 199 is shorter than --heartbeat-round 200: .*; raise the one or lower the other/,
    ],
    ['an unknown log format', ['--log-format', 'xml'], /Allowed choices are auto, text, json/],
    ['an unknown log level', ['--log-level', 'loud'], /Allowed choices are error, warn, info, debug/],
  ])('%s', async (_what, args, message) => {
    const bench = testBench();
    const server = bench.start(...args, '--data-dir', bench.directory('data'));
    expect(await server.exit()).toEqual({ code: 1, signal: null });
    expect(server.output).toMatch(message);
    expect(server.output).toMatch(/--help/);
    expect(server.output).not.toMatch(/\n\s+at /);
  });

  it('a port that is in use', async () => {
    const bench = testBench();
    const other = createServer();
    bench.atEnd(() => void other.close());
    const port = await new Promise<number>((resolve) =>
      other.listen(0, '127.0.0.1', () => resolve((other.address() as AddressInfo).port)),
    );
    const server = bench.start('-p', `${port}`, '--data-dir', bench.directory('data'));
    expect(await server.exit()).toEqual({ code: 1, signal: null });
    expect(server.output).toContain(`127.0.0.1:${port} is in use by another program; choose another port with -p`);
  });

  it('a host that is not of this machine', async () => {
    const bench = testBench();
    // TEST-NET-1, RFC 5737: nobody's address.
    const server = bench.start('-p', '0', '--host', '192.0.2.1', '--data-dir', bench.directory('data'));
    expect(await server.exit()).toEqual({ code: 1, signal: null });
    expect(server.output).toContain('192.0.2.1 is no address of this machine; choose another with --host');
  });

  it('a host name that does not exist, without a stack trace', async () => {
    const bench = testBench();
    const server = bench.start('-p', '0', '--host', 'no-such-host.invalid', '--data-dir', bench.directory('data'));
    expect(await server.exit()).toEqual({ code: 1, signal: null });
    expect(server.output).toMatch(/no-such-host\.invalid.*--host/);
    expect(server.output).not.toMatch(/\n\s+at /);
  });
});

it('--help explains the flags and ends with status 0', async () => {
  const server = testBench().start('--help');
  expect(await server.exit()).toEqual({ code: 0, signal: null });
  for (const flag of ['--port', '--server', '--host', '--data-dir', '--cluster-size', '--replication']) {
    expect(server.output).toContain(flag);
  }
  for (const flag of ['--allowed-host', '--heartbeat-round', '--election-timeout', '--log-format', '--version']) {
    expect(server.output).toContain(flag);
  }
  expect(server.output).toContain('kvorum server -p 45679 -s 127.0.0.1:45678');
});

it('--version prints the version and ends with status 0', async () => {
  const server = testBench().start('--version');
  expect(await server.exit()).toEqual({ code: 0, signal: null });
  expect(server.output).toBe(packageVersion());
});

describe('listening beyond loopback', () => {
  it.each(['0.0.0.0', '::'])('on %s is warned of, and a name that is allowed is taken', async (host) => {
    const bench = testBench();
    const server = bench.start(
      ...['-p', '0', '--host', host, '--data-dir', bench.directory('data')],
      ...['--advertise', 'node.example', '--allowed-host', 'one.example', '--allowed-host', 'two.example'],
    );
    const { level, message } = await server.logged(/without authentication or encryption/);
    expect([level, message]).toEqual([
      'warn',
      `listens on ${host} without authentication or encryption: whoever reaches the port can read and write everything; ` +
        'let a firewall keep others out, or listen on 127.0.0.1',
    ]);
    const { port } = await server.address();
    expect(
      await Promise.all(['node', 'one', 'two', 'three'].map((name) => statusFor(`${name}.example`, port))),
    ).toEqual([200, 200, 200, 421]);
  });

  it.each(['127.0.0.1', '127.0.0.2', 'localhost', '::1'])('listening on %s is not warned of', (host) => {
    expect(exposureWarning(host)).toBeUndefined();
  });

  it.each(['0.0.0.0', '::', '10.0.0.1', 'db.example', '::ffff:10.0.0.1', '127.evil.example', '0'])(
    'listening on %s is',
    (host) => {
      expect(exposureWarning(host)).toContain(`listens on ${host} without authentication`);
    },
  );

  /** What /status answers to whoever calls the server by that name. */
  function statusFor(host: string, port: number): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
      get({ host: 'localhost', port, path: '/status', headers: { host } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      }).on('error', reject);
    });
  }
});

it('an even replication degree is warned of and works', async () => {
  const bench = testBench();
  const cluster = await Cluster.form(bench, 2, ['--replication', '2', '--partitions', '2']);
  expect(cluster.server(0).output).toContain(
    'warning: --replication 2 survives no more failures than 1 would, and needs one more node for each write',
  );
  await expectServing(cluster, cluster.client());
});

it('a cluster of one serves alone', async () => {
  const bench = testBench();
  const cluster = await Cluster.form(bench, 1);
  expect(cluster.server(0).output).not.toContain('warning');
  await expectServing(cluster, cluster.client());
});

it('a bootstrap node that is not there is tried until it is, and the log says so', async () => {
  const bench = testBench();
  const cluster = await Cluster.plan(bench, 2, ['--partitions', '2']);
  const joiner = cluster.start(1);
  const where = formatAddress(cluster.address(0));
  const { level } = await joiner.logged(/cannot check in at/);
  expect(level).toBe('warn');
  expect(joiner.output).toContain(
    `cannot check in at ${where}: connection refused, nothing listens there; still trying`,
  );
  expect((await joiner.status()).state).toBe('forming');
  cluster.start(0);
  await cluster.healthy();
  await expectServing(cluster, cluster.client());
});

it('a bootstrap address where something else listens is named in the log', async () => {
  const bench = testBench();
  const other = createServer((socket) => socket.on('error', () => undefined).end('SSH-2.0-OpenSSH_9.2\r\n'));
  const port = await freePort();
  bench.atEnd(() => void other.close());
  await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve));
  const joiner = bench.start('-p', '0', '-s', `127.0.0.1:${port}`, '--data-dir', bench.directory('data'));
  await joiner.logged(new RegExp(`cannot check in at 127.0.0.1:${port}: .+; still trying`));
  expect(joiner.alive).toBe(true);
  expect(await joiner.end('SIGTERM')).toEqual({ code: 0, signal: null });
});

it('two nodes that name each other with -s say that neither forms the cluster', async () => {
  const bench = testBench();
  const [a, b] = [await freePort(), await freePort()];
  const first = bench.start('-p', `${a}`, '-s', `127.0.0.1:${b}`, '--data-dir', bench.directory('a'));
  const second = bench.start('-p', `${b}`, '-s', `127.0.0.1:${a}`, '--data-dir', bench.directory('b'));
  await Promise.all([first.address(), second.address()]);
  // Not that the other is not there yet: that it waits as well.
  const line = await until('warning', 4000, () =>
    [...first.lines, ...second.lines].find(
      ({ level, message }) => level !== 'info' && !message.includes('nothing listens there'),
    ),
  );
  expect(line.message).toMatch(/without -s|bootstrap/);
});
