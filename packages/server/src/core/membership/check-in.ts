/**
 * A node's way into a cluster: asks one node after the other until one of them says what this node is.
 */
import type {
  Address,
  CancelTimer,
  Clock,
  Connection,
  Dialer,
  Logger,
  ReplyBody,
  RequestBody,
  Timings,
} from '@kvorum/common';
import { DecodeError, decodeReplies, encodeRequests, formatAddress } from '@kvorum/common';

type CheckedIn = Extract<ReplyBody, { type: 'checked-in' }>;

/** Attempts between two log lines about the same trouble. */
const ATTEMPTS_PER_WARNING = 25;

export interface CheckInHost {
  request(): Extract<RequestBody, { type: 'check-in' }>;
  /** Returns after how many milliseconds to ask again; undefined: no more. */
  onAnswer(answer: CheckedIn, from: Address): number | undefined;
}

export class CheckInLoop {
  readonly #clock: Clock;
  readonly #dialer: Dialer;
  readonly #logger: Logger;
  readonly #host: CheckInHost;
  readonly #timings: Timings;
  #targets: () => readonly Address[];
  #attempts = 0;
  #connection: Connection | undefined;
  #cancelTimer: CancelTimer | undefined;

  constructor(
    ports: { clock: Clock; dialer: Dialer; logger: Logger },
    targets: () => readonly Address[],
    host: CheckInHost,
    timings: Timings,
  ) {
    this.#clock = ports.clock;
    this.#dialer = ports.dialer;
    this.#logger = ports.logger;
    this.#targets = targets;
    this.#host = host;
    this.#timings = timings;
  }

  /** Asks there from now on. */
  redirect(target: Address): void {
    this.#targets = () => [target];
  }

  start(): void {
    const targets = this.#targets();
    const target = targets[this.#attempts % targets.length];
    if (target === undefined) return;
    this.#attempts += 1;
    const { checkInRetryMs, checkInAnswerMsMax } = this.#timings;
    let opened = false;
    let settled = false;
    const settle = (trouble: string | undefined, againMs: number | undefined): void => {
      if (settled) return;
      settled = true;
      this.#cancelTimer?.();
      this.#connection?.close('check-in is over');
      this.#connection = undefined;
      if (trouble !== undefined) this.#report(target, trouble);
      if (againMs !== undefined) this.#cancelTimer = this.#clock.setTimer(againMs, () => this.start());
    };
    this.#connection = this.#dialer.dial(target, {
      onOpen: () => {
        opened = true;
        this.#connection?.send(encodeRequests([{ id: 1, body: this.#host.request() }]));
      },
      onFrame: (frame) => {
        if (settled) return;
        const answer = decodeAnswer(frame);
        if (answer === undefined) settle('it gave an answer that is not one to a check-in', checkInRetryMs);
        else settle(undefined, this.#host.onAnswer(answer, target));
      },
      onClose: (reason) => settle(opened ? `it closed the connection: ${reason}` : reason, checkInRetryMs),
    });
    this.#cancelTimer = this.#clock.setTimer(checkInAnswerMsMax, () => settle('it does not answer', checkInRetryMs));
  }

  stop(): void {
    this.#cancelTimer?.();
    this.#targets = () => [];
    this.#connection?.close('the node stops');
  }

  #report(target: Address, trouble: string): void {
    if (this.#attempts % ATTEMPTS_PER_WARNING !== 1) return;
    this.#logger.warn(`cannot check in at ${formatAddress(target)}: ${trouble}; still trying`);
  }
}

function decodeAnswer(frame: Uint8Array): CheckedIn | undefined {
  try {
    const [reply] = decodeReplies(frame);
    return reply?.body.type === 'checked-in' ? reply.body : undefined;
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
