import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { Address, Connection } from '@kvorum/common';
import { decodeReplies, encodeRequests, CLIENT_PROTOCOL_VERSION, CLIENT_SUBPROTOCOL } from '@kvorum/common';
import { WsDialer } from '../src/index.ts';
import type { FakeServerOptions } from './fake-server.ts';
import { FakeServer } from './fake-server.ts';
import { until } from './until.ts';

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start(options: FakeServerOptions = {}): Promise<FakeServer> {
  const server = await FakeServer.start(options);
  cleanups.push(() => server.stop());
  return server;
}

interface Dialed {
  readonly connection: Connection;
  readonly events: string[];
  readonly frames: Uint8Array[];
}

function dial(dialer: WsDialer, address: Address): Dialed {
  const events: string[] = [];
  const frames: Uint8Array[] = [];
  const connection = dialer.dial(address, {
    onOpen: () => events.push('open'),
    onFrame: (frame) => frames.push(frame),
    onClose: (reason) => events.push(`close: ${reason}`),
  });
  cleanups.push(() => connection.close('the test is over'));
  return { connection, events, frames };
}

test('frames go both ways', async () => {
  const server = await start();
  const { connection, events, frames } = dial(new WsDialer(), server.address);
  expect(events).toEqual([]);
  await until(() => events.includes('open'));
  connection.send(encodeRequests([{ id: 7, body: { type: 'status' } }]));
  await until(() => frames.length === 1);
  expect(decodeReplies(frames[0] as Uint8Array)).toMatchObject([{ id: 7, body: { type: 'status' } }]);
});

test('closing is told once, with the reason, and to the server', async () => {
  const server = await start();
  const dialer = new WsDialer();
  const { connection, events } = dial(dialer, server.address);
  await until(() => events.includes('open'));
  connection.close('enough');
  connection.close('again');
  await dialer.closed();
  expect(events).toEqual(['open', 'close: enough']);
  await until(() => server.sockets.size === 0);
});

test('the reason the server gives is passed on', async () => {
  const server = await start();
  const { events } = dial(new WsDialer(), server.address);
  await until(() => events.includes('open'));
  for (const socket of server.sockets) socket.close(1008, 'too many requests in flight');
  await until(() => events.length === 2);
  expect(events[1]).toBe('close: too many requests in flight');
});

test('a text frame ends the connection', async () => {
  const server = await start();
  const { events, frames } = dial(new WsDialer(), server.address);
  await until(() => events.includes('open'));
  for (const socket of server.sockets) socket.send('hello');
  await until(() => events.length === 2);
  expect(events[1]).toBe('close: it sent a text frame, which the protocol does not have');
  expect(frames).toEqual([]);
});

test('a broken connection', async () => {
  const server = await start();
  const { events } = dial(new WsDialer(), server.address);
  await until(() => events.includes('open'));
  for (const socket of server.sockets) socket.terminate();
  await until(() => events.length === 2);
  expect(events[1]).toBe('close: the connection broke');
});

async function troubleWith(address: Address, dialer = new WsDialer()): Promise<string> {
  const { events } = dial(dialer, address);
  await until(() => events.length > 0);
  expect(events).toHaveLength(1);
  expect(events[0]).toBe(`close: ${dialer.trouble(address)?.reason}`);
  return dialer.trouble(address)?.reason ?? '';
}

test('nobody listens', async () => {
  const server = await FakeServer.start();
  await server.stop();
  const dialer = new WsDialer();
  expect(await troubleWith(server.address, dialer)).toBe('connection refused');
  expect(dialer.trouble(server.address)?.refused).toBe(true);
});

test('another protocol version', async () => {
  const chosen = await start({ subprotocol: 'kvorum.client.9' });
  expect(await troubleWith(chosen.address)).toMatch(`another protocol version than ${CLIENT_SUBPROTOCOL}`);
  const refused = await start({ httpStatus: '426 Upgrade Required' });
  expect(await troubleWith(refused.address)).toBe(
    `it speaks another protocol version than ${CLIENT_SUBPROTOCOL}: because!`,
  );
  const newer = await start({
    httpStatus: '426 Upgrade Required',
    refusal: 'this server speaks client protocol 9, you offered 1',
  });
  const dialer = new WsDialer();
  expect(await troubleWith(newer.address, dialer)).toBe(
    `it speaks client protocol 9, this client speaks ${CLIENT_PROTOCOL_VERSION}`,
  );
  expect(dialer.trouble(newer.address)).toMatchObject({ refused: true, otherVersion: true });
});

test('a name that the server does not go by', async () => {
  const server = await start({
    httpStatus: '421 Misdirected Request',
    refusal: 'this server does not go by the name db; if it should, start it with --allowed-host db',
  });
  expect(await troubleWith(server.address)).toBe(
    'it does not answer to that name: this server does not go by the name db; if it should, start it with --allowed-host db',
  );
});

test('something else than a Kvorum server', async () => {
  const plain = await start({ subprotocol: false });
  expect(await troubleWith(plain.address)).toBe('not a Kvorum server');
  const web = await start({ httpStatus: '404 Not Found' });
  expect(await troubleWith(web.address)).toBe('not a Kvorum server (http status 404)');
  const other = await tcpServer((socket) => socket.end('SSH-2.0-OpenSSH\r\n'));
  expect(await troubleWith(other)).toBe('not a Kvorum server');
});

test('refusals of a server', async () => {
  const full = await start({ httpStatus: '503 Service Unavailable' });
  expect(await troubleWith(full.address)).toBe('it takes no more connections: because!');
  for (const httpStatus of ['401 Unauthorized', '403 Forbidden']) {
    const closed = await start({ httpStatus });
    expect(await troubleWith(closed.address)).toBe('it turns this client away: because!');
  }
});

test('somebody who accepts and says nothing', async () => {
  const silent = await tcpServer(() => undefined);
  expect(await troubleWith(silent, new WsDialer({ handshakeTimeoutMs: 50 }))).toBe('it does not answer');
});

test('an address that is none', async () => {
  expect(await troubleWith({ host: 'a b', port: 1 })).toMatch('it cannot be an address');
});

test('the local port is used, and named when it is taken', async () => {
  const server = await start();
  const free = await tcpServer(() => undefined);
  const localPort = free.port;
  const taken = await troubleWith(server.address, new WsDialer({ localPort }));
  expect(taken).toBe(`the local port ${localPort} is in use; choose another one or none`);
  await cleanups.pop()?.();
  await cleanups.pop()?.();
  const { events } = dial(new WsDialer({ localPort }), server.address);
  await until(() => events.includes('open'));
  expect(server.remotePorts).toEqual([localPort]);
});

async function tcpServer(onConnection: (socket: Socket) => void): Promise<Address> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
}
