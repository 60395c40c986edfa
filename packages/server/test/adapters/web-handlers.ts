/** A web server whose node says what a test wants it to say. */
import type { WebSocket } from 'ws';
import { hostNames } from '../../src/adapters/http/origin-check.ts';
import type { PageSources } from '../../src/adapters/http/pages.ts';
import type { WebHandlers } from '../../src/adapters/http/web-server.ts';

export const quietPages: PageSources = {
  liveness: () => [],
  readiness: () => [],
  health: () => [],
  status: () => ({ state: 'member' }),
  metrics: () => '',
};

export interface FakeNode extends WebHandlers {
  /** Client websockets that were let in. */
  readonly clients: WebSocket[];
}

export function fakeNode(pages: Partial<PageSources> = {}, names: readonly string[] = []): FakeNode {
  const clients: WebSocket[] = [];
  return {
    clients,
    clientConnectionsMax: 100,
    hostNames: hostNames(names),
    pages: { ...quietPages, ...pages },
    onClient: (socket) => clients.push(socket),
    checkPeer: () => 'this node is just starting',
    peerHeaders: () => [],
    onPeer: (socket) => socket.terminate(),
  };
}
