import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { KvorumError } from '@kvorum/common';
import { runCommands, runSession } from '../src/index.ts';
import { EventStream } from '@kvorum/client';
import { FakeClient } from './fake-client.ts';
import { Streams } from './terminal.ts';

async function script(text: string | Buffer | (string | Buffer)[], client = new FakeClient(), json = false) {
  const streams = new Streams();
  const { input, output, error } = streams;
  for (const chunk of Array.isArray(text) ? text : [text]) input.write(chunk);
  input.end();
  const status = await runSession({ client, input, output, error, json, interactive: false, env: {} });
  return { status, out: streams.out, err: streams.err };
}

test('the example of the issue', async () => {
  const { status, out, err } = await script('put city Stockholm\nget city\ncas city Stockholm Göteborg\nget city\n');
  expect({ status, out, err }).toEqual({
    status: 0,
    out: 'OK version 1\nStockholm\nOK version 2\nGöteborg\n',
    err: '',
  });
});

test('CRLF, comments, empty lines, a byte order mark and a last line without an end', async () => {
  const { status, out } = await script('\ufeffput a 1\r\n\r\n# comment\r\n  \nget a');
  expect({ status, out }).toEqual({ status: 0, out: 'OK version 1\n1\n' });
});

test('chunks end anywhere', async () => {
  const bytes = Buffer.from('put a Göteborg\nget a\n');
  const { out } = await script([...bytes].map((byte) => Buffer.of(byte)));
  expect(out).toBe('OK version 1\nGöteborg\n');
});

test('a line that fails does not stop the script; the first failure is the status', async () => {
  const ran = await script('get nothing\nfrob\nput a 1\nget a\n');
  expect(ran.status).toBe(3);
  expect(ran.out).toBe('OK version 1\n1\n');
  expect(ran.err).toContain('not found');
  expect(ran.err).toContain('line 2: unknown command "frob"');
});

test('a write whose outcome is unknown gives 4, and the script goes on', async () => {
  const client = new FakeClient();
  client.failures.push(new KvorumError('timeout', 'late'));
  const ran = await script('put a 1\nput a 2\nget a\n', client);
  expect(ran).toMatchObject({ status: 4, out: 'OK version 1\n2\n' });
});

test('where no server can be reached at all, the script stops', async () => {
  const client = new FakeClient();
  client.layout = undefined;
  client.failures.push(new KvorumError('unavailable', 'no answer from 127.0.0.1:7001: connection refused'));
  const ran = await script('put a 1\nput b 1\n', client);
  expect(ran.status).toBe(2);
  expect(client.calls).toEqual([]);
});

test('exit ends it, help needs no server', async () => {
  const client = new FakeClient();
  client.layout = undefined;
  const ran = await script('help get\nexit\nput a 1\n', client);
  expect(ran.status).toBe(0);
  expect(ran.out).toContain('get KEY');
  expect(client.calls).toEqual([]);
});

test('json: one object per line, errors name theirs', async () => {
  const { out } = await script('put a 1\nfrob\n', new FakeClient(), true);
  const objects = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
  expect(objects).toMatchObject([{ command: 'put' }, { error: { code: 'usage', line: 2 } }]);
});

test('"-" is no value where the commands come from standard input', async () => {
  const ran = await script('put a -\n');
  expect(ran.status).toBe(1);
  expect(ran.err).toContain('use @FILE');
});

test('bytes that are not UTF-8 are refused, not changed', async () => {
  const ran = await script(Buffer.from([0x70, 0x75, 0x74, 0x20, 0x61, 0x20, 0xff, 0x0a]));
  expect(ran.status).toBe(1);
  expect(ran.err).toContain('line 1: the line is not UTF-8');
});

test('timing goes to the error stream', async () => {
  const ran = await script('put a 1\ntiming on\nget a\n');
  expect(ran.out).toBe('OK version 1\n1\n');
  expect(ran.err).toMatch(/ms, served by n1 for group 1, ballot 4, log position 10/);
});

test('a reader that goes away ends it quietly', async () => {
  const streams = new Streams();
  const client = new FakeClient();
  const broken = new Writable({
    write(_chunk, _encoding, done) {
      done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    },
  });
  streams.input.write('put a 1\nget a\nget a\n');
  const { input, error } = streams;
  // The input stays open: it must not be waited for.
  const status = await runSession({ client, input, output: broken, error, interactive: false, env: {} });
  expect(status).toBe(0);
  expect(streams.err).toBe('');
});

test('-e runs commands separated by semicolons', async () => {
  const streams = new Streams();
  const { output, error } = streams;
  const options = { client: new FakeClient(), output, error, env: {} };
  const status = await runCommands(options, { type: 'text', text: 'put a "x;y"; get a; get b' });
  expect(status).toBe(3);
  expect(streams.out).toBe('OK version 1\nx;y\n');
});

test('semicolons separate commands in a script too', async () => {
  const { status, out } = await script('put a 1; get a;\nput b x\\;y;get b\n');
  expect({ status, out }).toEqual({ status: 0, out: 'OK version 1\n1\nOK version 2\nx;y\n' });
});

test('of a line that is not understood nothing is run', async () => {
  const client = new FakeClient();
  const ran = await script('put url http://x/?a;b\nget url\n', client);
  expect(ran).toMatchObject({ status: 1, out: '' });
  expect(ran.err).toContain('line 1: unknown command "b"');
  expect(client.calls).toEqual(['get url']);
});

test('values of several lines', async () => {
  const { status, out } = await script('put a "one\ntwo"\r\nput j {\n  "b": "x y"\n}\nget a --raw; get j --raw\n');
  expect({ status, out }).toEqual({ status: 0, out: 'OK version 1\nOK version 2\none\ntwo{\n  "b": "x y"\n}' });
});

test('a quote that is never closed is an error at the line where it was opened, and nothing behind it runs', async () => {
  const client = new FakeClient();
  const ran = await script("get a\n\nput b 'tis\nput c 1\n", client);
  expect(ran.status).toBe(3);
  expect(ran.err).toContain('line 3: a single quote is not closed');
  expect(client.calls).toEqual(['get a']);
});

test('a line inside a quote that cannot be read ends the script: the rest may be a value', async () => {
  const client = new FakeClient();
  const ran = await script(
    [Buffer.from("put a 'one\n"), Buffer.from([0xff, 0x0a]), Buffer.from("delete b'\nget c\n")],
    client,
  );
  expect(ran.status).toBe(1);
  expect(ran.err).toContain('line 1: the line is not UTF-8');
  expect(client.calls).toEqual([]);
});

test('-e takes several lines too', async () => {
  const streams = new Streams();
  const options = { client: new FakeClient(), output: streams.output, error: streams.error, env: {} };
  expect(await runCommands(options, { type: 'text', text: 'put a "x\ny"\nget a' })).toBe(0);
  expect(streams.out).toBe('OK version 1\nx\\x0ay\n');
  expect(await runCommands(options, { type: 'text', text: 'put a "open' })).toBe(1);
  expect(streams.err).toBe('a double quote is not closed\n');
});

test('news of the program around it go to the error stream', async () => {
  const streams = new Streams();
  const { input, output, error } = streams;
  const news = new EventStream<string>();
  const session = runSession({
    client: new FakeClient(),
    input,
    output,
    error,
    env: {},
    news: news.subscribe(['n2 died']),
  });
  await streams.seeError('n2 died\n');
  input.end();
  expect(await session).toBe(0);
});
