/**
 * A server that speaks the client protocol over a websocket: enough of one to see what the client does.
 */
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { WebSocket } from 'ws';
import { WebSocketServer } from 'ws';
import type { Address, Layout, Records, ReplyBody, Request, Versioned } from '@kvorum/common';
import {
  answerQuery,
  applyCommand,
  bytesToMapKey,
  CLIENT_SUBPROTOCOL,
  decodeRequests,
  encodeReplies,
} from '@kvorum/common';

export interface FakeServerOptions {
  readonly subprotocol?: string | false;
  /** Instead of an upgrade. */
  readonly httpStatus?: string;
  /** The reason that goes with it. */
  readonly refusal?: string;
}

export class FakeServer {
  readonly address: Address;
  readonly requests: Request[] = [];
  readonly frames: number[] = [];
  readonly remotePorts: number[] = [];
  /** Requests of these kinds get no answer. */
  readonly silentFor = new Set<string>();
  readonly sockets = new Set<WebSocket>();
  readonly #http: Server;
  readonly #values = new Map<string, Versioned>();
  readonly #records: Records = {
    get: (key) => this.#values.get(bytesToMapKey(key)),
    set: (key, version, value) => void this.#values.set(bytesToMapKey(key), { version, value: new Uint8Array(value) }),
    remove: (key) => void this.#values.delete(bytesToMapKey(key)),
  };
  #version = 0;

  private constructor(http: Server, options: FakeServerOptions) {
    this.#http = http;
    this.address = { host: '127.0.0.1', port: (http.address() as AddressInfo).port };
    const upgrades = new WebSocketServer({
      noServer: true,
      handleProtocols: () => options.subprotocol ?? CLIENT_SUBPROTOCOL,
    });
    http.on('upgrade', (request, socket, head) => {
      if (options.httpStatus !== undefined) {
        socket.on('error', () => undefined);
        const body = `${options.refusal ?? 'because!'}\n`;
        const head = `HTTP/1.1 ${options.httpStatus}\r\nConnection: close\r\nContent-Length: ${body.length}`;
        socket.end(`${head}\r\n\r\n${body}`);
        return;
      }
      upgrades.handleUpgrade(request, socket, head, (websocket) => {
        this.remotePorts.push(request.socket.remotePort ?? 0);
        this.#attach(websocket);
      });
    });
  }

  static async start(options: FakeServerOptions = {}): Promise<FakeServer> {
    const http = createServer((_request, response) => response.writeHead(404).end('nothing here\n'));
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    return new FakeServer(http, options);
  }

  get name(): string {
    return `${this.address.host}:${this.address.port}`;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.terminate();
    const closed = new Promise((resolve) => this.#http.close(resolve));
    this.#http.closeAllConnections();
    await closed;
  }

  #attach(socket: WebSocket): void {
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('error', () => undefined);
    socket.on('message', (data) => {
      const requests = decodeRequests(data as Buffer);
      this.frames.push(requests.length);
      this.requests.push(...requests);
      const replies = requests
        .filter(({ body }) => !this.silentFor.has(body.type === 'group' ? body.request.type : body.type))
        .map(({ id, body }) => ({ id, body: this.#answer(body) }));
      if (replies.length > 0) socket.send(encodeReplies(replies));
    });
  }

  get #layout(): Layout {
    const nodes = [{ id: 1, address: this.address, instance: 'i1' }];
    return {
      clusterId: 'c0ffee',
      epoch: 1,
      routing: 'tag',
      nodes,
      groups: [0, 1].map((id) => ({ id, members: [1], protocol: 'sequence-paxos' })),
    };
  }

  #answer(body: Request['body']): ReplyBody {
    const served = { node: 1, ballot: 2, index: 3 };
    if (body.type === 'layout') return { type: 'layout', layout: this.#layout };
    if (body.type === 'status') return { type: 'status', json: JSON.stringify({ node: 1, clusterId: 'c0ffee' }) };
    if (body.type !== 'group') throw new Error(`nobody asks for a ${body.type} here`);
    const { request } = body;
    if (request.type === 'open-session') return { type: 'session', session: 9, served };
    if (request.type === 'read') return { ...answerQuery(this.#records, request.query), served };
    const result = applyCommand(this.#records, request.command, this.#version + 1);
    if (result.type !== 'mismatch') this.#version += 1;
    return { type: 'result', result, served };
  }
}
