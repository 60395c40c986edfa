import { afterEach, describe, expect, test } from 'vitest';
import { CLIENT_PROTOCOL_VERSION, defaultLimits as limits, formatAddress, KvorumError } from '@kvorum/common';
import type { Client, ConnectionEvent } from '../src/index.ts';
import { connect, createClient } from '../src/index.ts';
import { FakeServer } from './fake-server.ts';
import { until } from './until.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start(): Promise<{ server: FakeServer; client: Client }> {
  const server = await FakeServer.start();
  cleanups.push(() => server.stop());
  const client = await connect({ servers: server.name });
  cleanups.push(() => client.close());
  return { server, client };
}

async function failure(promise: Promise<unknown>): Promise<KvorumError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(KvorumError);
  return error as KvorumError;
}

describe('operations', () => {
  test('put, get, cas, delete', async () => {
    const { client } = await start();
    const served = { node: 1, ballot: 2, index: 3, group: 1 };
    expect(await client.get('a')).toBeUndefined();
    expect(await client.put('a', 'eins')).toEqual({ version: 1, served });
    const found = await client.get('a');
    expect(found).toMatchObject({ text: 'eins', version: 1, served });
    expect(found?.value.constructor).toBe(Uint8Array);
    expect(await client.cas('a', { expected: 'eins' }, 'zwei')).toEqual({ applied: true, version: 2, served });
    expect(await client.cas('a', { expected: null }, 'drei')).toEqual({
      applied: false,
      version: 2,
      value: new Uint8Array(Buffer.from('zwei')),
      text: 'zwei',
      served,
    });
    expect(await client.cas('a', { expectedVersion: 2 }, 'drei')).toMatchObject({ applied: true, version: 3 });
    expect(await client.cas('b', { expected: undefined }, new Uint8Array())).toMatchObject({ applied: true });
    expect((await client.get('b'))?.value).toEqual(new Uint8Array());
    expect(await client.delete('a')).toMatchObject({ existed: true });
    expect(await client.delete('a')).toMatchObject({ existed: false });
  });

  test('add counts in 64 bits, and refuses what is no number', async () => {
    const { client } = await start();
    expect(await client.add('n', 2)).toMatchObject({ value: 2n, version: 1 });
    expect(await client.add('n', 2n ** 62n)).toMatchObject({ value: 2n ** 62n + 2n });
    expect((await client.get('n'))?.text).toBe((2n ** 62n + 2n).toString());
    await expect(client.add('n', 1.5)).rejects.toMatchObject({ code: 'bad-request', outcome: 'not-applied' });
    await expect(client.add('n', 2 ** 60)).rejects.toMatchObject({ code: 'bad-request' });
    await expect(client.add('n', 2n ** 63n)).rejects.toMatchObject({ code: 'bad-request' });
  });

  test('bytes stay as they are, and text of what is not UTF-8 says so', async () => {
    const { client } = await start();
    const bytes = Uint8Array.of(0xff, 0, 0x61);
    await client.put(bytes, bytes);
    const found = await client.get(bytes);
    expect(found?.value).toEqual(bytes);
    expect(found?.text).toBe('\ufffd\0a');
  });

  test('JSON and copies of a result hold its text', async () => {
    const { client } = await start();
    await client.put('a', 'Göteborg');
    const found = await client.get('a');
    expect(JSON.parse(JSON.stringify(found))).toMatchObject({ text: 'Göteborg', version: 1 });
    expect({ ...found }.text).toBe('Göteborg');
    const mismatch = await client.cas('a', { expected: 'x' }, 'y');
    expect(JSON.parse(JSON.stringify(mismatch))).toMatchObject({ applied: false, text: 'Göteborg', version: 1 });
    expect(await client.cas('b', { expected: 'x' }, 'y')).toMatchObject({ applied: false, text: undefined });
  });

  test('the caller may reuse its array at once', async () => {
    const { client } = await start();
    const value = Uint8Array.of(1);
    const written = client.put('a', value);
    value[0] = 2;
    await written;
    expect((await client.get('a'))?.value).toEqual(Uint8Array.of(1));
  });

  test('requests of one turn travel in one frame', async () => {
    const { server, client } = await start();
    await client.put('a', '1');
    const before = server.frames.length;
    await Promise.all(Array.from({ length: 1000 }, (_, i) => client.put(`k${i}`, 'v')));
    expect(server.frames.slice(before)).toEqual([1000]);
  });

  test('onServed is told also where nothing is found', async () => {
    const { client } = await start();
    const told: unknown[] = [];
    await client.get('a', { onServed: (served) => told.push(served) });
    expect(told).toEqual([{ node: 1, ballot: 2, index: 3, group: 1 }]);
  });
});

