/**
 * Why a server could not be reached, in words that help a person.
 */
import type { ClientRequest, IncomingMessage } from 'node:http';
import { CLIENT_PROTOCOL_VERSION, CLIENT_SUBPROTOCOL } from '@kvorum/common';

export interface DialTrouble {
  readonly reason: string;
  /** Something answered with a definite no: trying again right away will hardly change that. */
  readonly refused: boolean;
  /** It is a server, and speaks another version of the protocol: trying again does not change that. */
  readonly otherVersion?: true;
}

/** What ws says when the other end does not speak websocket as it should. */
const foreignHandshake = /^(?:Parse Error|Invalid Upgrade header|Invalid Sec-WebSocket|Server sent|Unexpected server)/;

export function explainDialError(error: Error, localPort: number | undefined): DialTrouble {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  switch (code) {
    case 'ECONNREFUSED':
      return { reason: 'connection refused', refused: true };
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return { reason: 'its host name is not known', refused: true };
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return { reason: 'its host cannot be reached', refused: true };
    case 'ETIMEDOUT':
      return { reason: 'it does not answer', refused: false };
    case 'ECONNRESET':
      return { reason: 'it broke the connection; is it a Kvorum server?', refused: false };
    case 'EADDRINUSE':
    case 'EADDRNOTAVAIL':
      if (localPort === undefined) break;
      return { reason: `the local port ${localPort} is in use; choose another one or none`, refused: true };
    case 'EACCES':
      if (localPort === undefined) break;
      return { reason: `the local port ${localPort} is reserved for privileged programs`, refused: true };
  }
  if (error.message === 'Server sent an invalid subprotocol') {
    return explainOtherVersion('');
  }
  if (code.startsWith('HPE_') || foreignHandshake.test(error.message)) {
    return { reason: 'not a Kvorum server', refused: true };
  }
  if (error.message === 'Opening handshake has timed out') return { reason: 'it does not answer', refused: false };
  return { reason: error.message, refused: false };
}

const BODY_BYTES_MAX = 512;

/** A server that answers the handshake with an http status says why in the body, if it is one of ours. */
export function explainHttpRefusal(
  request: ClientRequest,
  response: IncomingMessage,
  done: (trouble: DialTrouble) => void,
): void {
  let body = '';
  const finish = (): void => {
    request.destroy();
    done(explainStatus(response.statusCode ?? 0, body.trim()));
  };
  response.setEncoding('utf8');
  response.on('data', (chunk: string) => {
    body += chunk;
    if (body.length > BODY_BYTES_MAX) response.destroy();
  });
  response.once('close', finish);
  response.on('error', () => undefined);
}

function explainStatus(status: number, body: string): DialTrouble {
  const said = /^[\x20-\x7e]{1,200}$/.test(body) && !body.startsWith('<') ? body : '';
  if (status === 401 || status === 403) {
    return { reason: `it turns this client away${said && `: ${said}`}`, refused: true };
  }
  if (status === 426) return explainOtherVersion(said);
  if (status === 421) return { reason: `it does not answer to that name${said && `: ${said}`}`, refused: true };
  if (status === 503) return { reason: `it takes no more connections${said && `: ${said}`}`, refused: false };
  return { reason: `not a Kvorum server (http status ${status})`, refused: true };
}

/** A server that refuses a version says which one it speaks. */
function explainOtherVersion(said: string): DialTrouble {
  const spoken = /\bspeaks client protocol (\d{1,9})\b/.exec(said)?.[1];
  const reason =
    spoken === undefined
      ? `it speaks another protocol version than ${CLIENT_SUBPROTOCOL}${said && `: ${said}`}`
      : `it speaks client protocol ${spoken}, this client speaks ${CLIENT_PROTOCOL_VERSION}`;
  return { reason, refused: true, otherVersion: true };
}

/** Why an open connection ended, from the close frame of the other side. */
export function explainClose(code: number, reason: string): string {
  if (reason !== '') return reason;
  if (code === 1001) return 'the server is shutting down';
  if (code === 1006) return 'the connection broke';
  return `the server closed the connection (${code})`;
}
