import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const kvorum = path('../bin/kvorum.js');
const { version } = JSON.parse(readFileSync(path('../package.json'), 'utf8')) as { version: string };

beforeAll(() => {
  if (!existsSync(path('../dist/main.js'))) throw new Error('these tests run what is built: npm run build comes first');
});

interface Ran {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

function run(args: readonly string[]): Promise<Ran> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  return new Promise((resolve) => child.on('close', (status) => resolve({ status, out, err })));
}

const program = (...args: string[]): Promise<Ran> => run([kvorum, ...args]);

describe('kvorum', () => {
  test.each([['help'], ['--help']])('%s names its programs', async (word) => {
    const { status, out, err } = await program(word);
    expect({ status, err }).toEqual({ status: 0, err: '' });
    for (const name of ['local', 'server', 'client', 'help']) expect(out).toContain(`  kvorum ${name} `);
  });

  test('without a command it says what there is, and fails', async () => {
    const ran = await program();
    expect(ran).toMatchObject({ status: 1, out: '' });
    expect(ran.err).toContain('Usage: kvorum COMMAND');
  });

  test('--version', async () => {
    expect(await program('--version')).toEqual({ status: 0, out: `${version}\n`, err: '' });
  });

  test.each([
    [['serve'], 'unknown command "serve"; did you mean "kvorum server"?'],
    [['clinet', 'get', 'a'], 'unknown command "clinet"; did you mean "kvorum client"?'],
    [['xyzzy'], 'unknown command "xyzzy"; "kvorum help" lists the commands'],
    [['toString'], 'unknown command "toString"; "kvorum help" lists the commands'],
    [['put', 'a', '1'], '"put" is a command of the client: kvorum client put ...'],
    [['help', 'sever'], 'unknown command "sever"; did you mean "kvorum server"?'],
  ])('%j', async (words, message) => {
    expect(await program(...words)).toEqual({ status: 1, out: '', err: `kvorum: ${message}\n` });
  });

  test.each([
    ['server', '--cluster-size'],
    ['client', '--local-port'],
    ['local', '--port'],
  ])('%s gets everything after its name, and "help %s" is its help', async (name, flag) => {
    const { status, out } = await program(name, '--help');
    expect(status).toBe(0);
    expect(out).toContain(flag);
    expect((await program('help', name)).out).toBe(out);
    const wrong = await program(name, '--frob');
    expect(wrong).toMatchObject({ status: 1, out: '' });
    expect(wrong.err).toMatch(/unknown option '--frob'/i);
  });

  test('flags of a program do not need to be known here', async () => {
    const ran = await program('client', '-s', 'nowhere', 'get', 'a');
    expect(ran).toMatchObject({ status: 1, out: '' });
    expect(ran.err).toContain('"nowhere" is not HOST:PORT');
  });

  test.each([['65534'], ['x']])('local: the port %s is refused', async (port) => {
    const ran = await program('local', '-p', port);
    expect(ran).toMatchObject({ status: 1, out: '' });
    expect(ran.err).toContain(`a port is a whole number from 0 to 65533, not "${port}"`);
  });
});

describe('an old Node.js gets a sentence', () => {
  const bins = ['../bin/kvorum.js', '../../server/bin/server.js', '../../cli/bin/client.js'];
  // The real ones read the files just so: the linter keeps new syntax out of them.
  const pretend = (node: string): string =>
    `data:text/javascript,Object.defineProperty(process.versions,"node",{value:"${node}"})`;

  test.each(bins.flatMap((bin) => ['12.22.12', '18.20.8', '20.11.1', '20.18.3'].map((node) => [bin, node] as const)))(
    '%s on %s',
    async (bin, node) => {
      const ran = await run(['--import', pretend(node), path(bin), '--help']);
      expect(ran).toMatchObject({ status: 1, out: '' });
      expect(ran.err).toMatch(new RegExp(`^kvorum[a-z ]* needs Node\\.js 20\\.19 or newer, this is ${node}\n$`));
    },
  );

  test.each(bins.flatMap((bin) => ['20.19.0', '22.0.0', '26.1.0'].map((node) => [bin, node] as const)))(
    '%s runs on %s',
    async (bin, node) => {
      expect(await run(['--import', pretend(node), path(bin), '--help'])).toMatchObject({ status: 0, err: '' });
    },
  );
});
