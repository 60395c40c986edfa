/** A node that checks in: why the other end did not take it, in the words of the other end. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { wsDialer } from '../../src/adapters/websocket/ws-dialer.ts';

/** What a node hears that dials somebody who answers like this. */
async function refusalBy(status: string, body: string): Promise<string> {
  const server = createServer();
  server.on('upgrade', (_request, socket) => {
    socket.on('error', () => undefined);
    socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
  return new Promise((resolve, reject) => {
    wsDialer.dial(address, {
      onOpen: () => reject(new Error('it was taken')),
      onFrame: () => undefined,
      onClose: resolve,
    });
  });
}

it.each([
  ['426 Upgrade Required', 'this server speaks client protocol 9, you offered 1\n'],
  [
    '421 Misdirected Request',
    'this server does not go by the name db; if it should, start it with --allowed-host db\n',
  ],
  ['503 Service Unavailable', 'this server has its limit of 4096 connections\n'],
])('a refusal with %s is told as it is', async (status, body) => {
  expect(await refusalBy(status, body)).toBe(body.trim());
});

it.each([
  ['404 Not Found', '<html>not here</html>'],
  ['200 OK', ''],
  ['400 Bad Request', `\u0007${'x'.repeat(10_000)}`],
])('something else than a server, with %s, is told by its status', async (status, body) => {
  expect(await refusalBy(status, body)).toBe(`not a Kvorum server (http status ${status.slice(0, 3)})`);
});
