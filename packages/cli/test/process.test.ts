import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { FakeServer } from '../../client/test/fake-server.ts';

const program = fileURLToPath(new URL('../bin/client.js', import.meta.url));
const built = fileURLToPath(new URL('../dist/main.js', import.meta.url));

beforeAll(() => {
  if (!existsSync(built)) throw new Error('these tests run what is built: npm run build comes first');
});

const servers: FakeServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

interface Ran {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
  readonly durationMs: number;
}

function run(words: string[], input = ''): Promise<Ran> {
  const startedMs = performance.now();
  const child = spawn(process.execPath, [program, ...words], { env: { ...process.env, KVORUM_HISTFILE: '' } });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  return new Promise((resolve) => {
    child.on('close', (status) => resolve({ status, out, err, durationMs: performance.now() - startedMs }));
  });
}

async function start(): Promise<FakeServer> {
  const server = await FakeServer.start();
  servers.push(server);
  return server;
}

test('an address where nothing listens: status 2 in time, and what to do', async () => {
  const ran = await run(['-s', '127.0.0.1:1', 'get', 'a']);
  expect(ran).toMatchObject({ status: 2, out: '' });
  expect(ran.err).toContain('no answer from 127.0.0.1:1: connection refused');
  expect(ran.err).toContain('npx kvorum server -p 1');
  expect(ran.durationMs).toBeLessThan(5000);
});

test.each([
  [['--bogus'], "unknown option '--bogus'"],
  [['-s', 'nowhere', 'get', 'a'], '"nowhere" is not HOST:PORT'],
  [['-p', '0', 'get', 'a'], 'A port is a number'],
  [['--timeout', 'soon', 'get', 'a'], 'A timeout is a whole number'],
  [['-e', 'get a', 'get', 'b'], 'either -e or a command'],
  [['frob'], 'unknown command "frob"'],
  [['put', 'a'], 'put needs VALUE'],
])('usage: %j', async (words, message) => {
  const ran = await run(words);
  expect(ran).toMatchObject({ status: 1, out: '' });
  expect(ran.err).toContain(message);
});

test('help explains every flag, and goes to standard output', async () => {
  const { status, out, err } = await run(['--help']);
  expect({ status, err }).toEqual({ status: 0, err: '' });
  for (const flag of ['--server', '--local-port', '--json', '--timeout', '--execute']) {
    const described = out.slice(out.indexOf(flag)).replaceAll(/\s+/g, ' ');
    expect(described).toMatch(/^[^(]*\(default: [^;]+; example: [^)]+\)/);
  }
});

test('the version is that of the package', async () => {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
  expect(await run(['--version'])).toMatchObject({ status: 0, out: `${manifest.version}\n`, err: '' });
});

test('no help speaks of what does not exist', async () => {
  const { out } = await run(['--help']);
  expect(out).not.toMatch(/credential/i);
  expect(out.replaceAll(/\s+/g, ' ')).toContain('4 the outcome of a write is unknown. A script');
  expect(out).not.toMatch(/^ {2}client/m);
});

test('one command, a script, and -e', async () => {
  const { name } = await start();
  expect(await run(['-s', name, 'put', 'a', '-5'])).toMatchObject({ status: 0, out: 'OK version 1\n', err: '' });
  expect(await run(['-s', name, 'put', 'a', '-'], 'from outside')).toMatchObject({ status: 0 });
  expect(await run(['-s', name], 'get a\r\ncas a x y\nget a')).toMatchObject({
    status: 3,
    out: 'from outside\nfrom outside\n',
    err: 'MISMATCH value from outside version 2\n',
  });
  expect(await run(['-s', name, '-e', 'get a; get b'])).toMatchObject({ status: 3, out: 'from outside\n' });
  expect(await run(['-s', name, '--json', 'get', 'a'])).toMatchObject({
    out: '{"command":"get","key":"a","found":true,"value":"from outside","version":2}\n',
  });
});
