/**
 * What a plain http request is answered: how the node is, for tools and for those who run it. Nothing here acts.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Check } from './probes.ts';
import { answerProbe } from './probes.ts';

/** Where the pages get what they say from. */
export interface PageSources {
  liveness(): readonly Check[];
  readiness(): readonly Check[];
  health(): readonly Check[];
  status(): Record<string, unknown>;
  /** In the text format of Prometheus. */
  metrics(): string;
}

const JSON_TYPE = 'application/json';
const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';
const paths = ['/livez', '/readyz', '/healthz', '/status', '/metrics'];

interface Page {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

export function answerHttp(request: IncomingMessage, response: ServerResponse, sources: PageSources): void {
  const [path = '/', query = ''] = (request.url ?? '/').split('?');
  if (!paths.includes(path)) {
    const known = `${paths.slice(0, -1).join(', ')} or ${paths.at(-1) ?? ''}`;
    send(response, errorPage(404, `there is nothing at ${path}; try ${known}`));
  } else if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    send(response, errorPage(405, `${path} answers GET only`));
  } else {
    send(response, pageAt(path, new URLSearchParams(query).has('verbose'), sources));
  }
}

export function sendError(response: ServerResponse, status: number, reason: string): void {
  send(response, errorPage(status, reason));
}

function pageAt(path: string, verbose: boolean, sources: PageSources): Page {
  switch (path) {
    case '/livez':
      return probePage('live', sources.liveness(), verbose);
    case '/readyz':
      return probePage('ready', sources.readiness(), verbose);
    case '/healthz':
      return probePage('healthy', sources.health(), verbose);
    case '/metrics':
      return { status: 200, type: METRICS_TYPE, body: sources.metrics() };
    default:
      return jsonPage(200, sources.status());
  }
}

function probePage(name: string, checks: readonly Check[], verbose: boolean): Page {
  const { status, body } = answerProbe(name, checks, verbose);
  return jsonPage(status, body);
}

function errorPage(status: number, error: string): Page {
  return jsonPage(status, { error });
}

function jsonPage(status: number, body: Record<string, unknown>): Page {
  return { status, type: JSON_TYPE, body: `${JSON.stringify(body)}\n` };
}

function send(response: ServerResponse, { status, type, body }: Page): void {
  response.writeHead(status, {
    'content-type': type,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(body);
}
