/**
 * What every PeerTransport must do.
 */
import assert from 'node:assert/strict';
import type { Address, NodeId, PeerHandlers, PeerTransport } from '@kvorum/common';
import { FRAME_BYTES_MAX } from '@kvorum/common';
import { Noise } from '../fuzz/noise.ts';
import type { AcceptanceCase, Open } from './acceptance-case.ts';
import { casesOf } from './acceptance-case.ts';

const CLUSTER = 'cluster-a';

/** A node's end. */
export interface TransportEnd {
  readonly transport: PeerTransport;
  /** Where it can be reached. */
  readonly address: Address;
}

/** Nodes that are not connected yet. */
export interface OpenedTransports {
  /** The ends of nodes 1, 2, ... */
  start(count: number): Promise<readonly TransportEnd[]>;
  /** Lets things happen until the condition holds; throws when it does not within a reasonable time. */
  until(condition: () => boolean): Promise<void>;
  close(): Promise<void>;
}

/** An end, and what it heard. */
class ListeningEnd {
  readonly node: NodeId;
  readonly end: TransportEnd;
  readonly heard: { readonly from: NodeId; readonly frame: Uint8Array }[] = [];

  constructor(node: NodeId, end: TransportEnd) {
    this.node = node;
    this.end = end;
  }

  get handlers(): PeerHandlers {
    return { onFrame: (from, frame) => this.heard.push({ from, frame }) };
  }

  send(to: NodeId, frame: Uint8Array): void {
    this.end.transport.send(to, frame);
  }
}

/** Tells every end of all others. */
function connectAll(ends: readonly ListeningEnd[]): void {
  for (const one of ends) {
    const others = ends.filter((other) => other !== one);
    const peers = others.map(({ node, end }) => ({ id: node, address: end.address }));
    one.end.transport.setPeers(one.node, CLUSTER, peers, one.handlers);
  }
}

/** Sends again and again until it is heard: delivery is best effort. */
async function reach(rig: OpenedTransports, from: ListeningEnd, to: ListeningEnd, frame: Uint8Array): Promise<void> {
  let turns = 0;
  await rig.until(() => {
    if ((turns += 1) % 20 === 1) from.send(to.node, frame);
    return to.heard.some((heard) => Buffer.compare(heard.frame, frame) === 0);
  });
}

async function connected(rig: OpenedTransports, count: number): Promise<readonly ListeningEnd[]> {
  const started = await rig.start(count);
  const ends = started.map((end, place) => new ListeningEnd(place + 1, end));
  connectAll(ends);
  for (const from of ends) {
    for (const to of ends) if (from !== to) await reach(rig, from, to, Uint8Array.of(from.node, to.node));
  }
  for (const end of ends) end.heard.length = 0;
  return ends;
}

const pair = async (rig: OpenedTransports): Promise<readonly [ListeningEnd, ListeningEnd]> =>
  (await connected(rig, 2)) as unknown as [ListeningEnd, ListeningEnd];

export function peerTransportSuite(open: Open<OpenedTransports>): AcceptanceCase[] {
  const { cases, add } = casesOf(open);

  add('carries frames intact, both ways, and says from whom', async (rig) => {
    const [one, two] = await pair(rig);
    const noise = new Noise(3);
    const frames = [1, 125, 126, 127, 65_535, 65_536, 300_000, FRAME_BYTES_MAX / 2].map((n) => noise.bytes(n));
    for (const frame of frames) one.send(2, frame);
    for (const frame of frames) two.send(1, frame);
    const textOf = (list: readonly Uint8Array[]): string =>
      list
        .map((frame) => Buffer.from(frame).toString('latin1'))
        .sort()
        .join('\n');
    for (const [end, from] of [
      [one, 2],
      [two, 1],
    ] as const) {
      // A late copy of the frames that the ends were connected with has two bytes.
      const heard = (): ListeningEnd['heard'] => end.heard.filter(({ frame }) => frame.length !== 2);
      await rig.until(() => heard().length >= frames.length);
      assert.ok(heard().every((entry) => entry.from === from));
      assert.ok(
        textOf(heard().map(({ frame }) => frame)) === textOf(frames),
        'the frames are not those that were sent',
      );
    }
  });

  add('tells peers apart', async (rig) => {
    const [one, two, three] = (await connected(rig, 3)) as unknown as [ListeningEnd, ListeningEnd, ListeningEnd];
    one.send(3, Uint8Array.of(13));
    two.send(3, Uint8Array.of(23));
    three.send(1, Uint8Array.of(31));
    const shortOf = (end: ListeningEnd): number[][] =>
      end.heard
        .filter(({ frame }) => frame.length === 1)
        .map(({ from, frame }) => [from, ...frame])
        .sort();
    await rig.until(() => shortOf(three).length === 2 && shortOf(one).length === 1);
    assert.deepEqual(shortOf(three), [
      [1, 13],
      [2, 23],
    ]);
    assert.deepEqual(shortOf(two), []);
  });

  add('drops what is for a node that there is not', async (rig) => {
    const [one, two] = await pair(rig);
    one.send(9, Uint8Array.of(1));
    one.send(2, Uint8Array.of(2));
    const short = (): number[] => two.heard.flatMap(({ frame }) => (frame.length === 1 ? [...frame] : []));
    await rig.until(() => short().length > 0);
    assert.deepEqual(short(), [2]);
  });

  add('hands frames to the handlers that were named last', async (rig) => {
    const [one, two] = await pair(rig);
    const later: number[] = [];
    const peers = [{ id: 1, address: one.end.address }];
    const onFrame = (_from: NodeId, frame: Uint8Array): void => {
      if (frame.length === 1) later.push(...frame);
    };
    two.end.transport.setPeers(2, CLUSTER, peers, { onFrame });
    one.send(2, Uint8Array.of(7));
    await rig.until(() => later.length > 0);
    assert.deepEqual(later, [7]);
    assert.equal(
      two.heard.some(({ frame }) => frame.length === 1),
      false,
    );
  });

  add('sends nothing to a peer that is named no more, and goes on with the others', async (rig) => {
    const [one, two, three] = (await connected(rig, 3)) as unknown as [ListeningEnd, ListeningEnd, ListeningEnd];
    one.end.transport.setPeers(1, CLUSTER, [{ id: 3, address: three.end.address }], one.handlers);
    one.send(2, Uint8Array.of(1));
    await reach(rig, one, three, Uint8Array.of(9, 9, 9));
    assert.equal(
      two.heard.some(({ frame }) => frame.length === 1),
      false,
    );
  });
  return cases;
}
