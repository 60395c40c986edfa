/**
 * What no client of ours would send. Each time: the connection is closed or the request refused, with a reason; the
 * servers live, serve, and have not grown.
 */
import { randomBytes } from 'node:crypto';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { GroupRequest } from '@kvorum/common';
import { encodeRequests, encodeUtf8, FRAME_BYTES_MAX, groupOfKey, REQUESTS_PER_FRAME_MAX } from '@kvorum/common';
import { sharedBench } from './support/bench.ts';
import { Cluster, expectServing } from './support/cluster.ts';
import { until } from './support/deadline.ts';
import { leaderOf, openSession, putTo } from './support/group-requests.ts';
import { openTcp, RawClient } from './support/raw.ts';
import type { TestClient } from './support/test-client.ts';

const RSS_BYTES_MAX = 400 * 1024 * 1024;
const POLICY_VIOLATION = 1008;

const bench = sharedBench();
let cluster: Cluster;
let normal: TestClient;

beforeAll(async () => {
  cluster = await Cluster.form(bench, 3);
  normal = cluster.client();
  await normal.layout();
}, 30_000);

afterEach(async () => {
  await expectServing(cluster, normal);
  for (const server of cluster.servers) expect(server.rssBytes).toBeLessThan(RSS_BYTES_MAX);
});

const open = (): Promise<RawClient> => RawClient.open(bench, cluster.address(0));
const badFrames = async (): Promise<number> => (await cluster.server(0).status()).badFrames;

