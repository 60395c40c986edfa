/**
 * Who is let in: versions, paths and peers. A refusal is an http answer whose body says why.
 */
import { randomBytes } from 'node:crypto';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { formatAddress } from '@kvorum/common';
import { sharedBench } from './support/bench.ts';
import { Cluster, expectServing } from './support/cluster.ts';
import { peerHandshake, RawClient, refusedUpgrade } from './support/raw.ts';
import type { TestClient } from './support/test-client.ts';

const bench = sharedBench();
let cluster: Cluster;
let normal: TestClient;
let clusterId: string;

beforeAll(async () => {
  cluster = await Cluster.form(bench, 3);
  normal = cluster.client();
  clusterId = (await cluster.server(0).status()).clusterId;
}, 30_000);

afterEach(() => expectServing(cluster, normal));

describe('of clients', () => {
  it.each([
    ['kvorum.client.3', 'this server speaks client protocol 2, you offered 3'],
    ['', 'this server speaks client protocol 2, you offered none'],
    ['kvorum.peer.1', 'this server speaks client protocol 2, you offered kvorum.peer.1'],
  ])('version "%s" is refused with 426', async (protocol, body) => {
    expect(await refusedUpgrade(cluster.address(0), { protocol })).toEqual({ status: 426, body });
  });

  it('a client that speaks several versions is answered in the one that is understood', async () => {
    const client = await RawClient.open(bench, cluster.address(0), { protocol: 'kvorum.client.2' });
    expect(client.socket.protocol).toBe('kvorum.client.2');
    // Newest first, as RFC 6455 has it.
    const both = await RawClient.open(bench, cluster.address(0), {
      headers: {},
      protocols: ['kvorum.client.3', 'kvorum.client.2'],
    });
    expect(both.socket.protocol).toBe('kvorum.client.2');
  });

  it('another path is refused with 404', async () => {
    const refused = await refusedUpgrade(cluster.address(0), { path: '/nowhere' });
    expect(refused).toEqual({ status: 404, body: 'no websocket at /nowhere' });
  });
});

describe('of peers', () => {
  it.each([
    [
      'of another version',
      () => ({ ...peerHandshake(clusterId, 2), protocol: 'kvorum.peer.3' }),
      426,
      /speaks peer protocol 2, you offered 3/,
    ],
    [
      'of another cluster',
      () => peerHandshake('0123456789abcdef', 2),
      403,
      /this is a node of cluster \w{16}, you are one of cluster 0123456789abcdef/,
    ],
    ['that is no member', () => peerHandshake(clusterId, 4), 403, /has no node n4 besides this one/],
    ['that is the node itself', () => peerHandshake(clusterId, 1), 403, /has no node n1 besides this one/],
    ['without a name', () => ({ ...peerHandshake(clusterId, 2), headers: {} }), 403, /does not say which node/],
    ['whose id is no number', () => peerHandshake(clusterId, 'two'), 403, /does not say which node/],
    ['whose address is none', () => peerHandshake(clusterId, 2, 'nowhere'), 403, /does not say which node/],
    ['whose cluster is 10,000 letters long', () => peerHandshake('x'.repeat(10_000), 2), 403, /you are one of cluster/],
  ] as const)('one %s is refused with a reason', async (_what, handshake, status, reason) => {
    const refused = await refusedUpgrade(cluster.address(0), handshake());
    expect(refused.status).toBe(status);
    expect(refused.body).toMatch(reason);
  });

  it('frames of an impostor that do not decode are counted, and change nothing', async () => {
    // To a node of a higher id: of two connections the one that the lower id dialled stays, so the impostor's is taken.
    const victim = cluster.server(1);
    const { badFrames } = await victim.status();
    const address = formatAddress(cluster.address(0));
    const impostor = await RawClient.open(bench, cluster.address(1), peerHandshake(clusterId, 1, address));
    for (let n = 0; n < 100; n += 1) impostor.send(Buffer.concat([Buffer.of(0xff), randomBytes(100)]));
    impostor.send('text');
    // Unless the real one has come back in between and taken its place.
    expect([1003, 1006]).toContain((await impostor.closing()).code);
    await cluster.healthy();
    expect((await victim.status()).badFrames).toBeGreaterThan(badFrames);
  });
});
