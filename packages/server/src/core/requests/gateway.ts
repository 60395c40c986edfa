/**
 * Where client frames come in and reply frames go out: stages 2 and 8 of the data path. Nothing that a client sends throws
 * past it: a frame that does not decode closes the connection with a reason, and is counted.
 */
import type { Connection, Reply, ReplyBody, RequestBody } from '@kvorum/common';
import { DecodeError, decodeRequests, limits, mark, Writer, writeReply } from '@kvorum/common';
import { refusal } from '../replication/group-replica.ts';

/** Answers a request, at once or later. */
export type RequestHandler = (
  body: RequestBody,
  reply: (body: ReplyBody) => void,
  /** Whether the client has gone meanwhile. */
  isAbandoned: () => boolean,
) => void;

/** A client connection as the node sees it. */
export class ClientLink {
  readonly #connection: Connection;
  /** Requests that were not answered yet. */
  unanswered = 0;
  /** Ids grow on a connection: one that does not is a repetition, and must not be served again. */
  lastRequestId = -1;
  #replies: Writer | undefined;
  #closed = false;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  get remote(): string {
    return this.#connection.remote;
  }

  add(reply: Reply): void {
    if (this.#closed) return;
    if (this.#replies !== undefined && this.#replies.length > limits.frameBytesMax / 2) this.flush();
    this.#replies ??= new Writer();
    writeReply(this.#replies, reply);
  }

  flush(): void {
    if (this.#replies === undefined || this.#closed) return;
    this.#connection.send(this.#replies.finish());
    this.#replies = undefined;
    if (this.#connection.backlogBytes() > limits.clientBacklogBytesMax) {
      mark('slow-reader-closed');
      this.close('replies are not being read');
    }
  }

  /** Whether it was closed by either side; nothing more is taken from it. */
  get isClosed(): boolean {
    return this.#closed;
  }

  close(reason: string): void {
    this.#closed = true;
    this.#connection.close(reason);
  }

  closed(): void {
    this.#closed = true;
  }
}

export class Gateway {
  readonly #handler: RequestHandler;
  readonly #schedule: () => void;
  readonly #links = new Set<ClientLink>();
  /** Links with replies of this turn. */
  readonly #dirty = new Set<ClientLink>();
  #badFrames = 0;

  /** `schedule` has `flush` called at the end of the turn. */
  constructor(handler: RequestHandler, schedule: () => void) {
    this.#handler = handler;
    this.#schedule = schedule;
  }

  get connections(): number {
    return this.#links.size;
  }

  get badFrames(): number {
    return this.#badFrames;
  }

  open(connection: Connection): ClientLink {
    const link = new ClientLink(connection);
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
    for (const { id, body } of requests) {
      if (id <= link.lastRequestId) {
        link.close(`request id ${id} after ${link.lastRequestId}: the ids of a connection must grow`);
        return;
      }
      link.lastRequestId = id;
      this.#accept(link, id, body);
    }
  }

  onClose(link: ClientLink): void {
    link.closed();
    this.#links.delete(link);
    this.#dirty.delete(link);
  }

  flush(): void {
    for (const link of this.#dirty) link.flush();
    this.#dirty.clear();
  }

  #accept(link: ClientLink, id: number, body: RequestBody): void {
    if (link.unanswered >= limits.requestsPerConnectionMax) {
      const message = `the connection has its limit of ${limits.requestsPerConnectionMax} unanswered requests`;
      this.#reply(link, { id, body: refusal('busy', message) });
      return;
    }
    link.unanswered += 1;
    const reply = (answer: ReplyBody): void => {
      link.unanswered -= 1;
      this.#reply(link, { id, body: answer });
    };
    this.#handler(body, reply, () => link.isClosed);
  }

  #reply(link: ClientLink, reply: Reply): void {
    link.add(reply);
    this.#dirty.add(link);
    this.#schedule();
  }
}