describe('frames that do not decode', () => {
  const request = encodeRequests([
    { id: 1, body: { type: 'group', forward: true, request: putTo(1, 'key', 'value') } },
  ]);
  it.each([
    ['an unknown request kind', Uint8Array.of(1, 0, 9), 'unknown kind 9'],
    ['an unknown group request', Uint8Array.of(1, 0, 2, 1, 9), 'unknown kind 9'],
    ['an unknown command', Uint8Array.of(1, 0, 2, 1, 1, 1, 1, 1, 1, 9), 'unknown kind 9'],
    ['a boolean that is none', Uint8Array.of(1, 0, 2, 7), '7 is not a boolean'],
    ['a request cut short', request.subarray(0, request.length - 1), 'unexpected end'],
    ['half a request', request.subarray(0, request.length / 2), 'unexpected end'],
    ['an id without an end', new Uint8Array(100).fill(0xff), 'number'],
    ['a key of more bytes than there are', Uint8Array.of(1, 0, 2, 1, 2, 1, 0, 0xff, 0xff, 0xff, 1), 'unexpected end'],
    ['a length of 2 GiB', Uint8Array.of(1, 0, 2, 1, 2, 1, 0, 0xff, 0xff, 0xff, 0xff, 7), 'over its limit'],
    ['a group beyond all groups', Uint8Array.of(1, 0, 2, 1, 2, 0xff, 0xff, 3, 0), 'over its limit'],
    ['text that is not UTF-8', Uint8Array.of(1, 0, 3, 2, 0xc3, 0x28), 'UTF-8'],
    ['bytes after a whole request', Uint8Array.of(1, 0, 0, 5), 'unexpected end'],
    ['more credit than can be granted', Uint8Array.of(1, 0xff, 0xff, 0xff, 0x7f, 0), 'over its limit'],
    ['an unknown query', Uint8Array.of(1, 0, 2, 1, 2, 1, 9), 'unknown kind 9'],
    [
      'too many requests',
      new Uint8Array(3 * (REQUESTS_PER_FRAME_MAX + 1)).map((_, i) => (i % 3 === 0 ? 1 : 0)),
      `more than ${REQUESTS_PER_FRAME_MAX} requests in a frame`,
    ],
  ])('%s', async (_what, frame, reason) => {
    const before = await badFrames();
    const client = await open();
    client.send(frame);
    const closed = await client.closing();
    expect(closed.code).toBe(POLICY_VIOLATION);
    expect(closed.reason).toContain('bad frame: ');
    expect(closed.reason).toContain(reason);
    expect(client.replies).toEqual([]);
    expect(await badFrames()).toBe(before + 1);
  });

  it('random bytes: 2,000 frames, each on one of a few connections', async () => {
    let client = await open();
    let closes = 0;
    for (let n = 0; n < 2000; n += 1) {
      client.send(randomBytes(1 + (n % 300)));
      if (n % 10 !== 9) continue;
      // Ten frames of this kind hold one that does not decode, almost surely; the few that do are answered or refused.
      await Promise.race([client.closing().then(() => (closes += 1)), client.request({ type: 'layout' })]).catch(
        () => undefined,
      );
      client.socket.terminate();
      client = await open();
    }
    expect(closes).toBeGreaterThan(190);
  });

  it('text', async () => {
    const client = await open();
    client.send('get key');
    expect(await client.closing()).toEqual({ code: 1003, reason: 'binary frames only' });
  });

  it('a frame over the limit, unread beyond it', async () => {
    const client = await open();
    client.send(new Uint8Array(FRAME_BYTES_MAX + 1));
    expect((await client.closing()).code).toBe(1009);
  });

  it('a frame that announces more than the limit and never comes', async () => {
    const client = await open();
    const tcp = (client.socket as unknown as { _socket: { write(bytes: Uint8Array): void } })._socket;
    tcp.write(Buffer.from([0x82, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4]));
    expect((await client.closing()).code).toBe(1009);
  });

  it('a frame in a hundred thousand pieces', async () => {
    const client = await open();
    const tcp = (client.socket as unknown as { _socket: { write(bytes: Uint8Array): void } })._socket;
    const piece = [0x00, 0x81, 1, 2, 3, 4, 5];
    tcp.write(Buffer.from([0x02, ...piece.slice(1)]));
    tcp.write(Buffer.from(Array.from({ length: 100_000 }, () => piece).flat()));
    expect((await client.closing()).code).toBe(1008);
  });

  it('an id that does not grow: a repetition, which is not executed', async () => {
    const key = 'repeated';
    const group = groupOfKey(await normal.layout(), encodeUtf8(key));
    const client = await RawClient.open(bench, cluster.address(await leaderOf(cluster, group)));
    const session = await openSession(client, group);
    const request: GroupRequest = { ...putTo(group, key, 'again'), session } as GroupRequest;
    client.send(encodeRequests([{ id: 1, body: { type: 'group', forward: false, request } }]));
    expect((await client.closing()).reason).toMatch(/must grow/);
    expect(await normal.get(key)).toBeUndefined();
  });

  it('bytes that are no websocket frame', async () => {
    const client = await open();
    const tcp = (client.socket as unknown as { _socket: { write(bytes: Uint8Array): void } })._socket;
    // Reserved bits, then an unmasked frame: RFC 6455, 5.2 and 5.1.
    tcp.write(Buffer.from([0xf2, 0x05, 1, 2, 3, 4, 5]));
    expect((await client.closing()).code).toBe(1002);
  });

  it('nothing of a connection is heeded after a bad frame', async () => {
    const key = 'after a bad frame';
    const group = groupOfKey(await normal.layout(), encodeUtf8(key));
    const leader = await leaderOf(cluster, group);
    const client = await RawClient.open(bench, cluster.address(leader));
    const session = await openSession(client, group);
    client.send(Uint8Array.of(1, 9));
    const request: GroupRequest = { ...putTo(group, key, 'heeded'), session } as GroupRequest;
    client.send(encodeRequests([{ id: 9, body: { type: 'group', forward: false, request } }]));
    await client.closing();
    await normal.put('a write behind it', 'yes');
    expect(await normal.get(key)).toBeUndefined();
  });

  it('bytes that are no http', async () => {
    const socket = await openTcp(cluster.address(0));
    bench.atEnd(() => void socket.destroy());
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    socket.write(randomBytes(10_000));
    await until('close', 5000, () => socket.destroyed || socket.readableEnded);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  });
});
