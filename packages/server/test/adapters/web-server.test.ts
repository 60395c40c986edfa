/** The web server alone: what it refuses before anything else, and what its pages answer. */
import { request } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import type { Address } from '@kvorum/common';
import { CLIENT_PATH, CLIENT_PROTOCOL_VERSION, CLIENT_SUBPROTOCOL } from '@kvorum/common';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import type { PageSources } from '../../src/adapters/http/pages.ts';
import { healthChecks, livenessChecks, readinessChecks } from '../../src/adapters/http/probes.ts';
import type { WebServer } from '../../src/adapters/http/web-server.ts';
import { listen } from '../../src/adapters/http/web-server.ts';
import { PEER_PATH, PEER_PROTOCOL_VERSION, PEER_SUBPROTOCOL } from '../../src/adapters/websocket/peer-handshake.ts';
import type { FakeNode } from './web-handlers.ts';
import { fakeNode } from './web-handlers.ts';

let web: WebServer | undefined;
afterEach(() => web?.close());

async function serve(node: FakeNode): Promise<Address> {
  web = await listen({ host: '127.0.0.1', port: 0 }, node);
  return web.address;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

function ask(
  { host, port }: Address,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ host, port, path, headers, method }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    });
    asked.on('error', reject);
    asked.end();
  });
}

/** Everything the server says to these bytes. */
function say({ host, port }: Address, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, host, () => socket.write(text));
    let heard = '';
    socket.on('data', (chunk) => (heard += chunk.toString()));
    socket.on('close', () => resolve(heard));
    socket.on('error', reject);
  });
}

/** "open", or the status and reason of the refusal. */
function upgrade(
  at: Address,
  path: string,
  protocols: string[],
  headers: Record<string, string> = {},
): Promise<string> {
  const socket = new WebSocket(`ws://${at.host}:${at.port}${path}`, protocols, { headers });
  onTestFinished(() => socket.terminate());
  return new Promise((resolve, reject) => {
    socket.on('open', () => resolve('open'));
    socket.on('error', reject);
    socket.on('unexpected-response', (_request, response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => resolve(`${response.statusCode ?? 0} ${body.trim()}`));
    });
  });
}

describe('Host and Origin', () => {
  it.each(['/status', '/healthz', '/livez', '/readyz', '/metrics', '/nothing'])(
    'are looked at before %s is',
    async (path) => {
      const at = await serve(fakeNode());
      const refused = await ask(at, path, { host: 'evil.example' });
      expect([refused.status, refused.headers['content-type']]).toEqual([421, 'application/json']);
      expect(JSON.parse(refused.body)).toEqual({
        error:
          'this server does not go by the name evil.example; if it should, start it with --allowed-host evil.example',
      });
      expect((await ask(at, path, { origin: 'http://evil.example' }, 'POST')).status).toBe(403);
    },
  );

  it.each([
    [CLIENT_PATH, CLIENT_SUBPROTOCOL],
    [PEER_PATH, PEER_SUBPROTOCOL],
    ['/nothing', CLIENT_SUBPROTOCOL],
  ])('are looked at before an upgrade at %s is', async (path, protocol) => {
    const node = fakeNode();
    const at = await serve(node);
    expect(await upgrade(at, path, [protocol], { host: `evil.example:${at.port}` })).toMatch(/^421 .*evil\.example/);
    expect(await upgrade(at, path, [protocol], { origin: 'http://127.0.0.2:1' })).toMatch(
      /^403 a page of another origin/,
    );
    expect(node.clients).toEqual([]);
  });

  it('let programs in, and pages of this server', async () => {
    const node = fakeNode({}, ['db.example']);
    const at = await serve(node);
    const own = `http://127.0.0.1:${at.port}`;
    expect(await upgrade(at, CLIENT_PATH, [CLIENT_SUBPROTOCOL])).toBe('open');
    expect(await upgrade(at, CLIENT_PATH, [CLIENT_SUBPROTOCOL], { origin: own })).toBe('open');
    const named = { host: 'db.example', origin: 'https://db.example' };
    expect(await upgrade(at, CLIENT_PATH, [CLIENT_SUBPROTOCOL], named)).toBe('open');
    expect(node.clients.length).toBe(3);
    expect(web?.clientConnections).toBe(3);
  });

  it.each([
    ['no Host', 'GET /status HTTP/1.1\r\nConnection: close\r\n\r\n', /^HTTP\/1\.1 400 [\s\S]*no Host header/],
    ['no Host in HTTP/1.0', 'GET /status HTTP/1.0\r\n\r\n', /^HTTP\/1\.1 400 [\s\S]*no Host header/],
    [
      'two Hosts',
      'GET /status HTTP/1.1\r\nHost: 127.0.0.1\r\nhost: evil.example\r\nConnection: close\r\n\r\n',
      /^HTTP\/1\.1 400 [\s\S]*more than one Host/,
    ],
    [
      'a target with a host',
      'GET http://evil.example/status HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n',
      /^HTTP\/1\.1 400 [\s\S]*must be a path/,
    ],
    [
      'two Origins',
      'POST /status HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://127.0.0.1\r\nOrigin: http://evil.example\r\n' +
        'Content-Length: 0\r\nConnection: close\r\n\r\n',
      /^HTTP\/1\.1 403 /,
    ],
    [
      'an upgrade without Host',
      'GET /client HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
        `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: ${CLIENT_SUBPROTOCOL}\r\n\r\n`,
      /^HTTP\/1\.1 400 [\s\S]*no Host header/,
    ],
  ])('refuse %s', async (_what, text, answer) => {
    const node = fakeNode();
    expect(await say(await serve(node), text)).toMatch(answer);
    expect(node.clients).toEqual([]);
  });
});

