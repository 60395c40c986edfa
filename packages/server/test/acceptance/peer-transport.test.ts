/** What every PeerTransport must do, and what the one on websockets does besides. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Address, NodeId, PeerHandlers, Settings } from '@kvorum/common';
import {
  defaultLimits,
  defaultSettings,
  formatAddress,
  FRAME_BYTES_MAX,
  MetricsRegistry,
  nodeName,
} from '@kvorum/common';
import type { OpenedTransports, TransportEnd } from '@kvorum/testing';
import { ListLogger, peerTransportSuite } from '@kvorum/testing';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { WebSocket } from 'ws';
import { PEER_PATH, PEER_SUBPROTOCOL, peerHeaders } from '../../src/adapters/websocket/peer-handshake.ts';
import type { WebServer } from '../../src/adapters/http/web-server.ts';
import { listen } from '../../src/adapters/http/web-server.ts';
import { WsPeerTransport } from '../../src/adapters/websocket/ws-peer-transport.ts';
import type { NodePorts } from '../../src/core/index.ts';
import { processName } from '../../../../simulations/src/world/process-name.ts';
import { World } from '../../../../simulations/src/world/world.ts';
import { fakeNode } from '../adapters/web-handlers.ts';
import { Relay } from './relay.ts';

/** What the simulated world hands to its nodes: the ports are what is tested here. */
const captured: NodePorts[] = [];
vi.mock('@kvorum/server/core', async (original) => ({
  ...(await original<object>()),
  Node: class {
    constructor(ports: NodePorts) {
      captured.push(ports);
    }
    start(): void {}
    collectMetrics(): void {}
  },
}));

class RealEnd implements TransportEnd {
  readonly heard: { readonly from: NodeId; readonly frame: Uint8Array }[] = [];
  readonly logger = new ListLogger();
  readonly metrics = new MetricsRegistry();
  readonly accepted: WebSocket[] = [];
  /** Why it refused those who dialled. */
  readonly refusals: string[] = [];
  transport!: WsPeerTransport;
  relay: Relay | undefined;
  #server!: WebServer;

  get address(): Address {
    return this.relay?.address ?? this.#server.address;
  }

  /** Others reach it by way of a relay if so told. */
  static async start(settings = defaultSettings, relayed = false): Promise<RealEnd> {
    const end = new RealEnd();
    end.#server = await listen(
      { host: '127.0.0.1', port: 0 },
      {
        ...fakeNode(),
        onClient: (socket) => socket.terminate(),
        checkPeer: (request) => {
          const refusal = end.transport.check(request);
          if (refusal !== undefined) end.refusals.push(refusal);
          return refusal;
        },
        peerHeaders: () => end.transport.headers(),
        onPeer: (socket, request) => {
          end.accepted.push(socket);
          end.transport.accept(socket, request);
        },
      },
    );
    if (relayed) end.relay = await Relay.start(end.#server.address);
    end.transport = new WsPeerTransport(end.logger, end.address, end.metrics, settings);
    return end;
  }

  backlogBytes(to: NodeId): number {
    this.transport.collect();
    return this.metrics.value('peer_backlog_bytes', { peer: nodeName(to) }) ?? 0;
  }

  dropped(to: NodeId): number {
    return this.metrics.value('peer_frames_dropped_total', { peer: nodeName(to) }) ?? 0;
  }

  get open(): WebSocket[] {
    return this.accepted.filter((socket) => socket.readyState === WebSocket.OPEN);
  }

  stop(): void {
    this.transport.close();
    this.#server.close();
    this.relay?.close();
  }
}

class RealRig {
  readonly ends: RealEnd[] = [];

  async start(count: number): Promise<readonly RealEnd[]> {
    for (let i = 0; i < count; i += 1) this.ends.push(await RealEnd.start());
    return this.ends;
  }