describe('what does not work', () => {
  test.each([
    [(client: Client) => client.get(''), 'bad-request', 'the key is empty'],
    [(client: Client) => client.get('k'.repeat(1025)), 'too-large', '1025 bytes; the limit is 1024'],
    [(client: Client) => client.get('ö'.repeat(513)), 'too-large', '1026 bytes'],
    [(client: Client) => client.get(5 as unknown as string), 'bad-request', 'is the number 5'],
    [(client: Client) => client.get(undefined as unknown as string), 'bad-request', 'is undefined'],
    [(client: Client) => client.put('a', null as unknown as string), 'bad-request', 'the value must be'],
    [(client: Client) => client.put('a', [1] as unknown as string), 'bad-request', 'of the class Array'],
    [(client: Client) => client.put('a', new Uint8Array(limits.valueBytesMax + 1)), 'too-large', '1048577 bytes'],
    [(client: Client) => client.cas('a', {} as { expected: string }, 'b'), 'bad-request', 'either { expected }'],
    [(client: Client) => client.cas('a', undefined as unknown as { expected: string }, 'b'), 'bad-request', 'either'],
    [(client: Client) => client.cas('a', { expectedVersion: -1 }, 'b'), 'bad-request', 'a version is a whole number'],
    [(client: Client) => client.get('a', { timeoutMs: 0 }), 'bad-request', 'timeoutMs must be a number above 0'],
    [(client: Client) => client.get('a', { timeoutMs: NaN }), 'bad-request', 'timeoutMs must be'],
  ] as const)('%s', async (call, code, message) => {
    const client = createClient();
    const error = await failure(call(client));
    expect(error).toMatchObject({ code, outcome: 'not-applied' });
    expect(error.message).toContain(message);
    await client.close();
  });

  test.each([
    [{ servers: 'nowhere' }, '"nowhere" is not an address'],
    [{ servers: [] }, 'no server is named'],
    [{ servers: 7 as unknown as string }, 'a server is named "HOST:PORT"'],
    [{ timeoutMs: -1 }, 'timeoutMs must be'],
    [{ localPort: 70000 }, 'localPort must be a port'],
  ])('options %j', async (options, message) => {
    expect((await failure(connect(options))).message).toContain(message);
  });

  test('a key and a value at the limit', async () => {
    const { client } = await start();
    const value = new Uint8Array(limits.valueBytesMax).fill(7);
    await client.put('k'.repeat(1024), value);
    expect((await client.get('k'.repeat(1024)))?.value).toEqual(value);
  });

  test('a server that refuses: which one and why', async () => {
    const gone = await FakeServer.start();
    await gone.stop();
    const error = await failure(connect({ servers: gone.name, timeoutMs: 5000, giveUpRefusedMs: 50 }));
    expect(error).toMatchObject({ code: 'unavailable', outcome: 'not-applied' });
    expect(error.message).toBe(`no answer from ${gone.name}: connection refused`);
  });

  describe('servers of another protocol version', () => {
    async function newer(): Promise<FakeServer> {
      const refusal = 'this server speaks client protocol 9, you offered 1';
      const server = await FakeServer.start({ httpStatus: '426 Upgrade Required', refusal });
      cleanups.push(() => server.stop());
      return server;
    }

    test('connecting says so at once, and names both versions', async () => {
      const [one, two] = [await newer(), await newer()];
      const startedMs = performance.now();
      const error = await failure(connect({ servers: `${one.name},${two.name}`, timeoutMs: 20_000 }));
      expect(performance.now() - startedMs).toBeLessThan(5000);
      expect(error).toMatchObject({ code: 'unsupported-version', retryable: false, outcome: 'not-applied' });
      const each = `it speaks client protocol 9, this client speaks ${CLIENT_PROTOCOL_VERSION}`;
      expect(error.message).toBe(`${one.name}: ${each}; ${two.name}: ${each}; use a client of the servers' version`);
    });

    test('an operation and a question say so as well', async () => {
      const server = await newer();
      const client = createClient({ servers: server.name, timeoutMs: 20_000 });
      cleanups.push(() => client.close());
      const startedMs = performance.now();
      expect(await failure(client.put('a', '1'))).toMatchObject({
        code: 'unsupported-version',
        outcome: 'not-applied',
      });
      const asked = await failure(client.inspect(server.address));
      expect(asked).toMatchObject({ code: 'unsupported-version' });
      expect(asked.message).toBe(
        `${server.name}: it speaks client protocol 9, this client speaks ${CLIENT_PROTOCOL_VERSION}`,
      );
      expect(performance.now() - startedMs).toBeLessThan(5000);
    });

    test('one server of its own version is enough', async () => {
      const [other, server] = [await newer(), await FakeServer.start()];
      cleanups.push(() => server.stop());
      const client = await connect({ servers: `${other.name},${server.name}` });
      cleanups.push(() => client.close());
      await client.put('a', '1');
    });
  });

  test('of several servers one is enough', async () => {
    const gone = await FakeServer.start();
    await gone.stop();
    const server = await FakeServer.start();
    cleanups.push(() => server.stop());
    const client = await connect({ servers: `${gone.name},${server.name}` });
    cleanups.push(() => client.close());
    await client.put('a', '1');
  });
});

