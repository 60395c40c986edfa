/**
 * How nodes prove to each other that they belong together, in the headers of the websocket handshake, before a frame is read.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Address, NodeId } from '@kvorum/common';
import { formatAddress, parseAddress } from '@kvorum/common';

export const PEER_PATH = '/peer';
/** Of the frames between nodes; another version of them has another number. */
export const PEER_PROTOCOL_VERSION = 2;
export const PEER_SUBPROTOCOL = `kvorum.peer.${PEER_PROTOCOL_VERSION}`;

const CLUSTER = 'x-kvorum-cluster';
const NODE = 'x-kvorum-node';
const ADDRESS = 'x-kvorum-address';

export interface PeerIdentity {
  readonly clusterId: string;
  readonly node: NodeId;
  readonly address: Address;
}

export function peerHeaders(identity: PeerIdentity): Record<string, string> {
  return {
    [CLUSTER]: identity.clusterId,
    [NODE]: String(identity.node),
    [ADDRESS]: formatAddress(identity.address),
  };
}

/** Undefined when a header is missing or no identity. */
export function readPeerHeaders(headers: IncomingHttpHeaders): PeerIdentity | undefined {
  const { [CLUSTER]: clusterId, [NODE]: node, [ADDRESS]: addressText } = headers;
  const address = typeof addressText === 'string' ? parseAddress(addressText) : undefined;
  if (typeof clusterId !== 'string' || typeof node !== 'string' || !/^\d{1,9}$/.test(node)) return undefined;
  return address && { clusterId, node: Number(node), address };
}
