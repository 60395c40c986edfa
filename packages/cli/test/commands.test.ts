import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { defaultLimits, KvorumError } from '@kvorum/common';
import { runCommands } from '../src/index.ts';
import { FakeClient } from './fake-client.ts';
import { Streams } from './terminal.ts';

interface Ran {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

async function run(
  client: FakeClient,
  words: string[],
  options: { json?: boolean; input?: string } = {},
): Promise<Ran> {
  const streams = new Streams();
  const { input, output, error } = streams;
  if (options.input !== undefined) input.end(options.input);
  const status = await runCommands(
    { client, input, output, error, json: options.json ?? false, env: {} },
    { type: 'command', words },
  );
  return { status, out: streams.out, err: streams.err };
}

describe('what people see, and exit statuses', () => {
  test('put, get, cas, delete', async () => {
    const client = new FakeClient();
    expect(await run(client, ['put', 'a', '1'])).toEqual({ status: 0, out: 'OK version 1\n', err: '' });
    expect(await run(client, ['get', 'a'])).toEqual({ status: 0, out: '1\n', err: '' });
    expect(await run(client, ['cas', 'a', '1', '2'])).toEqual({ status: 0, out: 'OK version 2\n', err: '' });
    expect(await run(client, ['cas', 'a', '1', '3'])).toEqual({
      status: 3,
      out: '',
      err: 'MISMATCH value 2 version 2\n',
    });
    expect(await run(client, ['cas', 'a', '--version', '2', '3'])).toMatchObject({ status: 0 });
    expect(await run(client, ['cas', 'b', 'x', '3'])).toEqual({
      status: 3,
      out: '',
      err: 'MISMATCH the key is absent\n',
    });
    expect(await run(client, ['cas', 'b', '--absent', '3'])).toMatchObject({ status: 0 });
    expect(await run(client, ['get', 'nothing'])).toEqual({ status: 3, out: '', err: 'not found\n' });
    expect(await run(client, ['delete', 'a'])).toEqual({ status: 0, out: 'OK\n', err: '' });
    expect(await run(client, ['delete', 'a'])).toEqual({ status: 3, out: '', err: 'not found\n' });
  });

  test('bytes that do not print are escaped, and exact with --raw', async () => {
    const client = new FakeClient();
    await run(client, ['put', 'a', 'x\\x00\\xff']);
    expect((await run(client, ['get', 'a'])).out).toBe('x\\x00\\xff\n');
    const streams = new Streams();
    const chunks: Buffer[] = [];
    streams.output.on('data', (chunk: Buffer) => chunks.push(chunk));
    const options = { client, output: streams.output, error: streams.error, env: {} };
    await runCommands(options, { type: 'command', words: ['get', 'a', '--raw'] });
    expect(Buffer.concat(chunks)).toEqual(Buffer.from([0x78, 0, 0xff]));
  });

  test.each([
    [new KvorumError('unavailable', 'nobody'), 2],
    [new KvorumError('busy', 'full'), 2],
    [new KvorumError('timeout', 'late', { outcome: 'not-applied' }), 2],
    [new KvorumError('timeout', 'late'), 4],
    [new KvorumError('outcome-unknown', 'who knows'), 4],
    [new KvorumError('cancelled', 'stop', { outcome: 'unknown' }), 4],
    [new KvorumError('too-large', 'big'), 1],
  ])('%s', async (failure, status) => {
    const client = new FakeClient();
    client.failures.push(failure);
    const ran = await run(client, ['put', 'a', '1']);
    expect(ran.status).toBe(status);
    expect(ran.err).not.toBe('');
    if (status === 4) expect(ran.err).toContain('the outcome of the put is unknown');
    if (status === 4) expect(ran.err).toContain('repeating it is safe');
  });

  test('an unreachable server: which one, why, and what to do', async () => {
    const client = new FakeClient();
    client.layout = undefined;
    client.failures.push(new KvorumError('unavailable', 'no answer from 127.0.0.1:7001: connection refused'));
    const { status, err } = await run(client, ['get', 'a']);
    expect(status).toBe(2);
    expect(err).toContain('127.0.0.1:7001: connection refused');
    expect(err).toContain('npx kvorum server -p 7001');
    expect(err).toContain('-s HOST:PORT');
  });

  test('usage errors', async () => {
    expect(await run(new FakeClient(), ['put', 'a'])).toEqual({
      status: 1,
      out: '',
      err: 'put needs VALUE: put KEY VALUE\n',
    });
    expect((await run(new FakeClient(), ['get', ''])).err).toContain('the key is empty');
  });
});

describe('add', () => {
  test('counts, from nothing on, by one unless told otherwise', async () => {
    const client = new FakeClient();
    expect(await run(client, ['add', 'n'])).toEqual({ status: 0, out: '1\n', err: '' });
    expect(await run(client, ['add', 'n', '41'])).toEqual({ status: 0, out: '42\n', err: '' });
    expect((await run(client, ['add', 'n', '-9223372036854775808'])).out).toBe('-9223372036854775766\n');
    expect(JSON.parse((await run(client, ['add', 'm', '9223372036854775807', '--json'])).out)).toEqual({
      command: 'add',
      key: 'm',
      value: '9223372036854775807',
      version: 4,
    });
  });

  test.each(['x', '1.5', '', '9223372036854775808', '1e3'])('of "%s" is a usage error', async (delta) => {
    const { status, err } = await run(new FakeClient(), ['add', 'n', delta]);
    expect(status).toBe(1);
    expect(err).toContain(`DELTA is a whole number of 64 bits, not "${delta}"`);
  });

  test('to something else than a number changes nothing', async () => {
    const client = new FakeClient();
    await run(client, ['put', 'n', 'Stockholm']);
    const { status, err } = await run(client, ['add', 'n', '1']);
    expect(status).toBe(3);
    expect(err).toContain('the value is not a decimal number');
    expect((await run(client, ['get', 'n'])).out).toBe('Stockholm\n');
  });

  test('of unknown outcome is not said to be safe to repeat', async () => {
    const client = new FakeClient();
    client.failures.push(new KvorumError('outcome-unknown', 'who knows'));
    const { status, err } = await run(client, ['add', 'n', '1']);
    expect(status).toBe(4);
    expect(err).toContain('look at the value before you repeat it');
    expect(err).not.toContain('repeating it is safe');
  });
});

describe('values from elsewhere', () => {
  const directory = mkdtempSync(join(tmpdir(), 'kvorum-values-'));

  test('a file', async () => {
    const client = new FakeClient();
    const path = join(directory, 'value');
    writeFileSync(path, 'from a file\n');
    await run(client, ['put', 'a', `@${path}`]);
    expect((await run(client, ['get', 'a', '--raw'])).out).toBe('from a file\n');
  });

  test('standard input', async () => {
    const client = new FakeClient();
    await run(client, ['put', 'a', '-'], { input: 'from outside' });
    expect((await run(client, ['get', 'a'])).out).toBe('from outside\n');
    await run(client, ['put', 'a', '--', '-']);
    expect((await run(client, ['get', 'a'])).out).toBe('-\n');
  });

  test('what cannot be read or is too large', async () => {
    const missing = await run(new FakeClient(), ['put', 'a', `@${directory}/missing`]);
    expect(missing).toMatchObject({ status: 1, out: '' });
    expect(missing.err).toContain('there is no such file');
    const path = join(directory, 'large');
    writeFileSync(path, Buffer.alloc(defaultLimits.valueBytesMax + 1));
    const large = await run(new FakeClient(), ['put', 'a', `@${path}`]);
    expect(large.status).toBe(1);
    expect(large.err).toContain(
      `${defaultLimits.valueBytesMax + 1} bytes; the limit of a value is ${defaultLimits.valueBytesMax}`,
    );
  });
});

describe('--json', () => {
  const json = async (client: FakeClient, words: string[]): Promise<unknown> => {
    const { out, err } = await run(client, words, { json: true });
    expect(err).toBe('');
    expect(out.endsWith('\n')).toBe(true);
    return JSON.parse(out);
  };

  test('results', async () => {
    const client = new FakeClient();
    expect(await json(client, ['put', 'a', '1'])).toEqual({ command: 'put', key: 'a', version: 1 });
    expect(await json(client, ['get', 'a'])).toEqual({ command: 'get', key: 'a', found: true, value: '1', version: 1 });
    expect(await json(client, ['get', 'b'])).toEqual({ command: 'get', key: 'b', found: false });
    expect(await json(client, ['cas', 'a', '1', '2'])).toEqual({
      command: 'cas',
      key: 'a',
      applied: true,
      version: 2,
    });
    expect(await json(client, ['cas', 'a', '1', '3'])).toEqual({
      command: 'cas',
      key: 'a',
      applied: false,
      value: '2',
      version: 2,
    });
    expect(await json(client, ['cas', 'b', '1', '3'])).toMatchObject({ applied: false, value: null, version: 0 });
    expect(await json(client, ['delete', 'a'])).toEqual({ command: 'delete', key: 'a', existed: true, version: 3 });
  });

  test('what is not UTF-8 is base64, marked', async () => {
    const client = new FakeClient();
    await run(client, ['put', '\\xfe', '\\xff\\x00']);
    expect(await json(client, ['get', '\\xfe'])).toEqual({
      command: 'get',
      key: '/g==',
      keyEncoding: 'base64',
      found: true,
      value: '/wA=',
      encoding: 'base64',
      version: 1,
    });
  });

  test('errors', async () => {
    const client = new FakeClient();
    client.failures.push(new KvorumError('timeout', 'late'));
    expect(await json(client, ['put', 'a', '1'])).toMatchObject({ error: { code: 'timeout', outcome: 'unknown' } });
    expect(await json(client, ['gte'])).toMatchObject({ error: { code: 'usage', outcome: 'not-applied' } });
  });

  test('the cluster', async () => {
    const client = new FakeClient().allUp();
    expect(await json(client, ['status'])).toEqual({
      command: 'status',
      state: 'formed',
      clusterId: 'feedc0de',
      epoch: 1,
      nodes: { up: 3, total: 3 },
      groups: { withLeader: 3, total: 3 },
      troubles: [],
    });
    expect(await json(client, ['where', 'a'])).toMatchObject({ hash: '3c2569b2', group: 1, leader: 1 });
    expect(await json(client, ['nodes'])).toMatchObject({ nodes: [{ id: 1, leads: [0, 1, 2] }, { id: 2 }, { id: 3 }] });
    expect(await json(client, ['group', '2'])).toMatchObject({
      id: 2,
      reports: [{ node: 1 }, { node: 2 }, { node: 3 }],
    });
  });
});