  async until(condition: () => boolean): Promise<void> {
    const endMs = performance.now() + 8000;
    while (!condition()) {
      if (performance.now() > endMs) throw new Error('it did not happen');
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  close(): Promise<void> {
    for (const end of this.ends) end.stop();
    return Promise.resolve();
  }
}

/** With a relay in front of each end. */
class RelayedRig extends RealRig implements OpenedTransports {
  override async start(count: number, settings?: Settings): Promise<readonly RealEnd[]> {
    for (let i = 0; i < count; i += 1) this.ends.push(await RealEnd.start(settings, true));
    return this.ends;
  }

  nowMs(): number {
    return performance.now();
  }

  silence(from: NodeId, to: NodeId): void {
    this.#relay(to).silenceFrom(from);
    this.#relay(from).silenceTo(to);
  }

  standStill(node: NodeId): void {
    this.#hold(node, true);
  }

  goOn(node: NodeId): void {
    this.#hold(node, false);
  }

  #hold(node: NodeId, held: boolean): void {
    for (const [place, { relay }] of this.ends.entries()) {
      if (place + 1 === node) relay?.holdForward(held);
      else relay?.holdBackTo(node, held);
    }
  }

  #relay(node: NodeId): Relay {
    const relay = this.ends[node - 1]?.relay;
    if (relay === undefined) throw new Error(`no relay in front of node ${node}`);
    return relay;
  }
}

class SimulatedRig implements OpenedTransports {
  #opened: World | undefined;

  get #world(): World {
    if (this.#opened === undefined) throw new Error('nothing was started');
    return this.#opened;
  }

  start(count: number, settings = defaultSettings): Promise<readonly TransportEnd[]> {
    captured.length = 0;
    const world = new World({ seed: 1, nodes: count, partitions: 1, replication: 1, settings });
    world.startAll();
    this.#opened = world;
    const ends = captured.map(({ transport }, place) => {
      const value = (name: 'peer_backlog_bytes' | 'peer_frames_dropped_total', to: NodeId): number =>
        world.metrics(place).value(name, { peer: nodeName(to) }) ?? 0;
      return {
        transport,
        address: { host: processName(place), port: 45678 },
        backlogBytes: (to: NodeId) => value('peer_backlog_bytes', to),
        dropped: (to: NodeId) => value('peer_frames_dropped_total', to),
      };
    });
    return Promise.resolve(ends);
  }

  nowMs(): number {
    return this.#world.nowMs;
  }

  silence(from: NodeId, to: NodeId): void {
    this.#world.network.silenceLink(from - 1, to - 1);
  }

  standStill(node: NodeId): void {
    this.#world.pause(node - 1);
  }

  goOn(node: NodeId): void {
    this.#world.resume(node - 1);
  }

