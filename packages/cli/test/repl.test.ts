import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { runSession } from '../src/index.ts';
import { EventStream } from '@kvorum/client';
import { FakeClient } from './fake-client.ts';
import { Streams } from './terminal.ts';
import { until } from '../../client/test/until.ts';

const PROMPT = 'kvorum 127.0.0.1:7001> ';
const CTRL_C = '\x03';
const CTRL_D = '\x04';
const CTRL_R = '\x12';

interface Repl {
  readonly client: FakeClient;
  readonly terminal: Streams;
  readonly history: string;
  readonly news: EventStream<string>;
  readonly status: Promise<number>;
}

const open: Repl[] = [];
afterEach(async () => {
  for (const { terminal, status } of open.splice(0)) {
    terminal.input.end();
    await status;
  }
});

async function start(history = join(mkdtempSync(join(tmpdir(), 'kvorum-repl-')), 'history')): Promise<Repl> {
  const client = new FakeClient().allUp();
  const terminal = new Streams();
  const { input, output, error } = terminal;
  const env = { KVORUM_HISTFILE: history };
  const news = new EventStream<string>();
  const session = { client, input, output, error, interactive: true, env, news: news.subscribe([]) };
  const status = runSession(session);
  const repl = { client, terminal, history, news, status };
  open.push(repl);
  await terminal.see(PROMPT);
  return repl;
}

test('commands, one after the other', async () => {
  const { terminal } = await start();
  terminal.type('put a 1\r');
  await terminal.see('OK version 1\n');
  await terminal.see(PROMPT);
  terminal.type('get a\r');
  await terminal.see('\n1\n');
  await terminal.see(PROMPT);
});

test('a paste of many lines runs all of them in order', async () => {
  const { client, terminal } = await start();
  terminal.type('put a 1\nput a 2\nget a\nget b\nput b\nput c 3\n');
  await terminal.see('OK version 1\nOK version 2\n2\n');
  await terminal.see('OK version 3\n');
  expect(client.calls).toEqual(['put a', 'put a', 'get a', 'get b', 'put c']);
  // In the middle of a paste nobody is asked for what was left out.
  expect(terminal.err).toContain('put needs VALUE');
});

test('Ctrl-D leaves with 0', async () => {
  const { terminal, status } = await start();
  terminal.type(CTRL_D);
  expect(await status).toBe(0);
});

test('exit leaves with 0, and does not run what comes after it', async () => {
  const { client, terminal, status } = await start();
  terminal.type('exit\rput a 1\r');
  expect(await status).toBe(0);
  expect(client.calls).toEqual([]);
});

test('when the input ends, what was typed still runs', async () => {
  const { client, terminal, status } = await start();
  terminal.input.end('put a 1\nput b 2\n');
  expect(await status).toBe(0);
  expect(client.calls).toEqual(['put a', 'put b']);
});

test('Ctrl-C cancels the running command, drops the lines behind it, and says what that means', async () => {
  const { client, terminal } = await start();
  client.stuck = true;
  terminal.type('put a 1\rget a\r');
  await until(() => client.calls.length === 1);
  terminal.type(CTRL_C);
  await terminal.see('^C');
  await terminal.see(PROMPT);
  expect(terminal.err).toContain('1 more lines are dropped');
  expect(terminal.err).toContain('the outcome of the put is unknown, it may still take effect; repeating it is safe');
  expect(client.calls).toEqual(['put a']);
});

test('Ctrl-C clears the line', async () => {
  const { client, terminal } = await start();
  terminal.type('put a ');
  await terminal.see('put a ');
  terminal.type(CTRL_C);
  await terminal.see(PROMPT);
  terminal.type('get b\r');
  await terminal.seeError('not found');
  expect(client.calls).toEqual(['get b']);
});

test('what is typed while a command runs is kept', async () => {
  const { client, terminal } = await start();
  client.stuck = true;
  terminal.type('get a\r');
  await until(() => client.calls.length === 1);
  terminal.type('get b');
  client.stuck = false;
  terminal.type(CTRL_C);
  await terminal.see(PROMPT);
  terminal.type('\r');
  await until(() => client.calls.length === 2);
  expect(client.calls).toEqual(['get a', 'get b']);
});

test('the history is kept, and searched with Ctrl-R', async () => {
  const first = await start();
  first.terminal.type('put city 1\rget other\rexit\r');
  await first.status;
  expect(readFileSync(first.history, 'utf8')).toBe('put city 1\nget other\nexit\n');
  const second = await start(first.history);
  second.terminal.type(`${CTRL_R}cit`);
  await second.terminal.see('(search) cit: put city 1');
  second.terminal.type('\r');
  await second.terminal.see('OK version 1\n');
  second.terminal.type(`${CTRL_R}other\r`);
  await until(() => second.client.calls.length === 2);
  expect(second.client.calls).toEqual(['put city', 'get other']);
  second.terminal.type('\x1b[A\r');
  await until(() => second.client.calls.length === 3);
  expect(second.client.calls[2]).toBe('get other');
});

test('arguments that were left out are asked for, also when the answers were typed ahead', async () => {
  const { client, terminal } = await start();
  terminal.type('put\r');
  await terminal.see('KEY:');
  terminal.type('city\rNew York\rget city\r');
  await terminal.see('OK version 1\n');
  await terminal.see('New York\n');
  expect(client.calls).toEqual(['put city', 'get city']);
});

