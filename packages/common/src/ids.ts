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

/** Parses "host:port" or "[ipv6]:port". Returns undefined when the text is not an address with a port of 1 to 65535. */
export function parseAddress(text: string): Address | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:/[\]]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port < 1 || port > 65535) return undefined;
  return { host, port };
}

/** How a node is named to people: "n3". */
export function nodeName(node: NodeId): string {
  return `n${node}`;
}
