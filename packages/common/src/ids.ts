/**
 * Identifiers shared by every package.
 */

/** A node's stable number, assigned at check-in and kept in its data directory. Sparse: never an array index. */
export type NodeId = number;

/** A replication group's number. Group 0 holds the layout; groups 1..P hold the partitions. */
export type GroupId = number;

/** The group whose replicated state is the layout itself. */
export const METADATA_GROUP: GroupId = 0;

/** Where a node listens. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** "host:port", with brackets around an IPv6 host. */
export function formatAddress(address: Address): string {
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** Whether it can be a host: a name as DNS and containers have it, or an IP address. Nothing that would end up elsewhere in a URL. */
export function isHost(host: string): boolean {
  return /^[0-9A-Za-z._-]{1,253}$/.test(host) || (host.includes(':') && /^[0-9A-Fa-f:.]{2,45}$/.test(host));
}

/** Parses "host:port" or "[ipv6]:port". Returns undefined when the text is not an address with a port of 1 to 65535. */
export function parseAddress(text: string): Address | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:/[\]]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || !isHost(host) || port < 1 || port > 65535) return undefined;
  return { host, port };
}

/** How a node is named to people: "n3". */
export function nodeName(node: NodeId): string {
  return `n${node}`;
}