test.each([
  ['Ctrl-C', CTRL_C],
  ['Ctrl-D', CTRL_D],
])('%s at a question goes back to the prompt', async (_name, key) => {
  const { client, terminal } = await start();
  terminal.type('get\r');
  await terminal.see('KEY:');
  terminal.type(key);
  await terminal.seeError('nothing was done');
  await terminal.see(PROMPT);
  terminal.type('put a 1\r');
  await terminal.see('OK version 1\n');
  expect(client.calls).toEqual(['put a']);
});

test('a guided delete asks whether that is meant', async () => {
  const { client, terminal } = await start();
  terminal.type('put a 1\r');
  await terminal.see('OK');
  await terminal.see(PROMPT);
  terminal.type('delete\r');
  await terminal.see('KEY:');
  terminal.type('a\r');
  await terminal.see('Delete a?');
  terminal.type('\r');
  await terminal.seeError('nothing was done');
  expect(client.calls).toEqual(['put a']);
});

test('a node to look at is chosen from a list', async () => {
  const { terminal } = await start();
  terminal.type('node\r');
  await terminal.see('Which node?');
  terminal.type('\x1b[B');
  await terminal.see('❯ n2');
  terminal.type('\r');
  await terminal.see('address    127.0.0.1:7002');
});

test('news about the connection stand above the line that is being typed', async () => {
  const { client, terminal } = await start();
  terminal.type('get ci');
  await terminal.see('get ci');
  const address = client.connected[0] as { host: string; port: number };
  client.connected = [];
  client.events.push({ type: 'disconnected', address, reason: 'the connection broke' });
  await terminal.seeError('disconnected from 127.0.0.1:7001; reconnecting');
  await terminal.see(`${PROMPT}get ci`);
  client.connected = [address];
  client.events.push({ type: 'connected', address });
  await terminal.seeError('connected to 127.0.0.1:7001');
});

test('news of the program around it stand above the line too, those of a search behind it', async () => {
  const { terminal, news } = await start();
  terminal.type('get ci');
  await terminal.see('get ci');
  news.push('n2 died');
  await terminal.seeError('n2 died\n');
  await terminal.see(`${PROMPT}get ci`);
  terminal.type(CTRL_R);
  await terminal.see('(search)');
  news.push('n3 died');
  terminal.type('x');
  await terminal.see('(failed search) x');
  expect(terminal.err).not.toContain('n3');
  terminal.type(CTRL_C);
  await terminal.seeError('n3 died\n');
});

test('nothing is coloured where it is not a terminal', async () => {
  const { terminal } = await start();
  terminal.type('put a 1\r');
  await terminal.see('OK version 1');
  expect(terminal.out).not.toMatch(/\x1b\[3\dm/);
});

test('a value without a line end is not overwritten by the prompt', async () => {
  const { terminal } = await start();
  terminal.type('put a 1\rget a --raw\r');
  await terminal.see('OK version 1\n');
  await terminal.see(PROMPT);
  // The prompt is drawn from the first column of its line on.
  expect(terminal.screen).toContain('\n1\n');
});

test('semicolons separate commands', async () => {
  const { client, terminal } = await start();
  terminal.type('put a 1; get a ;get b\r');
  await terminal.see('OK version 1\n1\n');
  await terminal.seeError('not found');
  expect(client.calls).toEqual(['put a', 'get a', 'get b']);
});

test('Ctrl-C drops the rest of the line too', async () => {
  const { client, terminal } = await start();
  client.stuck = true;
  terminal.type('put a 1; put b 1\r');
  await until(() => client.calls.length === 1);
  terminal.type(CTRL_C);
  await terminal.see(PROMPT);
  expect(client.calls).toEqual(['put a']);
});

test('JSON and apostrophes are stored as they were typed', async () => {
  const { terminal } = await start();
  terminal.type('put j {"a":1,"b":"x y"}\rget j\r');
  await terminal.see('\n{"a":1,"b":"x y"}\n');
  terminal.type("put a it's\rget a\r");
  await terminal.see("\nit's\n");
});

test('what is open goes on in the next line, and Ctrl-C drops it', async () => {
  const { client, terminal } = await start();
  terminal.type('put a "one\r');
  await terminal.seeError('a double quote is open and goes on in the next line; Ctrl-C drops it');
  await terminal.see('"> ');
  terminal.type('two"\r');
  await terminal.see('OK version 1\n');
  await terminal.see(PROMPT);
  terminal.type('get a\r');
  await terminal.see('one\\x0atwo\n');
  terminal.type("put b 'x\r");
  await terminal.see("'> ");
  terminal.type(CTRL_C);
  await terminal.see(PROMPT);
  terminal.type('get b\r');
  await terminal.seeError('not found');
  expect(client.calls).toEqual(['put a', 'get a', 'get b']);
});

test('a pasted value of several lines', async () => {
  const { client, terminal } = await start();
  terminal.type('put j {\n  "a": 1\n}\nget j\n');
  await terminal.see('{\\x0a  "a": 1\\x0a}\n');
  expect(client.calls).toEqual(['put j', 'get j']);
});

test('when the input ends with a quote open, that is said', async () => {
  const { client, terminal, status } = await start();
  terminal.input.end('put a "one\n');
  expect(await status).toBe(0);
  expect(terminal.err).toContain('a double quote is not closed');
  expect(client.calls).toEqual([]);
});