describe('cancelling', () => {
  test('before it began', async () => {
    const { client } = await start();
    const reason = new Error('changed my mind');
    const error = await failure(client.put('a', '1', { signal: AbortSignal.abort(reason) }));
    expect(error).toMatchObject({ code: 'cancelled', outcome: 'not-applied', cause: reason });
  });

  test('a write that was sent has an unknown outcome, a read has none', async () => {
    const { server, client } = await start();
    await client.put('warm', 'up');
    server.silentFor.add('execute').add('read');
    const abort = new AbortController();
    const before = server.requests.length;
    const write = failure(client.put('a', '1', { signal: abort.signal }));
    const read = failure(client.get('a', { signal: abort.signal }));
    await until(() => server.requests.length === before + 2);
    abort.abort();
    expect(await write).toMatchObject({ code: 'cancelled', outcome: 'unknown' });
    expect(await read).toMatchObject({ code: 'cancelled', outcome: 'not-applied' });
  });

  test.each<[string, (client: Client, signal: AbortSignal) => Promise<unknown>]>([
    ['get', (client, signal) => client.get('a', { signal })],
    ['put', (client, signal) => client.put('a', '1', { signal })],
    ['cas', (client, signal) => client.cas('a', { expected: null }, '1', { signal })],
    ['delete', (client, signal) => client.delete('a', { signal })],
    ['inspect', (client, signal) => client.inspect({ host: '127.0.0.1', port: 1 }, { signal })],
    ['ready', (client, signal) => client.ready({ signal })],
    ['connect', (client, signal) => connect({ servers: client.servers.map(formatAddress), signal })],
  ])('%s: the AbortError is the cause, before it begins and while it runs', async (_name, call) => {
    const gone = await FakeServer.start();
    await gone.stop();
    const client = createClient({ servers: gone.name });
    cleanups.push(() => client.close());
    const abort = new AbortController();
    const running = failure(call(client, abort.signal));
    abort.abort();
    const abortError = { code: 'cancelled', cause: { name: 'AbortError' } };
    expect(await running).toMatchObject(abortError);
    expect(await failure(call(client, abort.signal))).toMatchObject(abortError);
  });

  test('a deadline with the write under way has an unknown outcome', async () => {
    const { server, client } = await start();
    await client.put('warm', 'up');
    server.silentFor.add('execute');
    expect(await failure(client.put('a', '1', { timeoutMs: 50 }))).toMatchObject({
      code: 'timeout',
      outcome: 'unknown',
    });
  });

  test('connecting', async () => {
    const gone = await FakeServer.start();
    await gone.stop();
    const abort = new AbortController();
    const connecting = failure(connect({ servers: gone.name, signal: abort.signal }));
    abort.abort();
    expect(await connecting).toMatchObject({ code: 'cancelled' });
  });
});

describe('closing', () => {
  test('fails what is under way, and what comes later', async () => {
    const { server, client } = await start();
    server.silentFor.add('read');
    const read = failure(client.get('a'));
    await client.close();
    expect(await read).toMatchObject({ code: 'closed' });
    expect(await failure(client.get('a'))).toMatchObject({ code: 'closed' });
    const [address] = client.servers;
    expect(await failure(client.inspect(address as { host: string; port: number }))).toMatchObject({ code: 'closed' });
    await until(() => server.sockets.size === 0);
    await client.close();
  });

  test('await using', async () => {
    const { server } = await start();
    const other = await connect({ servers: server.name });
    await other[Symbol.asyncDispose]();
    expect(await failure(other.get('a'))).toMatchObject({ code: 'closed' });
  });
});

test('what a node says about itself', async () => {
  const { server, client } = await start();
  expect(await client.inspect(server.address)).toMatchObject({ node: 1, clusterId: 'c0ffee', groups: [] });
  const error = await failure(client.inspect({ host: '127.0.0.1', port: 1 }));
  expect(error.message).toBe('127.0.0.1:1: connection refused');
});

describe('status events', () => {
  test('what is the case now, then what changes, until the client is closed', async () => {
    const { server, client } = await start();
    const seen: string[] = [];
    const reading = (async () => {
      for await (const event of client.status()) seen.push(describeEvent(event));
    })();
    await until(() => seen.length === 2);
    for (const socket of server.sockets) socket.terminate();
    await until(() => seen.length >= 3);
    await client.get('a');
    await until(() => seen.length >= 4);
    await client.close();
    await reading;
    expect(seen.slice(0, 4)).toEqual(['connected', 'layout 1', 'disconnected: the connection broke', 'connected']);
  });

  test('a reader that leaves', async () => {
    const { client } = await start();
    for await (const event of client.status()) {
      expect(event.type).toBe('connected');
      break;
    }
    expect(await client.inspect(client.servers[0] as { host: string; port: number })).toMatchObject({ node: 1 });
  });
});

function describeEvent(event: ConnectionEvent): string {
  if (event.type === 'layout') return `layout ${event.layout.epoch}`;
  return event.type === 'connected' ? 'connected' : `disconnected: ${event.reason}`;
}
