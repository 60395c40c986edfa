/**
 * Client websockets as the Connections that the core's gateway knows.
 */
import type { Connection } from '@kvorum/common';
import type { RawData, WebSocket } from 'ws';
import type { ClientLink } from '../../core/index.ts';

/** The core's side. */
export interface ClientHandlers {
  openClient(connection: Connection): ClientLink;
  onClientFrame(link: ClientLink, frame: Uint8Array): void;
  onClientClose(link: ClientLink): void;
}

/** A close reason has at most 123 bytes. */
const REASON_BYTES_MAX = 123;
const POLICY_VIOLATION = 1008;
const UNSUPPORTED_DATA = 1003;
/** A client that does not answer the close within this time is cut off. */
const CLOSE_TIMEOUT_MS = 1000;

export function attachClient(
  socket: WebSocket,
  remote: string,
  handlers: ClientHandlers,
  firstFrameTimeoutMs: number,
): void {
  const close = (code: number, reason: string): void => {
    socket.close(code, Buffer.from(reason).subarray(0, REASON_BYTES_MAX));
    setTimeout(() => socket.terminate(), CLOSE_TIMEOUT_MS).unref();
  };
  const link = handlers.openClient({
    remote,
    send: (frame) => socket.send(frame, { binary: true }),
    backlogBytes: () => socket.bufferedAmount,
    close: (reason) => close(POLICY_VIOLATION, reason),
  });
  const silent = setTimeout(() => {
    close(POLICY_VIOLATION, `nothing was asked for ${firstFrameTimeoutMs / 1000} s`);
  }, firstFrameTimeoutMs);
  socket.on('message', (data: RawData, isBinary) => {
    clearTimeout(silent);
    if (isBinary) handlers.onClientFrame(link, data as Buffer);
    else close(UNSUPPORTED_DATA, 'binary frames only');
  });
  // An oversized or malformed frame: ws has answered with the reason and closes.
  socket.on('error', () => undefined);
  socket.on('close', () => {
    clearTimeout(silent);
    handlers.onClientClose(link);
  });
}
