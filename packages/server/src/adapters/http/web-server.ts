/**
 * One port for everything: http for tools, websockets for clients and peers. A connection says by path and subprotocol what
 * it is and which version it speaks; whatever does not fit is refused with a reason.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Address } from '@kvorum/common';
import { CLIENT_PATH, CLIENT_SUBPROTOCOL, FRAME_BYTES_MAX } from '@kvorum/common';
import type { WebSocket } from 'ws';
import { WebSocketServer } from 'ws';
import { PEER_PATH, PEER_SUBPROTOCOL } from '../websocket/peer-handshake.ts';

/** How long a connection may take to say what it wants, and how often that is checked. */
const HEADERS_TIMEOUT_MS = 5000;
const CHECK_INTERVAL_MS = 1000;
const KEEP_ALIVE_MS = 30_000;

export interface WebHandlers {
  readonly clientConnectionsMax: number;
  healthy(): boolean;
  status(): Record<string, unknown>;
  /** A client connected. */
  onClient(socket: WebSocket, remote: string): void;
  /** Why a peer's request is refused; undefined: it is welcome. */
  checkPeer(request: IncomingMessage): string | undefined;
  /** Headers for the answer to a peer. */
  peerHeaders(): readonly string[];
  onPeer(socket: WebSocket, request: IncomingMessage): void;
}

export interface WebServer {
  readonly address: Address;
  close(): void;
}

/** Rejects when the port cannot be listened on. */
export async function listen(at: Address, handlers: WebHandlers): Promise<WebServer> {
  const options = {
    headersTimeout: HEADERS_TIMEOUT_MS,
    connectionsCheckingInterval: CHECK_INTERVAL_MS,
    // A peer or client whose machine is gone says nothing: the kernel asks.
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
  };
  const server = createServer(options, (request, response) => answerHttp(request, response, handlers));
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: FRAME_BYTES_MAX,
    skipUTF8Validation: true,
    // `refusalOf` has made sure that it was offered.
    handleProtocols: (_offered, request) => spokenAt(pathOf(request)),
  });
  sockets.on('headers', (headers, request) => {
    if (pathOf(request) === PEER_PATH) headers.push(...handlers.peerHeaders());
  });
  server.on('upgrade', (request, socket, head) => {
    // Until it is a websocket, an error is nobody else's.
    socket.on('error', () => socket.destroy());
    const refusal = refusalOf(request, handlers, sockets.clients.size);
    if (refusal !== undefined) {
      refuse(socket, refusal);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (websocket) => {
      if (pathOf(request) === PEER_PATH) handlers.onPeer(websocket, request);
      else handlers.onClient(websocket, `${request.socket.remoteAddress ?? '?'}:${request.socket.remotePort ?? 0}`);
    });
  });
  await startListening(server, at);
  const { port } = server.address() as AddressInfo;
  return {
    address: { host: at.host, port },
    close: () => {
      for (const socket of sockets.clients) socket.terminate();
      server.close();
      server.closeAllConnections();
    },
  };
}

function startListening(server: Server, at: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(at.port, at.host, 4096, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function answerHttp(request: IncomingMessage, response: ServerResponse, handlers: WebHandlers): void {
  const answer = (status: number, body: Record<string, unknown>): void => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(`${JSON.stringify(body)}\n`);
  };
  const path = pathOf(request);
  if (path !== '/healthz' && path !== '/status') {
    answer(404, { error: `there is nothing at ${path}; try /healthz or /status` });
  } else if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    answer(405, { error: `${path} answers GET only` });
  } else if (path === '/healthz') {
    const healthy = handlers.healthy();
    answer(healthy ? 200 : 503, { healthy });
  } else {
    answer(200, handlers.status());
  }
}

interface Refusal {
  readonly status: string;
  readonly reason: string;
}

function refusalOf(request: IncomingMessage, handlers: WebHandlers, open: number): Refusal | undefined {
  const path = pathOf(request);
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  if (path !== CLIENT_PATH && path !== PEER_PATH) {
    return { status: '404 Not Found', reason: `no websocket at ${path}` };
  }
  const spoken = spokenAt(path);
  if (!offered.includes(spoken)) {
    const reason = `this server speaks ${spoken}, you offered ${offered.join(', ') || 'nothing'}`;
    return { status: '426 Upgrade Required', reason };
  }
  if (path === CLIENT_PATH) {
    if (open < handlers.clientConnectionsMax) return undefined;
    return {
      status: '503 Service Unavailable',
      reason: `this server has its limit of ${handlers.clientConnectionsMax} connections`,
    };
  }
  const reason = handlers.checkPeer(request);
  return reason === undefined ? undefined : { status: '403 Forbidden', reason };
}

function spokenAt(path: string): string {
  return path === CLIENT_PATH ? CLIENT_SUBPROTOCOL : PEER_SUBPROTOCOL;
}

function refuse(socket: Duplex, { status, reason }: Refusal): void {
  const body = `${reason}\n`;
  const head = `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(body)}`;
  socket.end(`${head}\r\n\r\n${body}`);
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '/').split('?')[0] ?? '/';
}