it('a refused upgrade is over, also for a client that keeps its half of the connection open', async () => {
  const { host, port } = await serve(fakeNode());
  const socket = connect({ host, port, allowHalfOpen: true });
  onTestFinished(() => void socket.destroy());
  const lost = new Promise<void>((resolve) => socket.on('error', () => resolve()));
  const key = 'x3JJHMbDL1EzLkh9GBhXDw==';
  socket.write(
    `GET /x HTTP/1.1\r\nHost: ${host}:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
  );
  socket.resume();
  await new Promise<void>((resolve) => socket.on('end', () => resolve()));
  // Who still listened would take this; who does not resets the connection.
  const poke = (): void => void (socket.destroyed || socket.write('more', () => setImmediate(poke)));
  poke();
  await lost;
});

describe('another protocol version', () => {
  const client = CLIENT_PROTOCOL_VERSION;
  const peer = PEER_PROTOCOL_VERSION;
  it.each<[string, string[], string]>([
    [CLIENT_PATH, [`kvorum.client.${client + 1}`], `client protocol ${client}, you offered ${client + 1}`],
    [CLIENT_PATH, [`kvorum.client.${client + 2}`, `kvorum.client.${client + 1}`], `${client + 2}, ${client + 1}`],
    [CLIENT_PATH, [], `client protocol ${client}, you offered none`],
    [CLIENT_PATH, [PEER_SUBPROTOCOL], `client protocol ${client}, you offered ${PEER_SUBPROTOCOL}`],
    [PEER_PATH, [`kvorum.peer.${peer + 1}`], `peer protocol ${peer}, you offered ${peer + 1}`],
    [PEER_PATH, [CLIENT_SUBPROTOCOL], `peer protocol ${peer}, you offered ${CLIENT_SUBPROTOCOL}`],
  ])('at %s, %j: both are named', async (path, protocols, reason) => {
    const refused = await upgrade(await serve(fakeNode()), path, protocols);
    expect(refused).toMatch(/^426 this server speaks /);
    expect(refused).toContain(reason);
  });
});

describe('probes', () => {
  const well: PageSources = {
    liveness: () => livenessChecks({ sinceTurnMs: 4999, storageFailure: undefined }),
    readiness: () => readinessChecks({ state: 'member', stopping: false }),
    health: () => healthChecks(true, [{ group: 1, leader: 2 }]),
    status: () => ({}),
    metrics: () => 'kvorum_up 1\n',
  };

  it.each<[string, string]>([
    ['/livez', 'live'],
    ['/readyz', 'ready'],
    ['/healthz', 'healthy'],
  ])('%s answers 200 when all is well', async (path, name) => {
    const at = await serve(fakeNode(well));
    const answer = await ask(at, path);
    expect([answer.status, JSON.parse(answer.body)]).toEqual([200, { [name]: true }]);
    const { checks } = JSON.parse((await ask(at, `${path}?verbose`)).body) as { checks: { ok: boolean }[] };
    expect(checks.length).toBeGreaterThan(0);
    expect(checks.every(({ ok }) => ok)).toBe(true);
  });

  it.each<[string, Partial<PageSources>, RegExp]>([
    [
      '/livez',
      { liveness: () => livenessChecks({ sinceTurnMs: 5001, storageFailure: undefined }) },
      /the event loop has not turned for 5\.0 s/,
    ],
    [
      '/livez',
      { liveness: () => livenessChecks({ sinceTurnMs: 0, storageFailure: 'no space left' }) },
      /storage has failed: no space left/,
    ],
    [
      '/readyz',
      { readiness: () => readinessChecks({ state: undefined, stopping: false }) },
      /the log has not been read yet/,
    ],
    [
      '/readyz',
      { readiness: () => readinessChecks({ state: 'forming', stopping: false }) },
      /the cluster is not complete/,
    ],
    ['/readyz', { readiness: () => readinessChecks({ state: 'spare', stopping: false }) }, /waits as a spare/],
    ['/readyz', { readiness: () => readinessChecks({ state: 'member', stopping: true }) }, /shutting down/],
    [
      '/healthz',
      {
        health: () =>
          healthChecks(false, [
            { group: 0, leader: 1 },
            { group: 3, leader: 0 },
            { group: 7, leader: 0 },
          ]),
      },
      /no leader in groups 3, 7/,
    ],
    ['/healthz', { health: () => healthChecks(false, []) }, /no member of a cluster yet/],
  ])('%s answers 503 with the reason otherwise', async (path, pages, reason) => {
    const at = await serve(fakeNode({ ...well, ...pages }));
    const answer = await ask(at, path);
    expect(answer.status).toBe(503);
    expect((JSON.parse(answer.body) as { reason: string }).reason).toMatch(reason);
    const { checks } = JSON.parse((await ask(at, `${path}?verbose`)).body) as {
      checks: { ok: boolean; reason?: string }[];
    };
    expect(checks.find(({ ok }) => !ok)?.reason).toMatch(reason);
    expect((await ask(at, path, {}, 'HEAD')).status).toBe(503);
  });

  it('/metrics is in the text format', async () => {
    const answer = await ask(await serve(fakeNode(well)), '/metrics');
    expect([answer.status, answer.body]).toEqual([200, 'kvorum_up 1\n']);
    expect(answer.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
  });
});
