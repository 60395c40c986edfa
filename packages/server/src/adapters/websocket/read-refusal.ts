/**
 * Why a server did not make a websocket of a request: its http answer says so in the body.
 */
import type { ClientRequest, IncomingMessage } from 'node:http';

const REASON_LENGTH_MAX = 500;

/** Ends the request. What is no reason of one of ours is told by its status. */
export function readRefusal(request: ClientRequest, response: IncomingMessage, done: (reason: string) => void): void {
  let body = '';
  response.setEncoding('utf8');
  response.on('data', (chunk: string) => {
    body += chunk;
    if (body.length > REASON_LENGTH_MAX) response.destroy();
  });
  response.on('error', () => undefined);
  response.once('close', () => {
    request.destroy();
    const said = body.trim();
    const readable = /^[\x20-\x7e]{1,500}$/.test(said) && !said.startsWith('<');
    done(readable ? said : `not a Kvorum server (http status ${response.statusCode ?? 0})`);
  });
}