  until(condition: () => boolean): Promise<void> {
    const holds = this.#world.runUntil(condition, 10_000);
    return holds ? Promise.resolve() : Promise.reject(new Error('it did not happen'));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

describe.each([
  { name: 'websockets', cases: peerTransportSuite(() => new RelayedRig()) },
  { name: 'simulated', cases: peerTransportSuite(() => new SimulatedRig()) },
])('peer transport: $name', ({ cases }) => {
  for (const { name, run } of cases) it(name, run);
});

const handlersOf = (end: RealEnd): PeerHandlers => ({ onFrame: (from, frame) => end.heard.push({ from, frame }) });

/** Tells every end of all others. */
function connect(ends: readonly RealEnd[], clusterId = 'cluster-a'): void {
  for (const [place, end] of ends.entries()) {
    const peers = ends.map(({ address }, other) => ({ id: other + 1, address })).filter(({ id }) => id !== place + 1);
    end.transport.setPeers(place + 1, clusterId, peers, handlersOf(end));
  }
}

/** Sends again and again until it is heard: delivery is best effort. */
async function reach(rig: RealRig, from: RealEnd, to: RealEnd, toId: NodeId, frame: Uint8Array): Promise<void> {
  let turns = 0;
  await rig.until(() => {
    if ((turns += 1) % 20 === 1) from.transport.send(toId, frame);
    return to.heard.some((heard) => Buffer.compare(heard.frame, frame) === 0);
  });
}

describe('peer transport on websockets', () => {
  let rig: RealRig;
  afterEach(() => rig.close());

  async function ends(count = 2): Promise<readonly RealEnd[]> {
    rig = new RealRig();
    return rig.start(count);
  }

  it('keeps one connection for each pair, though both sides dial', async () => {
    const all = await ends(3);
    connect(all);
    for (const [i, from] of all.entries()) {
      for (const [j, to] of all.entries()) if (i !== j) await reach(rig, from, to, j + 1, Uint8Array.of(i, j));
    }
    const open = (): number => all.reduce((sum, end) => sum + end.open.length, 0);
    await rig.until(() => open() === 3);
    for (let turn = 0; turn < 200; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(open()).toBe(3);
    for (const [i, from] of all.entries()) {
      for (const [j, to] of all.entries()) if (i !== j) await reach(rig, from, to, j + 1, Uint8Array.of(9, i, j));
    }
  });

  it('keeps the newer one of two that the same peer dialled: the older is one that it has given up', async () => {
    const [one] = (await ends(1)) as [RealEnd];
    const nowhere = { host: '127.0.0.1', port: 1 };
    one.transport.setPeers(1, 'ours', [{ id: 2, address: nowhere }], handlersOf(one));
    const headers = peerHeaders({ clusterId: 'ours', node: 2, address: nowhere });
    const url = `ws://${formatAddress(one.address)}${PEER_PATH}`;
    const sockets: WebSocket[] = [];
    for (let number = 1; number <= 3; number += 1) {
      const socket = new WebSocket(url, PEER_SUBPROTOCOL, { headers });
      socket.on('error', () => undefined);
      sockets.push(socket);
      await rig.until(() => one.accepted.length === number);
    }
    await rig.until(() => sockets.filter((socket) => socket.readyState === WebSocket.CLOSED).length === 2);
    expect(sockets[2]?.readyState).toBe(WebSocket.OPEN);
    const heard: unknown[] = [];
    sockets[2]?.on('message', (data) => heard.push(data));
    one.transport.send(2, Uint8Array.of(5));
    await rig.until(() => heard.length > 0);
  });

  it('connects again after a connection broke', async () => {
    const [one, two] = (await ends()) as [RealEnd, RealEnd];
    connect([one, two]);
    for (let round = 1; round <= 3; round += 1) {
      await reach(rig, one, two, 2, Uint8Array.of(round, 1));
      await reach(rig, two, one, 1, Uint8Array.of(round, 2));
      for (const socket of [...one.open, ...two.open]) socket.terminate();
    }
  });

  it('finds a peer that comes back on another port', async () => {
    const [one, two] = (await ends()) as [RealEnd, RealEnd];
    connect([one, two]);
    await reach(rig, one, two, 2, Uint8Array.of(1));
    two.stop();
    const back = await RealEnd.start();
    rig.ends.push(back);
    back.transport.setPeers(2, 'cluster-a', [{ id: 1, address: one.address }], handlersOf(back));
    await reach(rig, one, back, 2, Uint8Array.of(2));
    await reach(rig, back, one, 1, Uint8Array.of(3));
  });

  it('refuses a node of another cluster with a reason, and hands over nothing of it', async () => {
    const [one, two] = (await ends()) as [RealEnd, RealEnd];
    one.transport.setPeers(1, 'ours', [{ id: 2, address: two.address }], handlersOf(one));
    two.transport.setPeers(2, 'theirs', [{ id: 1, address: one.address }], handlersOf(two));
    await rig.until(() => {
      one.transport.send(2, Uint8Array.of(1));
      two.transport.send(1, Uint8Array.of(1));
      return one.refusals.length > 1 && two.refusals.length > 1;
    });
    expect(one.refusals[0]).toBe('this is a node of cluster ours, you are one of cluster theirs');
    expect(two.refusals[0]).toBe('this is a node of cluster theirs, you are one of cluster ours');
    expect([one.heard, two.heard]).toEqual([[], []]);
    expect([one.accepted, two.accepted]).toEqual([[], []]);
  });

  it('tells the operator of the refused node why', async () => {
    const [one, two] = (await ends()) as [RealEnd, RealEnd];
    one.transport.setPeers(1, 'ours', [{ id: 2, address: two.address }], handlersOf(one));
    two.transport.setPeers(2, 'theirs', [{ id: 1, address: one.address }], handlersOf(two));
    await rig.until(() => one.refusals.length > 1 && two.refusals.length > 1);
    expect(one.logger.lines.join()).toContain('you are one of cluster ours');
  });

  it('tells the operator once of a peer that speaks another version, naming both', async () => {
    const [one] = (await ends(1)) as [RealEnd];
    let dials = 0;
    const newer = createServer();
    newer.on('upgrade', (_request, socket) => {
      dials += 1;
      socket.on('error', () => undefined);
      const body = 'this server speaks peer protocol 9, you offered 1';
      socket.end(`HTTP/1.1 426 Upgrade Required\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    });
    onTestFinished(() => void newer.close());
    await new Promise<void>((resolve) => newer.listen(0, '127.0.0.1', resolve));
    const address = { host: '127.0.0.1', port: (newer.address() as AddressInfo).port };
    one.transport.setPeers(1, 'ours', [{ id: 2, address }], handlersOf(one));
    await rig.until(() => dials > 3);
    expect(one.logger.lines).toEqual([
      `warn ${formatAddress(address)}, where n2 should be, does not take this node: this server speaks peer protocol 9, you offered 1`,
    ]);
  });

  it('tells of an address that cannot be one, and goes on', async () => {
    const [one, two] = (await ends()) as [RealEnd, RealEnd];
    one.transport.setPeers(1, 'ours', [{ id: 2, address: { host: '1.2.3.999', port: 1 } }], handlersOf(one));
    expect(one.logger.lines.join()).toContain('1.2.3.999:1, where n2 should be');
    connect([one, two]);
    await reach(rig, one, two, 2, Uint8Array.of(1));
  });

  it('logs a connection that is lost, and measures what is on its way', async () => {
    const [one, two] = (await ends()) as [RealEnd, RealEnd];
    connect([one, two]);
    await reach(rig, one, two, 2, Uint8Array.of(1));
    expect(one.metrics.value('peer_backlog_bytes', { peer: 'n2' })).toBe(0);
    expect(one.metrics.value('peer_frames_dropped_total', { peer: 'n2' })).toBe(0);
    const frame = new Uint8Array(FRAME_BYTES_MAX);
    // Until the one side's buffers are full: the other has no turn to read.
    for (let sent = 0; one.transport.dropped === 0 && sent < 20; sent += 1) one.transport.send(2, frame);
    one.transport.collect();
    expect(one.metrics.value('peer_backlog_bytes', { peer: 'n2' })).toBeGreaterThan(defaultLimits.peerBacklogBytesMax);
    expect(one.metrics.value('peer_frames_dropped_total', { peer: 'n2' })).toBe(1);
    two.stop();
    await rig.until(() => one.logger.lines.length > 0);
    expect(one.logger.lines[0]).toBe(
      `info the connection to n2 at ${formatAddress(two.address)} is lost; it is made again`,
    );
  });

  it('refuses a node that is not of the cluster, and one that says it is this node', async () => {
    const [one, two, three] = (await ends(3)) as [RealEnd, RealEnd, RealEnd];
    one.transport.setPeers(1, 'ours', [], handlersOf(one));
    two.transport.setPeers(7, 'ours', [{ id: 1, address: one.address }], handlersOf(two));
    three.transport.setPeers(1, 'ours', [{ id: 2, address: one.address }], handlersOf(three));
    const refused = (reason: string): boolean => one.refusals.some((refusal) => refusal.includes(reason));
    await rig.until(() => refused('has no node n7') && refused('has no node n1 besides this one'));
    expect(one.accepted).toEqual([]);
  });

  it('refuses everybody until it is a member itself', async () => {
    const [one, two] = (await ends()) as [RealEnd, RealEnd];
    one.transport.setPeers(1, 'ours', [{ id: 2, address: two.address }], handlersOf(one));
    await rig.until(() => two.refusals.includes('this node is not a member of a cluster yet'));
    two.transport.setPeers(2, 'ours', [{ id: 1, address: one.address }], handlersOf(two));
    await reach(rig, one, two, 2, Uint8Array.of(1));
  });

  it('does not take a node for another that listens at its address', async () => {
    const [one, two] = (await ends()) as [RealEnd, RealEnd];
    two.transport.setPeers(3, 'ours', [{ id: 1, address: { host: '127.0.0.1', port: 1 } }], handlersOf(two));
    one.transport.setPeers(
      1,
      'ours',
      [
        { id: 2, address: two.address },
        { id: 3, address: { host: '127.0.0.1', port: 1 } },
      ],
      handlersOf(one),
    );
    await rig.until(() => one.logger.lines.some((line) => line.includes('it is not n2')));
    one.transport.send(2, Uint8Array.of(1));
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(two.heard).toEqual([]);
  });
});
