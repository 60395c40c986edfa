/**
 * The client's connection to one node: opens on demand, sends the requests of a turn in one frame, matches replies.
 *
 * Invariant: each request ends once, with its reply or as lost; a lost one may or may not have reached the node.
 */
import type { Address, CancelTimer, Clock, Connection, Dialer, ReplyBody, Request, RequestBody } from '@kvorum/common';
import type { ClientTimings } from './timings.ts';
import {
  commandBytes,
  DecodeError,
  decodeReplies,
  encodeRequests,
  formatAddress,
  REQUESTS_PER_FRAME_MAX,
} from '@kvorum/common';

/** How a request ended. `sent` is false when it certainly never left. */
export type Answer =
  | { readonly type: 'reply'; readonly body: ReplyBody }
  | { readonly type: 'lost'; readonly sent: boolean; readonly reason: string };

export interface LinkEvents {
  onConnected(address: Address): void;
  onDisconnected(address: Address, reason: string): void;
  /** A connection did not come about. */
  onUnreachable(): void;
}

/** A request under way. */
export interface PendingRequest {
  /** Whether it may have reached the node. */
  readonly sent: boolean;
  /** Stops waiting for the answer; an unsent request is not sent any more. */
  cancel(): void;
}

interface Outstanding {
  readonly body: RequestBody;
  readonly done: (answer: Answer) => void;
  /** Of a stream: what it takes before more is granted, and who takes it. */
  readonly stream?: { readonly credit: number; readonly onPushed: (body: ReplyBody) => void };
  sent: boolean;
}

/** A stream of replies under way. */
export interface ReplyStream {
  /** Lets the node push so many more bytes. */
  grant(bytes: number): void;
  /** Ends it; nothing is called back any more. */
  cancel(): void;
}

/** Requests are encoded up to here before a frame is cut. */
const FRAME_BYTES_TARGET = 1024 * 1024;

export class NodeLink {
  readonly address: Address;
  readonly #clock: Clock;
  readonly #dialer: Dialer;
  readonly #timings: ClientTimings;
  readonly #events: LinkEvents;
  #connection: Connection | undefined;
  #connectionNumber = 0;
  #open = false;
  #cancelConnectTimer: CancelTimer = () => undefined;
  #failed = false;
  #probeMs = 0;
  /** Since when requests that left are without any answer; undefined while none is. */
  #unansweredSinceMs: number | undefined;
  readonly #outstanding = new Map<number, Outstanding>();
  #queue: number[] = [];
  #flushScheduled = false;
  #lastId = 0;

  constructor(
    address: Address,
    ports: { readonly clock: Clock; readonly dialer: Dialer; readonly timings: ClientTimings },
    events: LinkEvents,
  ) {
    this.address = address;
    this.#clock = ports.clock;
    this.#dialer = ports.dialer;
    this.#timings = ports.timings;
    this.#events = events;
  }

  get connected(): boolean {
    return this.#open;
  }

  /** Whether its last connection failed, and there is no new one yet. */
  get unreachable(): boolean {
    return this.#failed;
  }

  /** For how long it has been asked and has not sent anything; also when those who asked have given up. */
  get silentForMs(): number {
    return this.#unansweredSinceMs === undefined ? 0 : this.#clock.monotonicMs() - this.#unansweredSinceMs;
  }

  /** Sends with the other requests of this turn. */
  request(body: RequestBody, done: (answer: Answer) => void): PendingRequest {
    const outstanding: Outstanding = { body, done, sent: false };
    const id = this.#ask(outstanding);
    return {
      get sent() {
        return outstanding.sent;
      },
      cancel: () => void this.#outstanding.delete(id),
    };
  }

  #ask(outstanding: Outstanding): number {
    this.#lastId += 1;
    const id = this.#lastId;
    this.#outstanding.set(id, outstanding);
    this.#queue.push(id);
    if (this.#connection === undefined) this.#connect();
    else this.#scheduleFlush();
    return id;
  }

