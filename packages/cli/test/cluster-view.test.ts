import { expect, test } from 'vitest';
import { viewCluster } from '../src/cluster-view.ts';
import { runCommands } from '../src/index.ts';
import { FakeClient, layout } from './fake-client.ts';
import { Streams } from './terminal.ts';

const view = (client: FakeClient) => viewCluster(client, layout, { timeoutMs: 1000 });

test('everything is well', async () => {
  const { nodes, groups } = await view(new FakeClient().allUp());
  expect(groups.map((group) => group.state)).toEqual(['ok', 'ok', 'ok']);
  expect(groups[1]).toMatchObject({ leader: 1, ballot: 4, decidedIndex: 11, silent: [] });
  expect(groups[1]?.hashes).toEqual([0, 0x7fffffff]);
  expect(groups[2]?.hashes).toEqual([0x80000000, 0xffffffff]);
  expect(nodes[0]).toMatchObject({ id: 1, leads: [0, 1, 2], holds: [0, 1, 2], suspectedBy: [] });
});

test('a leader that only this client cannot reach is named as such', async () => {
  const client = new FakeClient();
  client.answer(2, { leading: false });
  client.answer(3, { leading: false });
  const { nodes, groups } = await view(client);
  expect(groups[1]).toMatchObject({ leader: 1, state: 'leader does not answer', silent: [1] });
  expect(nodes[0]).toMatchObject({ status: undefined, trouble: 'connection refused' });
});

test('a leader that nobody hears is none', async () => {
  const client = new FakeClient();
  client.answer(2, { leading: false, suspects: [1] });
  client.answer(3, { leading: false, suspects: [1] });
  const { nodes, groups } = await view(client);
  expect(groups[1]).toMatchObject({ leader: 0, state: 'no leader' });
  expect(nodes[0]?.suspectedBy).toEqual([2, 3]);
  expect(nodes[0]?.leads).toEqual([]);
});

test('of two that say they lead, the higher ballot does', async () => {
  const client = new FakeClient();
  client.answer(1, { leading: true, ballot: 4, suspects: [2, 3] });
  client.answer(2, { leading: true, leader: 2, ballot: 5, suspects: [1] });
  client.answer(3, { leading: false, leader: 2, ballot: 5, suspects: [1] });
  expect((await view(client)).groups[1]).toMatchObject({ leader: 2, ballot: 5, state: 'ok' });
});

test('a leader without a majority', async () => {
  const client = new FakeClient();
  client.answer(1, { leading: true, suspects: [2, 3] });
  expect((await view(client)).groups[1]).toMatchObject({ leader: 1, state: 'no majority', silent: [2, 3] });
});

test('the tables', async () => {
  const client = new FakeClient();
  client.answer(1, { leading: true });
  client.answer(2, { leading: false });
  const streams = new Streams();
  const options = { client, output: streams.output, error: streams.error, env: {} };
  expect(await runCommands(options, { type: 'text', text: 'groups; nodes; status' })).toBe(0);
  expect(streams.out).toBe(
    [
      'GROUP  KEYS               MEMBERS    LEADER  BALLOT  DECIDED  APPLIED  STATE',
      '0      the layout         n1 n2 n3!  n1      4       10       10       ok',
      '1      00000000-7fffffff  n1 n2 n3!  n1      4       11       11       ok',
      '2      80000000-ffffffff  n1 n2 n3!  n1      4       12       12       ok',
      '! does not answer',
      'NODE  ADDRESS         LEADS  HOLDS  STATE',
      'n1    127.0.0.1:7001  0-2    0-2    up',
      'n2    127.0.0.1:7002  -      0-2    up',
      'n3    127.0.0.1:7003  -      0-2    no answer: connection refused',
      'cluster  feedc0de',
      'epoch    1',
      'nodes    2 of 3 up',
      'groups   3 of 3 with a leader',
      '',
    ].join('\n'),
  );
});

test.each<[string, (client: FakeClient) => void, string, string]>([
  ['a leader without a majority', (client) => client.answer(1, { leading: true, suspects: [2, 3] }), '0-2', '3 of 3'],
  [
    'a leader that does not answer here',
    (client) => {
      client.answer(2, { leading: false });
      client.answer(3, { leading: false });
    },
    '0-2',
    '3 of 3',
  ],
  [
    'no leader',
    (client) => {
      client.answer(2, { leading: false, suspects: [1] });
      client.answer(3, { leading: false, suspects: [1] });
    },
    '-',
    '0 of 3',
  ],
])('nodes, groups and status agree about leaders: %s', async (trouble, answer, leads, led) => {
  const client = new FakeClient();
  answer(client);
  const streams = new Streams();
  const options = { client, output: streams.output, error: streams.error, env: {} };
  expect(await runCommands(options, { type: 'text', text: 'nodes; status' })).toBe(0);
  expect(streams.out).toMatch(new RegExp(`^n1 +127.0.0.1:7001 +${leads} `, 'm'));
  expect(streams.out).toMatch(new RegExp(`^groups +${led} with a leader$`, 'm'));
  expect(streams.out).toMatch(new RegExp(`^3 groups have ${trouble}: 0 1 2$`, 'm'));
  const json = new Streams();
  await runCommands({ ...options, output: json.output, json: true }, { type: 'text', text: 'nodes; status' });
  const [nodes, status] = json.out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const { nodes: all } = nodes as { nodes: { leads: number[] }[] };
  expect(status).toMatchObject({ groups: { withLeader: all.flatMap((node) => node.leads).length } });
});
