/**
 * A client connection: two ordered directions, which break together.
 *
 * Over a cut link nothing gets through, and the ends notice only later. A repeated request is a copy that arrives again
 * much later on the same connection, as a middlebox may do it.
 */
import type { Connection, ConnectionHandlers } from '@kvorum/common';
import type { Network, ProcessId } from './network.ts';
import { processName } from './process-name.ts';

/** What a listening node does with connections. */
export interface Acceptor {
  accept(connection: Connection): { onFrame(frame: Uint8Array): void; onClose(): void };
}

export class ClientConnection {
  readonly #network: Network;
  readonly #from: ProcessId;
  readonly #to: ProcessId;
  readonly #dialer: ConnectionHandlers;
  #server: ReturnType<Acceptor['accept']> | undefined;
  #broken = false;
  /** Carries nothing; its ends do not know yet. */
  #dead = false;
  #toServerUs = 0;
  #toDialerUs = 0;
  /** Sent by the server, not read yet. */
  #unreadBytes = 0;
  /** Of them, what has arrived. */
  readonly #inbox: { readonly frame: Uint8Array; readonly sentUs: number }[] = [];
  readonly dialerEnd: Connection;

  constructor(network: Network, from: ProcessId, to: ProcessId, dialer: ConnectionHandlers) {
    this.#network = network;
    this.#from = from;
    this.#to = to;
    this.#dialer = dialer;
    this.dialerEnd = {
      remote: processName(to),
      send: (frame) => this.#toServer(frame),
      backlogBytes: () => 0,
      close: (reason) => this.break(`closed: ${reason}`),
    };
  }

  /** It carries nothing any more, and its ends do not know. */
  get isDead(): boolean {
    return this.#dead;
  }

  isOf(process: ProcessId): boolean {
    return this.#from === process || this.#to === process;
  }

  /** The connection request reaches the other side. */
  arrive(): void {
    if (this.#broken) return;
    const acceptor = this.#network.acceptorOf(this.#to);
    if (this.#isCut()) {
      this.loseTouch();
    } else if (acceptor === undefined) {
      this.break('connection refused');
    } else {
      this.#server = acceptor.accept({
        remote: processName(this.#from),
        send: (frame) => this.#toDialer(frame),
        backlogBytes: () => (this.#network.slowReaders.has(this.#from) ? this.#unreadBytes : 0),
        close: (reason) => this.break(`closed: ${reason}`),
      });
      this.#network.at(this.#network.arrivalUs(this.#to, this.#from, 0), () => {
        if (!this.#broken) this.#dialer.onOpen();
      });
    }
  }

  break(reason: string): void {
    if (this.#broken) return;
    this.#broken = true;
    this.#network.forget(this);
    this.#network.at(this.#network.arrivalUs(this.#from, this.#to, 0), () => {
      this.#server?.onClose();
      this.#dialer.onClose(reason);
    });
  }

  /** Nothing gets through; the ends notice later. */
  loseTouch(): void {
    if (this.#dead) return;
    this.#dead = true;
    this.#network.at(this.#network.schedule.nowUs + this.#network.halfOpenUs(), () => this.break('timed out'));
  }

  #toServer(frame: Uint8Array): void {
    if (this.#broken) return;
    this.#toServerUs = this.#network.arrivalUs(this.#from, this.#to, this.#toServerUs);
    const sentUs = this.#network.schedule.nowUs;
    const deliver = (fate: 'delivered' | 'repeated'): void => {
      if (!this.#carries(this.#from, this.#to, frame, sentUs, fate)) return;
      this.#server?.onFrame(frame);
      if (this.#network.breaks()) this.break('connection reset');
    };
    this.#network.at(this.#toServerUs, () => deliver('delivered'));
    if (!this.#network.repeats()) return;
    this.#network.at(this.#toServerUs + this.#network.repetitionUs(), () => deliver('repeated'));
  }

  #toDialer(frame: Uint8Array): void {
    if (this.#broken) return;
    this.#toDialerUs = this.#network.arrivalUs(this.#to, this.#from, this.#toDialerUs);
    const sentUs = this.#network.schedule.nowUs;
    this.#unreadBytes += frame.length;
    this.#network.at(this.#toDialerUs, () => {
      this.#inbox.push({ frame, sentUs });
      if (this.#inbox.length === 1) this.#readNext();
    });
  }

  /** The client reads at once again: what waits for it need not wait as long as it would have. */
  hurry(): void {
    if (this.#inbox.length > 0) this.#network.at(this.#network.schedule.nowUs, () => this.#read());
  }

  #readNext(): void {
    const readUs = this.#network.slowReaders.get(this.#from);
    if (readUs === undefined) {
      this.#read();
      return;
    }
    const { slowestReads } = this.#network;
    slowestReads.set(this.#from, Math.max(readUs, slowestReads.get(this.#from) ?? 0));
    this.#network.at(this.#network.schedule.nowUs + readUs, () => this.#read());
  }

  #read(): void {
    const next = this.#inbox.shift();
    if (next === undefined) return;
    const { frame, sentUs } = next;
    this.#unreadBytes -= frame.length;
    if (this.#carries(this.#to, this.#from, frame, sentUs, 'delivered')) {
      this.#dialer.onFrame(frame);
      if (this.#network.breaks()) this.break('connection reset');
    }
    if (this.#inbox.length > 0) this.#readNext();
  }

  #carries(from: ProcessId, to: ProcessId, frame: Uint8Array, sentUs: number, fate: 'delivered' | 'repeated'): boolean {
    if (this.#broken) return false;
    if (this.#isCut()) this.loseTouch();
    if (this.#dead) {
      this.#network.noteFate(from, to, frame, sentUs, 'cut');
      return false;
    }
    this.#network.noteDelivered(from, to, frame, sentUs, fate);
    return true;
  }

  #isCut(): boolean {
    return this.#network.isCut(this.#from, this.#to) || this.#network.isCut(this.#to, this.#from);
  }
}
