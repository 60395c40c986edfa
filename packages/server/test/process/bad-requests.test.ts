/**
 * Requests that decode and that no server can grant: each is refused by a code and a sentence, and the connection stays.
 */
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Command, GroupRequest, ReplyBody } from '@kvorum/common';
import { defaultLimits } from '@kvorum/common';
import { sharedBench } from './support/bench.ts';
import { Cluster, expectServing } from './support/cluster.ts';
import { keyOfGroupOne, leaderOf, openSession, read } from './support/group-requests.ts';
import { RawClient } from './support/raw.ts';
import type { TestClient } from './support/test-client.ts';

const RSS_BYTES_MAX = 400 * 1024 * 1024;

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

describe('requests that are refused', () => {
  const value = new Uint8Array(10);

  async function refused(request: GroupRequest, forward = true): Promise<Extract<ReplyBody, { type: 'refused' }>> {
    const client = await open();
    const reply = await client.request({ type: 'group', forward, request });
    if (reply.type !== 'refused') throw new Error(`it was not refused: ${reply.type}`);
    // The connection stays: it was only this request.
    expect((await client.request({ type: 'layout' })).type).toBe('layout');
    client.socket.terminate();
    return reply;
  }

  const execute = (command: Command, session = 1): GroupRequest => ({
    ...{ type: 'execute', group: 1, session, sequence: 1, floor: 1 },
    command,
  });

  it.each<[string, GroupRequest, string, RegExp]>([
    ['a get of too long a key', read(1, 1025), 'too-large', /key has 1025 bytes, the limit is 1024/],
    [
      'a put of too long a key',
      execute({ type: 'put', key: new Uint8Array(1025), value }),
      'too-large',
      /key has 1025 bytes, the limit is 1024/,
    ],
    ['a key of 7 MiB', read(1, 7 << 20), 'too-large', /key has 7340032 bytes, the limit is 1024/],
    ['an empty key in a get', read(1, 0), 'bad-request', /key is empty/],
    ['an empty key in a put', execute({ type: 'put', key: new Uint8Array(), value }), 'bad-request', /key is empty/],
    ['group 0', read(0, 3), 'bad-request', /group 0 holds the layout/],
    ['a session in group 0', { type: 'open-session', group: 0 }, 'bad-request', /group 0 holds the layout/],
    ['a group that does not exist', read(13, 3), 'wrong-group', /there is no group 13/],
    ['a session there', { type: 'open-session', group: 1024 }, 'wrong-group', /there is no group 1024/],
    ['session 0', execute({ type: 'delete', key: keyOfGroupOne() }, 0), 'bad-request', /session 0 is reserved/],
    [
      'an unknown session',
      execute({ type: 'delete', key: keyOfGroupOne() }, 987654321),
      'session-expired',
      /open a new/,
    ],
    [
      'a session beyond all numbers',
      execute({ type: 'delete', key: keyOfGroupOne() }, Number.MAX_SAFE_INTEGER),
      'session-expired',
      /open a new/,
    ],
    [
      'a key of another group',
      { type: 'read', group: 2, query: { type: 'get', key: keyOfGroupOne() } },
      'wrong-group',
      /not in group 2/,
    ],
  ])('%s', async (_what, request, code, message) => {
    const reply = await refused(request);
    expect(reply.code).toBe(code);
    expect(reply.message).toMatch(message);
    if (code === 'wrong-group') expect(reply.epoch).toBe(1);
  });

  const tooLarge = new Uint8Array(defaultLimits.valueBytesMax + 1);
  const key = keyOfGroupOne();
  it.each<[string, Command]>([
    ['put', { type: 'put', key, value: tooLarge }],
    ['cas', { type: 'cas', key, expected: undefined, next: tooLarge }],
    ['cas of an expected one', { type: 'cas', key, expected: tooLarge, next: value }],
    ['cas-version', { type: 'cas-version', key, expectedVersion: 0, next: tooLarge }],
  ])('a value over the limit in a %s', async (_what, command) => {
    const reply = await refused(execute(command));
    expect(reply.code).toBe('too-large');
    expect(reply.message).toBe('the value has 1048577 bytes, the limit is 1048576');
  });

  it('a value and a key of just the limit are not', async () => {
    const [longKey, longValue] = ['k'.repeat(defaultLimits.keyBytesMax), 'v'.repeat(defaultLimits.valueBytesMax)];
    await normal.put(longKey, longValue);
    expect((await normal.get(longKey))?.value).toBe(longValue);
  });

  it('the client passes the refusal on as it is', async () => {
    await expect(normal.put('k'.repeat(1025), 'v')).rejects.toMatchObject({
      ...{ code: 'too-large', outcome: 'not-applied', retryable: false },
      message: 'the key has 1025 bytes, the limit is 1024',
    });
    await expect(normal.get('')).rejects.toMatchObject({ code: 'bad-request' });
  });

  it('a session whose sequence runs far beyond its floor', async () => {
    const client = await RawClient.open(bench, cluster.address(await leaderOf(cluster, 1)));
    const session = await openSession(client, 1);
    const request = execute({ type: 'put', key: keyOfGroupOne(), value }, session);
    const reply = await client.request({
      ...{ type: 'group', forward: true },
      request: { ...request, sequence: defaultLimits.sessionWindowMax + 1, floor: 1 } as GroupRequest,
    });
    expect(reply).toMatchObject({ type: 'refused', code: 'busy' });
  });
});