  /**
   * Asks for a stream of replies, of which the node pushes at most `credit` bytes before more are granted; `done` gets the last
   * reply, or that it was lost with its connection.
   */
  openStream(
    body: RequestBody,
    credit: number,
    onPushed: (body: ReplyBody) => void,
    done: (answer: Answer) => void,
  ): ReplyStream {
    const id = this.#ask({ body, done, stream: { credit, onPushed }, sent: false });
    const tell = (control: RequestBody): void => {
      if (this.#outstanding.has(id)) this.#ask({ body: control, done: () => undefined, sent: false });
    };
    return {
      grant: (bytes) => tell({ type: 'credit', of: id, bytes }),
      cancel: () => {
        tell({ type: 'cancel', of: id });
        this.#outstanding.delete(id);
      },
    };
  }

  /** The node does not answer though its connection stands. */
  suspect(): void {
    this.#fail('it does not answer');
  }

  /** Finds out whether a node out of reach is back, at the expense of no request. */
  probe(): void {
    if (this.#failed && this.#connection === undefined && this.#clock.monotonicMs() >= this.#probeMs) this.#connect();
  }

  close(): void {
    this.#fail('the client is closed');
  }

  #connect(): void {
    this.#connectionNumber += 1;
    const number = this.#connectionNumber;
    // A connection that was given up may still call back.
    const ifCurrent = (act: () => void): void => {
      if (number === this.#connectionNumber && this.#connection !== undefined) act();
    };
    this.#connection = this.#dialer.dial(this.address, {
      onOpen: () =>
        ifCurrent(() => {
          this.#cancelConnectTimer();
          this.#open = true;
          this.#failed = false;
          this.#events.onConnected(this.address);
          this.#scheduleFlush();
        }),
      onFrame: (frame) => ifCurrent(() => this.#onFrame(frame)),
      onClose: (reason) => ifCurrent(() => this.#fail(reason, this.#open ? 0 : this.#timings.probeAfterMs)),
    });
    this.#cancelConnectTimer = this.#clock.setTimer(this.#timings.connectTimeoutMs, () =>
      this.#fail('it does not answer'),
    );
  }

  #onFrame(frame: Uint8Array): void {
    this.#unansweredSinceMs = undefined;
    let replies;
    try {
      replies = decodeReplies(frame);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#fail(`it sent a frame that does not decode: ${error.message}`);
      return;
    }
    for (const { id, body, more } of replies) {
      const outstanding = this.#outstanding.get(id);
      if (more === true) {
        outstanding?.stream?.onPushed(body);
        continue;
      }
      this.#outstanding.delete(id);
      outstanding?.done({ type: 'reply', body });
    }
    for (const { sent, stream } of this.#outstanding.values()) {
      if (stream !== undefined) continue;
      // The first is the oldest: the others have not left if it has not.
      if (sent) this.#unansweredSinceMs = this.#clock.monotonicMs();
      break;
    }
  }

  /** Ends the connection; every request that waits for an answer is lost. */
  #fail(reason: string, probeAfterMs = this.#timings.probeAfterMs): void {
    const connection = this.#connection;
    this.#cancelConnectTimer();
    this.#connection = undefined;
    this.#unansweredSinceMs = undefined;
    this.#failed = true;
    this.#probeMs = this.#clock.monotonicMs() + probeAfterMs;
    const wasOpen = this.#open;
    this.#open = false;
    connection?.close(reason);
    if (connection !== undefined && wasOpen) this.#events.onDisconnected(this.address, reason);
    if (connection !== undefined && !wasOpen) this.#events.onUnreachable();
    const lost = [...this.#outstanding.values()];
    this.#outstanding.clear();
    this.#queue = [];
    for (const { done, sent } of lost)
      done({ type: 'lost', sent, reason: `${formatAddress(this.address)}: ${reason}` });
  }

  #scheduleFlush(): void {
    if (this.#flushScheduled || !this.#open) return;
    this.#flushScheduled = true;
    this.#clock.defer(() => {
      this.#flushScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (!this.#open) return;
    let requests: Request[] = [];
    let bytes = 0;
    for (const id of this.#queue) {
      const outstanding = this.#outstanding.get(id);
      if (outstanding === undefined) continue;
      const { body, stream } = outstanding;
      outstanding.sent = true;
      requests.push(stream === undefined ? { id, body } : { id, body, credit: stream.credit });
      // A node says nothing to it, and nothing may be new to a stream for long.
      if (body.type === 'credit' || body.type === 'cancel') this.#outstanding.delete(id);
      else if (stream === undefined) this.#unansweredSinceMs ??= this.#clock.monotonicMs();
      bytes += requestBytes(outstanding.body);
      if (bytes < FRAME_BYTES_TARGET && requests.length < REQUESTS_PER_FRAME_MAX) continue;
      this.#connection?.send(encodeRequests(requests));
      requests = [];
      bytes = 0;
    }
    this.#queue = [];
    if (requests.length > 0) this.#connection?.send(encodeRequests(requests));
  }
}

/** About how long a request is. */
function requestBytes(body: RequestBody): number {
  if (body.type !== 'group' || body.request.type !== 'execute') return 64;
  return 64 + commandBytes(body.request.command);
}
