/**
 * Who may speak to this server through somebody's browser. Listening on loopback protects nobody who has one: any page may
 * open a websocket to any address, and a name of its own that leads here (DNS rebinding) makes the page's origin this server's.
 *
 * So every request says by `Host` whom it wants, and only a name that this server goes by is taken: an IP literal, which
 * nobody can rebind, `localhost`, and the names it was given. A request that acts (an upgrade, or another method than GET and
 * HEAD) and comes from a page, which the browser tells by `Origin`, must come from a page of that same host. Programs send
 * no `Origin`.
 */
import { isIP, isIPv4, isIPv6 } from 'node:net';

/** What the check looks at, of a request. */
export interface Asked {
  readonly method: string;
  /** The request target, as it was sent. */
  readonly target: string;
  /** Every `Host` and every `Origin` header there is. */
  readonly hosts: readonly string[];
  readonly origins: readonly string[];
  readonly upgrade: boolean;
}

export interface Refusal {
  readonly status: 400 | 403 | 404 | 421 | 426 | 503;
  readonly reason: string;
}

/** A name or an address in brackets, and perhaps a port; no user, no path, nothing around it. */
const HOST = /^(?<name>\[[0-9A-Fa-f:.]{2,45}\]|[0-9A-Za-z._-]{1,253})(?::(?<port>\d{1,5}))?$/;

/** Why the request is refused; undefined: it is welcome. `names` are lower case. */
export function refusalByOrigin(asked: Asked, names: ReadonlySet<string>): Refusal | undefined {
  // A target with a host of its own would overrule the header that is checked here (RFC 9112, 3.2.2).
  if (!asked.target.startsWith('/'))
    return { status: 400, reason: 'the request target must be a path, such as /status' };
  const [host, ...more] = asked.hosts;
  if (host === undefined) return { status: 400, reason: 'the request has no Host header' };
  if (more.length > 0) return { status: 400, reason: 'the request has more than one Host header' };
  const parsed = HOST.exec(host)?.groups;
  const name = parsed?.['name']?.toLowerCase();
  if (name === undefined || Number(parsed?.['port'] ?? 1) > 65535) {
    return { status: 400, reason: 'the Host header is no HOST or HOST:PORT' };
  }
  if (!isAddress(name) && name !== 'localhost' && !names.has(name)) {
    return {
      status: 421,
      reason: `this server does not go by the name ${name}; if it should, start it with --allowed-host ${name}`,
    };
  }
  return refusalOfPage(asked, host);
}

function refusalOfPage({ method, upgrade, origins }: Asked, host: string): Refusal | undefined {
  if (origins.length === 0 || (!upgrade && (method === 'GET' || method === 'HEAD'))) return undefined;
  const [origin] = origins;
  if (origins.length === 1 && (origin === `http://${host}` || origin === `https://${host}`)) return undefined;
  return { status: 403, reason: `a page of another origin may not do this; only pages of http://${host} may` };
}

function isAddress(name: string): boolean {
  return name.startsWith('[') ? isIPv6(name.slice(1, -1)) : isIPv4(name);
}

/** The names of a server in the form that the check compares: those that are no addresses, in lower case. */
export function hostNames(names: readonly string[]): ReadonlySet<string> {
  return new Set(names.filter((name) => isIP(name) === 0).map((name) => name.toLowerCase()));
}
