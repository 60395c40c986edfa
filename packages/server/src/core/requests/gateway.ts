/**
 * Where client frames come in and reply frames go out: stage 2 of the data path, there and back. Nothing that a client sends
 * throws past it: a frame that does not decode closes the connection with a reason, and is counted.
 *
 * A request has one reply, or a stream of them that lives on credit: what is pushed counts against what the client granted
 * and, up to the most that can be granted, not against the connection's backlog: who reads a stream slowly costs that stream.
 */
import type { Clock, Connection, GroupReply, Limits, Reply, ReplyBody, Request, RequestBody } from '@kvorum/common';
import { CREDIT_BYTES_MAX, DecodeError, decodeRequests, FRAME_BYTES_MAX, Writer, writeReply } from '@kvorum/common';
import { mark } from '../marks.ts';
import { refusal } from '../replies.ts';
import type { RequestMetrics } from './request-metrics.ts';

/** Where the replies to a request go. */
export interface Responder {
  /** The one reply, or the last of a stream. */
  reply(body: ReplyBody): void;
  /** One more reply of a stream; the client's credit shrinks by its size. */
  push(body: ReplyBody): void;
  /** Bytes that may be pushed now; 0 for a request that wants one reply. */
  readonly credit: number;
  /** Whether nobody takes more: the client has gone meanwhile or has cancelled the stream, or it had its last reply. */
  isAbandoned(): boolean;
  /** Calls back when a stream without credit got some, and when it is abandoned. */
  onCredit(callback: () => void): void;
}

/** Answers a request, at once or later. */
export type RequestHandler = (body: RequestBody, responder: Responder) => void;

/** A stream of replies that was not ended. */
interface Stream {
  credit: number;
  onCredit: () => void;
  /** It had its last reply, or was cancelled. */
  ended: boolean;
}

/** A client connection as the node sees it. */
export class ClientLink {
  readonly #connection: Connection;
  readonly #backlogBytesMax: number;
  /** Requests that were not answered yet. */
  unanswered = 0;
  /** Ids grow on a connection: one that does not is a repetition, and must not be served again. */
  lastRequestId = -1;
  /** By request id. */
  readonly streams = new Map<number, Stream>();
  #replies: Writer | undefined;
  /** Pushed bytes among the replies, and among what the connection was given since it had no backlog. */
  #pushedBytes = 0;
  #pushedBacklogBytes = 0;
  #closed = false;

  constructor(connection: Connection, backlogBytesMax: number) {
    this.#connection = connection;
    this.#backlogBytesMax = backlogBytesMax;
  }

  get remote(): string {
    return this.#connection.remote;
  }

