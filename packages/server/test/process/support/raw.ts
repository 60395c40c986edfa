/**
 * Connections below the client library: raw websockets and sockets, for what no client would say.
 */
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { Address, Reply, ReplyBody, RequestBody } from '@kvorum/common';
import { CLIENT_PATH, CLIENT_SUBPROTOCOL, decodeReplies, encodeRequests, formatAddress } from '@kvorum/common';
import { WebSocket } from 'ws';
import { PEER_PATH, PEER_SUBPROTOCOL } from '../../../src/adapters/websocket/peer-handshake.ts';
import type { Bench } from './bench.ts';
import { until, within } from './deadline.ts';

const ANSWER_MS_MAX = 5000;

export interface Closed {
  readonly code: number;
  readonly reason: string;
}

export interface Handshake {
  readonly path?: string;
  readonly protocol?: string;
  /** Instead of one. */
  readonly protocols?: readonly string[];
  readonly headers?: Record<string, string>;
}

export class RawClient {
  readonly socket: WebSocket;
  readonly replies: Reply[] = [];
  readonly closed: Promise<Closed>;
  #lastId = 0;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data) => {
      // A server that takes this for a peer sends it peer frames, such as heartbeats.
      if (socket.protocol === CLIENT_SUBPROTOCOL) this.replies.push(...decodeReplies(data as Buffer));
    });
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) =>
      socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() })),
    );
  }

  /** Rejects when it is refused. */
  static async open(bench: Bench, address: Address, handshake: Handshake = {}): Promise<RawClient> {
    const socket = dial(address, handshake);
    bench.atEnd(() => socket.terminate());
    const client = new RawClient(socket);
    await within(
      'open websocket',
      ANSWER_MS_MAX,
      new Promise((resolve, reject) => {
        socket.once('open', resolve);
        socket.once('error', reject);
      }),
    );
    return client;
  }

  send(frame: Uint8Array | string): void {
    this.socket.send(frame);
  }

  /** Sends one request and waits for its reply. */
  async request(body: RequestBody): Promise<ReplyBody> {
    this.#lastId += 1;
    const id = this.#lastId;
    this.send(encodeRequests([{ id, body }]));
    const reply = await until('reply', ANSWER_MS_MAX, () => this.replies.find((entry) => entry.id === id));
    return reply.body;
  }

  closing(timeoutMs = ANSWER_MS_MAX): Promise<Closed> {
    return within('close of the connection by the server', timeoutMs, this.closed);
  }
}

function dial(address: Address, handshake: Handshake): WebSocket {
  const { path = CLIENT_PATH, protocol = CLIENT_SUBPROTOCOL, headers = {} } = handshake;
  const protocols = [...(handshake.protocols ?? (protocol === '' ? [] : [protocol]))];
  return new WebSocket(`ws://${formatAddress(address)}${path}`, protocols, { perMessageDeflate: false, headers });
}

export interface Refused {
  readonly status: number;
  readonly body: string;
}

/** How the server refuses an upgrade. */
export function refusedUpgrade(address: Address, handshake: Handshake): Promise<Refused> {
  const socket = dial(address, handshake);
  socket.on('error', () => undefined);
  const refused = new Promise<Refused>((resolve, reject) => {
    socket.on('open', () => {
      socket.terminate();
      reject(new Error('the upgrade was not refused'));
    });
    socket.on('unexpected-response', (request, response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => {
        request.destroy();
        resolve({ status: response.statusCode ?? 0, body: body.trim() });
      });
    });
  });
  return within('refusal of the upgrade', ANSWER_MS_MAX, refused);
}

/** The handshake of a node that calls itself this. */
export function peerHandshake(clusterId: string, node: number | string, address = '127.0.0.1:1'): Handshake {
  const headers = {
    'x-kvorum-cluster': clusterId,
    'x-kvorum-node': `${node}`,
    'x-kvorum-address': address,
  };
  return { path: PEER_PATH, protocol: PEER_SUBPROTOCOL, headers };
}

/** A TCP connection, open. */
export function openTcp(address: Address): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(address.port, address.host);
    socket.once('connect', () => resolve(socket));
    socket.on('error', reject);
  });
}

/** Opens so many at a time. */
export async function openAll<T>(count: number, atOnce: number, openOne: () => Promise<T>): Promise<T[]> {
  const opened: T[] = [];
  while (opened.length < count) {
    const batch = Array.from({ length: Math.min(atOnce, count - opened.length) }, openOne);
    opened.push(...(await Promise.all(batch)));
  }
  return opened;
}
