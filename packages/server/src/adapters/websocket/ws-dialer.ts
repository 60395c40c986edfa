/**
 * The Dialer port on websockets, for a node that checks in.
 */
import type { Dialer } from '@kvorum/common';
import { CLIENT_PATH, CLIENT_SUBPROTOCOL, formatAddress, FRAME_BYTES_MAX } from '@kvorum/common';
import { WebSocket } from 'ws';
import { readRefusal } from './read-refusal.ts';

export const wsDialer: Dialer = {
  dial(address, handlers) {
    const remote = formatAddress(address);
    let socket: WebSocket;
    try {
      socket = new WebSocket(`ws://${remote}${CLIENT_PATH}`, CLIENT_SUBPROTOCOL, {
        perMessageDeflate: false,
        maxPayload: FRAME_BYTES_MAX,
        skipUTF8Validation: true,
      });
    } catch (error) {
      setImmediate(() => handlers.onClose(`it cannot be an address: ${(error as Error).message}`));
      return { remote, send: () => undefined, backlogBytes: () => 0, close: () => undefined };
    }
    /** The first one is the one that tells. */
    let trouble: string | undefined;
    socket.on('open', () => handlers.onOpen());
    socket.on('message', (data) => handlers.onFrame(data as Buffer));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      trouble ??= error.code === 'ECONNREFUSED' ? 'connection refused, nothing listens there' : error.message;
    });
    socket.on('unexpected-response', (request, response) => {
      readRefusal(request, response, (reason) => {
        trouble ??= reason;
        socket.terminate();
      });
    });
    socket.on('close', (_code, reason) =>
      handlers.onClose(reason.toString() || (trouble ?? 'the connection was closed')),
    );
    return {
      remote,
      send: (frame) => {
        if (socket.readyState === WebSocket.OPEN) socket.send(frame, { binary: true });
      },
      backlogBytes: () => socket.bufferedAmount,
      close: () => socket.terminate(),
    };
  },
};