  /** Returns the bytes that it takes. */
  add(reply: Reply): number {
    if (this.#closed) return 0;
    if (this.#replies !== undefined && this.#replies.length > FRAME_BYTES_MAX / 2) this.flush();
    this.#replies ??= new Writer();
    const before = this.#replies.length;
    writeReply(this.#replies, reply);
    const bytes = this.#replies.length - before;
    if (reply.more === true) this.#pushedBytes += bytes;
    return bytes;
  }

  flush(): void {
    if (this.#replies === undefined || this.#closed) return;
    if (this.#pushedBacklogBytes > 0 && this.#connection.backlogBytes() === 0) this.#pushedBacklogBytes = 0;
    // A client that grants credit and reads nothing is not served without bound.
    this.#pushedBacklogBytes = Math.min(this.#pushedBacklogBytes + this.#pushedBytes, CREDIT_BYTES_MAX);
    this.#pushedBytes = 0;
    this.#connection.send(this.#replies.finish());
    this.#replies = undefined;
    if (this.#connection.backlogBytes() - this.#pushedBacklogBytes > this.#backlogBytesMax) {
      mark('slow-reader-closed');
      this.close('replies are not being read');
    }
  }

  /** Whether it was closed by either side; nothing more is taken from it. */
  get isClosed(): boolean {
    return this.#closed;
  }

  close(reason: string): void {
    this.closed();
    this.#connection.close(reason);
  }

  closed(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const stream of this.streams.values()) {
      stream.ended = true;
      stream.onCredit();
    }
    this.streams.clear();
  }
}

/** The responder of a request that wants one reply: one object for each, as there are many. */
class OneReply implements Responder {
  readonly #gateway: Gateway;
  readonly #link: ClientLink;
  readonly #id: number;
  readonly #asked: RequestBody;
  readonly #cameInMs: number;

  constructor(gateway: Gateway, link: ClientLink, id: number, asked: RequestBody, cameInMs: number) {
    this.#gateway = gateway;
    this.#link = link;
    this.#id = id;
    this.#asked = asked;
    this.#cameInMs = cameInMs;
  }

  reply(body: ReplyBody): void {
    this.#gateway.answer(this.#link, this.#id, this.#asked, body, this.#cameInMs);
  }

  push(body: ReplyBody): void {
    this.reply(body);
  }

  get credit(): number {
    return 0;
  }

  isAbandoned(): boolean {
    return this.#link.isClosed;
  }

  onCredit(): void {
    // It never has any.
  }
}

export interface GatewayMeasures {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly requests: RequestMetrics;
}

export class Gateway {
  readonly #handler: RequestHandler;
  readonly #schedule: () => void;
  readonly #limits: Limits;
  readonly #measures: GatewayMeasures;
  /** When this turn's requests came in and its replies leave, as one look at the clock each. */
  #cameInMs = 0;
  #repliesMs: number | undefined;
  readonly #links = new Set<ClientLink>();
  /** Links with replies of this turn. */
  readonly #dirty = new Set<ClientLink>();
  #badFrames = 0;

  /** `schedule` has `flush` called at the end of the turn. */
  constructor(handler: RequestHandler, schedule: () => void, limits: Limits, measures: GatewayMeasures) {
    this.#handler = handler;
    this.#schedule = schedule;
    this.#limits = limits;
    this.#measures = measures;
  }

  get connections(): number {
    return this.#links.size;
  }

  get badFrames(): number {
    return this.#badFrames;
  }

  /** Requests of open connections that were not answered yet. */
  get unanswered(): number {
    let unanswered = 0;
    for (const link of this.#links) unanswered += link.unanswered;
    return unanswered;
  }

  open(connection: Connection): ClientLink {
    const link = new ClientLink(connection, this.#limits.clientBacklogBytesMax);
    this.#links.add(link);
    return link;
  }

  onFrame(link: ClientLink, frame: Uint8Array): void {
    if (link.isClosed) return;
    let requests;
    try {
      requests = decodeRequests(frame);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#badFrames += 1;
      link.close(`bad frame: ${error.message}`);
      return;
    }
    this.#cameInMs = this.#measures.clock.monotonicMs();
    for (const request of requests) {
      if (request.id <= link.lastRequestId) {
        link.close(`request id ${request.id} after ${link.lastRequestId}: the ids of a connection must grow`);
        return;
      }
      link.lastRequestId = request.id;
      this.#accept(link, request);
    }
  }

  onClose(link: ClientLink): void {
    link.closed();
    this.#links.delete(link);
    this.#dirty.delete(link);
  }

  flush(): void {
    this.#repliesMs = undefined;
    for (const link of this.#dirty) link.flush();
    this.#dirty.clear();
  }

  #accept(link: ClientLink, { id, body, credit }: Request): void {
    if (body.type === 'credit' || body.type === 'cancel') {
      this.#onStreamControl(link, body);
      return;
    }
    if (link.unanswered >= this.#limits.requestsPerConnectionMax) {
      const message = `the connection has its limit of ${this.#limits.requestsPerConnectionMax} unanswered requests`;
      this.#reply(link, { id, body: refusal('busy', message) });
      return;
    }
    link.unanswered += 1;
    const responder =
      credit === undefined ? new OneReply(this, link, id, body, this.#cameInMs) : this.#stream(link, id, credit);
    this.#handler(body, responder);
  }

  /** The one reply to what was asked. */
  answer(link: ClientLink, id: number, asked: RequestBody, body: ReplyBody, cameInMs: number): void {
    link.unanswered -= 1;
    if (asked.type === 'group') {
      this.#repliesMs ??= this.#measures.clock.monotonicMs();
      this.#measures.requests.note(asked.request, body as GroupReply, this.#repliesMs - cameInMs);
    }
    this.#reply(link, { id, body });
  }

  #stream(link: ClientLink, id: number, credit: number): Responder {
    const stream: Stream = { credit, onCredit: () => undefined, ended: false };
    link.streams.set(id, stream);
    const isAbandoned = (): boolean => link.isClosed || stream.ended;
    return {
      reply: (body) => {
        if (isAbandoned()) return;
        stream.ended = true;
        link.unanswered -= 1;
        link.streams.delete(id);
        this.#reply(link, { id, body });
      },
      push: (body) => {
        if (!isAbandoned()) stream.credit -= this.#reply(link, { id, body, more: true });
      },
      get credit() {
        return Math.max(0, stream.credit);
      },
      isAbandoned,
      onCredit: (callback) => (stream.onCredit = callback),
    };
  }

  /** For a stream that is there no more it comes too late, which is no fault. */
  #onStreamControl(link: ClientLink, body: Extract<RequestBody, { type: 'credit' | 'cancel' }>): void {
    const stream = link.streams.get(body.of);
    if (stream === undefined) return;
    if (body.type === 'credit') {
      const wasStuck = stream.credit <= 0;
      stream.credit = Math.min(stream.credit + body.bytes, CREDIT_BYTES_MAX);
      if (wasStuck && stream.credit > 0) stream.onCredit();
      return;
    }
    stream.ended = true;
    link.streams.delete(body.of);
    link.unanswered -= 1;
    stream.onCredit();
  }

  #reply(link: ClientLink, reply: Reply): number {
    const bytes = link.add(reply);
    this.#dirty.add(link);
    this.#schedule();
    return bytes;
  }
}
