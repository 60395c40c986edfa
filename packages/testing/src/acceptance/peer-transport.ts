/**
 * What every PeerTransport must do.
 */
import assert from 'node:assert/strict';
import type { Address, NodeId, PeerHandlers, PeerTransport, Settings } from '@kvorum/common';
import { FRAME_BYTES_MAX, settingsWith } from '@kvorum/common';
import { Noise } from '../fuzz/noise.ts';
import type { AcceptanceCase, Open } from './acceptance-case.ts';
import { casesOf } from './acceptance-case.ts';

const CLUSTER = 'cluster-a';

/** A node's end. */
export interface TransportEnd {
  readonly transport: PeerTransport;
  /** Where it can be reached. */
  readonly address: Address;
  /** What is kept for the peer because it has not read it. */
  backlogBytes(to: NodeId): number;
  /** The frames to the peer that were dropped, as the node's metrics count them. */
  dropped(to: NodeId): number;
}

/** Nodes that are not connected yet. */
export interface OpenedTransports {
  /** The ends of nodes 1, 2, ... with these settings, or those of production. */
  start(count: number, settings?: Settings): Promise<readonly TransportEnd[]>;
  /** By the clock that silence is measured with. */
  nowMs(): number;
  /** The links that there are now carry nothing from the one to the other any more, and neither is told. */
  silence(from: NodeId, to: NodeId): void;
  /** The node takes nothing in any more. */
  standStill(node: NodeId): void;
  /** It does again. */
  goOn(node: NodeId): void;
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

async function connected(rig: OpenedTransports, count: number, settings?: Settings): Promise<readonly ListeningEnd[]> {
  const started = await rig.start(count, settings);
  const ends = started.map((end, place) => new ListeningEnd(place + 1, end));
  connectAll(ends);
  for (const from of ends) {
    for (const to of ends) if (from !== to) await reach(rig, from, to, Uint8Array.of(from.node, to.node));
  }
  for (const end of ends) end.heard.length = 0;
  return ends;
}

const pair = async (rig: OpenedTransports, settings?: Settings): Promise<readonly [ListeningEnd, ListeningEnd]> =>
  (await connected(rig, 2, settings)) as unknown as [ListeningEnd, ListeningEnd];

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
  addSilence(add);
  addBacklog(add);
  return cases;
}

type Add = (name: string, test: (rig: OpenedTransports) => Promise<void>) => void;

const ROUND_MS = 10;
const SILENCE_MS_MAX = 600;
const BACKLOG_BYTES_MAX = 1024 * 1024;

/** Within reach of a test. */
const settings = settingsWith({
  limits: { peerBacklogBytesMax: BACKLOG_BYTES_MAX },
  timings: { heartbeatRoundMs: ROUND_MS, peerSilenceRoundsMax: SILENCE_MS_MAX / ROUND_MS },
});

/** Two nodes that send each other a number in every round, as heartbeats do. */
class Conversation {
  readonly #rig: OpenedTransports;
  readonly #ends: readonly [ListeningEnd, ListeningEnd];
  #nextMs = 0;
  /** The number that was sent last. */
  number = 0;

  constructor(rig: OpenedTransports, ends: readonly [ListeningEnd, ListeningEnd]) {
    this.#rig = rig;
    this.#ends = ends;
  }

  until(condition: () => boolean): Promise<void> {
    return this.#rig.until(() => {
      if (this.#rig.nowMs() >= this.#nextMs) {
        this.number += 1;
        const frame = Uint8Array.of(0, 0, this.number >> 8, this.number);
        for (const { node, end } of this.#ends) end.transport.send(3 - node, frame);
        this.#nextMs = this.#rig.nowMs() + ROUND_MS;
      }
      return condition();
    });
  }

  go(ms: number): Promise<void> {
    const endMs = this.#rig.nowMs() + ms;
    return this.until(() => this.#rig.nowMs() >= endMs);
  }

  /** The numbers that the node has heard. */
  heardBy(node: NodeId): number[] {
    const end = this.#ends[node - 1];
    const frames = end?.heard.filter(({ frame }) => frame.length === 4) ?? [];
    return frames.map(({ frame: [, , high = 0, low = 0] }) => high * 256 + low);
  }
}

