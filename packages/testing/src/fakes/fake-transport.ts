/**
 * Keeps what is sent; the test plays the peers through `handlers`.
 */
import type { NodeId, Peer, PeerHandlers, PeerTransport } from '@kvorum/common';

export class FakeTransport implements PeerTransport {
  readonly sent: { readonly to: NodeId; readonly frame: Uint8Array }[] = [];
  /** As they were named last. */
  peers: readonly Peer[] = [];
  handlers: PeerHandlers | undefined;

  setPeers(_self: NodeId, _clusterId: string, peers: readonly Peer[], handlers: PeerHandlers): void {
    this.peers = peers;
    this.handlers = handlers;
  }

  send(to: NodeId, frame: Uint8Array): void {
    this.sent.push({ to, frame });
  }
}
