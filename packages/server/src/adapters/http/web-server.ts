/**
 * One port for everything: http for tools, websockets for clients and peers. A connection says by path and subprotocol what
 * it is and which version it speaks; whatever does not fit is refused with a reason.
 */
import type { IncomingMessage, Server } from 'node:http';
import { createServer, STATUS_CODES } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Address } from '@kvorum/common';
import { CLIENT_PATH, CLIENT_PROTOCOL_VERSION, CLIENT_SUBPROTOCOL, FRAME_BYTES_MAX } from '@kvorum/common';
import type { WebSocket } from 'ws';
import { WebSocketServer } from 'ws';
import { PEER_PATH, PEER_PROTOCOL_VERSION, PEER_SUBPROTOCOL } from '../websocket/peer-handshake.ts';
import type { Asked, Refusal } from './origin-check.ts';
import { refusalByOrigin } from './origin-check.ts';
import type { PageSources } from './pages.ts';
import { answerHttp, sendError } from './pages.ts';

/** How long a connection may take to say what it wants, and how often that is checked. */
const HEADERS_TIMEOUT_MS = 5000;
const CHECK_INTERVAL_MS = 1000;
const KEEP_ALIVE_MS = 30_000;

export interface WebHandlers {
  readonly clientConnectionsMax: number;
  /** The names, besides addresses and localhost, by which this server may be called. */
  readonly hostNames: ReadonlySet<string>;
  readonly pages: PageSources;
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
  /** Websockets of clients that are open. */
  readonly clientConnections: number;
  close(): void;
}

/** Rejects when the port cannot be listened on. */
export async function listen(at: Address, handlers: WebHandlers): Promise<WebServer> {
  const options = {
    headersTimeout: HEADERS_TIMEOUT_MS,
    // `refusalByOrigin` looks at the Host of upgrades too, and says what is wrong.
    requireHostHeader: false,
    connectionsCheckingInterval: CHECK_INTERVAL_MS,
    // A peer or client whose machine is gone says nothing: the kernel asks.
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
  };
  const server = createServer(options, (request, response) => {
    const refusal = refusalByOrigin(askedBy(request, false), handlers.hostNames);
    if (refusal === undefined) answerHttp(request, response, handlers.pages);
    else sendError(response, refusal.status, refusal.reason);
  });
  let clientConnections = 0;
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
      if (pathOf(request) === PEER_PATH) {
        handlers.onPeer(websocket, request);
        return;
      }
      clientConnections += 1;
      websocket.once('close', () => (clientConnections -= 1));
      handlers.onClient(websocket, `${request.socket.remoteAddress ?? '?'}:${request.socket.remotePort ?? 0}`);
    });
  });
  await startListening(server, at);
  const { port } = server.address() as AddressInfo;
  return {
    address: { host: at.host, port },
    get clientConnections() {
      return clientConnections;
    },
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

function refusalOf(request: IncomingMessage, handlers: WebHandlers, open: number): Refusal | undefined {
  const path = pathOf(request);
  const unwelcome = refusalByOrigin(askedBy(request, true), handlers.hostNames);
  if (unwelcome !== undefined) return unwelcome;
  if (path !== CLIENT_PATH && path !== PEER_PATH) return { status: 404, reason: `no websocket at ${path}` };
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  if (!offered.includes(spokenAt(path))) return { status: 426, reason: describeMismatch(path, offered) };
  if (path === CLIENT_PATH) {
    if (open < handlers.clientConnectionsMax) return undefined;
    return { status: 503, reason: `this server has its limit of ${handlers.clientConnectionsMax} connections` };
  }
  const reason = handlers.checkPeer(request);
  return reason === undefined ? undefined : { status: 403, reason };
}

function askedBy(request: IncomingMessage, upgrade: boolean): Asked {
  const { host: hosts = [], origin: origins = [] } = request.headersDistinct;
  return { method: request.method ?? '', target: request.url ?? '', hosts, origins, upgrade };
}

function spokenAt(path: string): string {
  return path === CLIENT_PATH ? CLIENT_SUBPROTOCOL : PEER_SUBPROTOCOL;
}

/** Names both versions, as far as the other end said one. */
function describeMismatch(path: string, offered: readonly string[]): string {
  const [kind, version] = path === CLIENT_PATH ? ['client', CLIENT_PROTOCOL_VERSION] : ['peer', PEER_PROTOCOL_VERSION];
  const prefix = `kvorum.${kind}.`;
  const named = offered.map((name) => (name.startsWith(prefix) ? name.slice(prefix.length) : name)).join(', ');
  return `this server speaks ${kind} protocol ${version}, you offered ${named || 'none'}`;
}

function refuse(socket: Duplex, { status, reason }: Refusal): void {
  const body = `${reason}\n`;
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'Connection: close',
    'Content-Type: text/plain',
    'X-Content-Type-Options: nosniff',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  // Who keeps their half open would hold the connection for ever: http no longer has its timeouts on it.
  socket.once('finish', () => socket.destroy());
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '/').split('?')[0] ?? '/';
}
