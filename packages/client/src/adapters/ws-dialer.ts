/**
 * The Dialer port over websockets.
 *
 * Invariants: handlers are never called before `dial` has returned, `onClose` is called once, nothing after it. A
 * connection is always given up for good in the end: whoever does not answer a close is cut off.
 */
import type { Address, Connection, ConnectionHandlers, Dialer } from '@kvorum/common';
import { CLIENT_PATH, CLIENT_SUBPROTOCOL, formatAddress, FRAME_BYTES_MAX } from '@kvorum/common';
import type { ClientOptions, RawData } from 'ws';
import { WebSocket } from 'ws';
import type { DialTrouble } from './dial-trouble.ts';
import { explainClose, explainDialError, explainHttpRefusal } from './dial-trouble.ts';

export interface WsDialerOptions {
  /** Connections leave from this port of this machine. */
  readonly localPort?: number | undefined;
  readonly handshakeTimeoutMs?: number;
  /** A connection did not come about; `trouble` tells why. */
  readonly onTrouble?: () => void;
}

const HANDSHAKE_TIMEOUT_MS = 5000;
/** For so long a close waits for the other side's. */
const CLOSE_TIMEOUT_MS = 500;
/** A close frame has room for so many bytes of reason. */
const CLOSE_REASON_BYTES_MAX = 123;
const TEXT_FRAME_REASON = 'it sent a text frame, which the protocol does not have';

export class WsDialer implements Dialer {
  readonly #options: WsDialerOptions;
  readonly #sockets = new Set<WebSocket>();
  /** Of addresses that could not be reached the last time. One entry per address of the cluster. */
  readonly #troubles = new Map<string, DialTrouble>();

  constructor(options: WsDialerOptions = {}) {
    this.#options = options;
  }

  /** Why the last attempt to reach the address failed; undefined when it did not. */
  trouble(address: Address): DialTrouble | undefined {
    return this.#troubles.get(formatAddress(address));
  }

  dial(address: Address, handlers: ConnectionHandlers): Connection {
    const name = formatAddress(address);
    let socket: WebSocket;
    try {
      socket = new WebSocket(`ws://${name}${CLIENT_PATH}`, CLIENT_SUBPROTOCOL, this.#socketOptions());
    } catch (error) {
      const reason = `it cannot be an address: ${(error as Error).message}`;
      this.#troubles.set(name, { reason, refused: true });
      setImmediate(() => handlers.onClose(reason));
      return { remote: name, send: () => undefined, backlogBytes: () => 0, close: () => undefined };
    }
    this.#sockets.add(socket);
    const connection = new WsConnection(name, socket, this.#options.localPort, {
      onOpen: () => {
        this.#troubles.delete(name);
        handlers.onOpen();
      },
      onFrame: (frame) => handlers.onFrame(frame),
      onClose: (reason) => {
        this.#sockets.delete(socket);
        if (connection.dialTrouble !== undefined) {
          this.#troubles.set(name, connection.dialTrouble);
          this.#options.onTrouble?.();
        }
        handlers.onClose(reason);
      },
    });
    return connection;
  }

  /** Resolves when no socket is left; they close as their owners ask, and are cut off when that takes too long. */
  async closed(): Promise<void> {
    await Promise.all(
      [...this.#sockets].map(
        (socket) =>
          new Promise<void>((resolve) => {
            const cutOff = setTimeout(() => socket.terminate(), CLOSE_TIMEOUT_MS);
            socket.once('close', () => {
              clearTimeout(cutOff);
              resolve();
            });
          }),
      ),
    );
  }

  #socketOptions(): ClientOptions {
    const { localPort, handshakeTimeoutMs = HANDSHAKE_TIMEOUT_MS } = this.#options;
    const options: ClientOptions & { closeTimeout: number } = {
      perMessageDeflate: false,
      maxPayload: FRAME_BYTES_MAX,
      skipUTF8Validation: true,
      handshakeTimeout: handshakeTimeoutMs,
      followRedirects: false,
      closeTimeout: CLOSE_TIMEOUT_MS,
      // Masks protect proxies from what browsers send. A mask of zero lets ws skip the masking: a third of the cost.
      generateMask: (mask) => mask.fill(0),
    };
    // ws hands its options on to net.connect; its types do not know.
    return localPort === undefined ? options : Object.assign(options, { localPort });
  }
}

class WsConnection implements Connection {
  readonly remote: string;
  /** Why it never opened. */
  dialTrouble: DialTrouble | undefined;
  readonly #socket: WebSocket;
  readonly #handlers: ConnectionHandlers;
  #opened = false;
  #closeReason: string | undefined;

  constructor(remote: string, socket: WebSocket, localPort: number | undefined, handlers: ConnectionHandlers) {
    this.remote = remote;
    this.#socket = socket;
    this.#handlers = handlers;
    socket.on('open', () => {
      this.#opened = true;
      if (this.#closeReason === undefined) handlers.onOpen();
    });
    socket.on('message', (data, isBinary) => this.#onMessage(data, isBinary));
    socket.on('unexpected-response', (request, response) => {
      explainHttpRefusal(request, response, (trouble) => {
        this.#giveUp(trouble);
        socket.terminate();
      });
    });
    // Also called after an open connection broke; `close` follows in any case.
    socket.on('error', (error) => this.#giveUp(explainDialError(error, localPort)));
    socket.on('close', (code, reason) => this.#onClose(code, reason.toString()));
  }

  send(frame: Uint8Array): void {
    this.#socket.send(frame, noop);
  }

  backlogBytes(): number {
    return this.#socket.bufferedAmount;
  }

  close(reason: string): void {
    this.#giveUp({ reason, refused: false });
    this.#socket.close(1000, clip(reason));
  }

  #onMessage(data: RawData, isBinary: boolean): void {
    if (this.#closeReason !== undefined) return;
    if (isBinary) {
      this.#handlers.onFrame(data as Buffer);
      return;
    }
    this.#giveUp({ reason: TEXT_FRAME_REASON, refused: false });
    this.#socket.close(1003, 'text frames are not part of the protocol');
  }

  /** The first reason is the one that tells. */
  #giveUp(trouble: DialTrouble): void {
    this.#closeReason ??= trouble.reason;
    if (!this.#opened) this.dialTrouble ??= trouble;
  }

  #onClose(code: number, reason: string): void {
    if (!this.#opened) this.dialTrouble ??= { reason: explainClose(code, reason), refused: false };
    this.#handlers.onClose(this.#closeReason ?? explainClose(code, reason));
  }
}

/** Send errors are followed by a close. */
function noop(): void {}

function clip(reason: string): string {
  return Buffer.from(reason)
    .subarray(0, CLOSE_REASON_BYTES_MAX)
    .toString('latin1')
    .replaceAll(/[^\x20-\x7e]/g, '?');
}
