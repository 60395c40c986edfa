/**
 * The client's connection to one node: opens on demand, sends the requests of a turn in one frame, matches replies.
 *
 * Invariant: each request ends once, with its reply or as lost; a lost one may or may not have reached the node.
 */
import type { Address, CancelTimer, Clock, Connection, Dialer, ReplyBody, Request, RequestBody } from '@kvorum/common';
import { DecodeError, decodeReplies, encodeRequests, formatAddress, limits } from '@kvorum/common';

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
  sent: boolean;
}

const CONNECT_TIMEOUT_MS = 1000;
/** So long after a failure a node that is out of reach is tried again. One that closed a standing connection is there: at once. */
const PROBE_AFTER_MS = 500;
/** Requests are encoded up to here before a frame is cut. */
const FRAME_BYTES_TARGET = 1024 * 1024;

export class NodeLink {
  readonly address: Address;
  readonly #clock: Clock;
  readonly #dialer: Dialer;
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

  constructor(address: Address, ports: { readonly clock: Clock; readonly dialer: Dialer }, events: LinkEvents) {
    this.address = address;
    this.#clock = ports.clock;
    this.#dialer = ports.dialer;
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
    this.#lastId += 1;
    const id = this.#lastId;
    const outstanding: Outstanding = { body, done, sent: false };
    this.#outstanding.set(id, outstanding);
    this.#queue.push(id);
    if (this.#connection === undefined) this.#connect();
    else this.#scheduleFlush();
    return {
      get sent() {
        return outstanding.sent;
      },
      cancel: () => void this.#outstanding.delete(id),
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
      onClose: (reason) => ifCurrent(() => this.#fail(reason, this.#open ? 0 : PROBE_AFTER_MS)),
    });
    this.#cancelConnectTimer = this.#clock.setTimer(CONNECT_TIMEOUT_MS, () => this.#fail('it does not answer'));
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
    for (const { id, body } of replies) {
      const outstanding = this.#outstanding.get(id);
      this.#outstanding.delete(id);
      outstanding?.done({ type: 'reply', body });
    }
    // The first is the oldest: the others have not left if it has not.
    const [oldest] = this.#outstanding.values();
    if (oldest?.sent === true) this.#unansweredSinceMs = this.#clock.monotonicMs();
  }

  /** Ends the connection; every request that waits for an answer is lost. */
  #fail(reason: string, probeAfterMs = PROBE_AFTER_MS): void {
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
      outstanding.sent = true;
      this.#unansweredSinceMs ??= this.#clock.monotonicMs();
      requests.push({ id, body: outstanding.body });
      bytes += requestBytes(outstanding.body);
      if (bytes < FRAME_BYTES_TARGET && requests.length < limits.requestsPerFrameMax) continue;
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
  const { command } = body.request;
  return 64 + ('value' in command ? command.value.length : 'next' in command ? command.next.length : 0);
}