function addSilence(add: Add): void {
  const silences: [how: string, directions: readonly (readonly [NodeId, NodeId])[]][] = [
    ['is silent', [[1, 2], [2, 1]]], // prettier-ignore
    ['is silent to the higher id', [[1, 2]]],
    ['is silent to the lower id', [[2, 1]]],
  ];
  for (const [how, directions] of silences) {
    add(`gives a link up that ${how}, and makes another one in time`, async (rig) => {
      const conversation = new Conversation(rig, await pair(rig, settings));
      // Both may have dialled: by now one link is left.
      await conversation.go(SILENCE_MS_MAX / 4);
      for (const [from, to] of directions) rig.silence(from, to);
      const silentMs = rig.nowMs();
      const { number } = conversation;
      await conversation.until(() => directions.every(([, to]) => conversation.heardBy(to).some((n) => n > number)));
      const tookMs = rig.nowMs() - silentMs;
      assert.ok(tookMs >= SILENCE_MS_MAX / 2, `it was given up after ${tookMs} ms already`);
      assert.ok(tookMs <= 3 * SILENCE_MS_MAX, `it took ${tookMs} ms`);
    });
  }

  add('keeps a link over which something comes', async (rig) => {
    const conversation = new Conversation(rig, await pair(rig, settings));
    await conversation.go(SILENCE_MS_MAX / 4);
    const first = conversation.number + 1;
    await conversation.go(3 * SILENCE_MS_MAX);
    const last = conversation.number;
    const heard = (node: NodeId): Set<number> =>
      new Set(conversation.heardBy(node).filter((number) => number >= first && number <= last));
    await conversation.until(() => [1, 2].every((node) => conversation.heardBy(node).some((number) => number > last)));
    for (const node of [1, 2]) assert.equal(heard(node).size, last - first + 1, `node ${node} missed frames`);
  });
}

function addBacklog(add: Add): void {
  const FRAME_BYTES = BACKLOG_BYTES_MAX / 4;
  /** More than the system's own buffers have room for. */
  const FRAMES_MAX = 400;
  const DROPPED = 8;

  add(
    'keeps a bounded backlog for a peer that does not read, counts the rest, and goes on once it reads',
    async (rig) => {
      // A peer that does not read is not heard either; that is another matter.
      const patient = { ...settings, timings: { ...settings.timings, peerSilenceRoundsMax: 10_000 } };
      const [one, two] = await pair(rig, patient);
      rig.standStill(2);
      const frame = new Uint8Array(FRAME_BYTES);
      let sent = 0;
      await rig.until(() => {
        one.send(2, frame);
        sent += 1;
        const backlogBytes = one.end.backlogBytes(2);
        // Some bytes more for what goes around a frame.
        assert.ok(backlogBytes < BACKLOG_BYTES_MAX + FRAME_BYTES + 1000, `it keeps ${backlogBytes} bytes`);
        return one.end.dropped(2) >= DROPPED || sent >= FRAMES_MAX;
      });
      const kept = sent - one.end.dropped(2);
      assert.ok(sent < FRAMES_MAX, `of ${sent} frames, ${one.end.dropped(2)} were dropped`);
      assert.ok(kept * FRAME_BYTES > BACKLOG_BYTES_MAX, `only ${kept} frames were kept`);
      rig.goOn(2);
      await reach(rig, one, two, Uint8Array.of(9, 9, 9));
      const heard = (): number => two.heard.filter(({ frame: { length } }) => length === FRAME_BYTES).length;
      await rig.until(() => heard() >= kept);
      assert.equal(heard(), kept);
    },
  );
}
