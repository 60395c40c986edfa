/**
 * What is acknowledged is synced: between the request and its reply, and between an accept and its answer, the log's file is
 * written, synced, and so is the page that makes the write count. The system calls of a real server show it.
 */
import type { GroupId } from '@kvorum/common';
import { decodeAll } from '@kvorum/common';
import { sequencePaxosCodec } from '@kvorum/consensus';
import type { TestContext } from 'vitest';
import { describe, expect, it } from 'vitest';
import { decodePeerFrame } from '../../src/core/index.ts';
import type { Bench } from './support/bench.ts';
import { testBench } from './support/bench.ts';
import { Cluster } from './support/cluster.ts';
import { leaderOf } from './support/group-requests.ts';
import { framesIn } from './support/websocket-frames.ts';
import type { PlantedBug } from './support/planted.ts';
import type { SystemCall } from './support/system-calls.ts';
import { readTrace, whyNoTrace } from './support/system-calls.ts';
import { keyInGroup } from './support/test-client.ts';

const LOG = /\/log\/data\.mdb$/;
const PUTS = 4;

/** The test is made with SAMPLE=all, and skipped where there can be no trace, unless STRACE=required. */
function needTrace(context: TestContext): void {
  const isAsked = process.env['SAMPLE'] === 'all' || process.env['STRACE'] === 'required';
  const reason = isAsked ? whyNoTrace() : 'SAMPLE=all or STRACE=required makes it';
  if (reason === undefined) return;
  if (process.env['STRACE'] === 'required') throw new Error(reason);
  context.skip(reason);
}

/** What is wrong with what happened between a request with this text and the acknowledgement of it; undefined if nothing. */
function fault(
  calls: readonly SystemCall[],
  text: string,
  isAcknowledgement: (call: SystemCall, request: SystemCall) => boolean,
): string | undefined {
  const request = calls.find(
    (call) => call.kind === 'read' && framesIn(call.bytes).some((frame) => frame.includes(text)),
  );
  if (request === undefined) return 'the request was not read';
  const acknowledgement = calls.find(
    (call) => call.begin > request.end && call.kind === 'write' && isAcknowledgement(call, request),
  );
  if (acknowledgement === undefined) return 'it was not acknowledged';
  const between = calls.filter((call) => call.begin > request.begin && call.begin < acknowledgement.begin);
  const ofLog = between.filter(({ target }) => LOG.test(target));
  const record = ofLog.find((call) => call.kind === 'write' && call.bytes.includes(text));
  if (record === undefined) return 'acknowledged before the record was written';
  const syncOf = (write: SystemCall): SystemCall | undefined =>
    write.syncs
      ? write
      : ofLog.find((call) => call.kind === 'sync' && call.begin > write.end && call.end < acknowledgement.begin);
  const sync = syncOf(record);
  if (sync?.succeeded !== true) return 'acknowledged before the record was synced';
  const page = ofLog.find((call) => call.kind === 'write' && call.begin > sync.end);
  if (page === undefined) return 'acknowledged before the page that makes it count was written';
  const pageSync = syncOf(page);
  if (pageSync?.succeeded !== true || pageSync.end > acknowledgement.begin) {
    return 'acknowledged before the page that makes it count was synced';
  }
  return undefined;
}

/** The next thing that leaves on the connection is the reply: the client asks for one thing at a time. */
const isReply = (call: SystemCall, request: SystemCall): boolean => call.target === request.target;

/** Puts to a cluster of one under trace. Returns what is wrong with each of them. */
async function faultsOfPuts(bench: Bench, bug?: PlantedBug): Promise<(string | undefined)[]> {
  const cluster = await Cluster.plan(bench, 1, ['--partitions', '1']);
  const file = bench.directory('trace');
  const server = bench.startTraced(file, bug, ...(cluster.commands[0] ?? []));
  cluster.servers[0] = server;
  await cluster.healthy();
  const client = cluster.client();
  const values = Array.from({ length: PUTS }, (_, number) => `the value of put ${number}`);
  for (const value of values) await client.put('key', value);
  await server.end('SIGKILL');
  const calls = readTrace(file);
  return values.map((value) => fault(calls, value, isReply));
}

/** Puts to a cluster of three, of which a follower is under trace. Returns what is wrong with its answers to the leader. */
async function faultsOfAccepts(bench: Bench, bug?: PlantedBug): Promise<(string | undefined)[]> {
  const cluster = await Cluster.plan(bench, 3, ['--partitions', '3']);
  const file = bench.directory('trace');
  cluster.start(0);
  cluster.start(1);
  const traced = bench.startTraced(file, bug, ...(cluster.commands[2] ?? []));
  cluster.servers[2] = traced;
  await cluster.healthy();
  const client = cluster.client();
  const layout = await client.layout();
  const leaders = await Promise.all([1, 2, 3].map((group) => leaderOf(cluster, group)));
  const group = 1 + leaders.findIndex((place) => place !== 2);
  const key = keyInGroup(layout, group, 'key');
  const values = Array.from({ length: PUTS }, (_, number) => `the value of put ${number}`);
  for (const value of values) {
    await client.put(key, value);
    // The leader does not need this one's answer.
    await cluster.caughtUp();
  }
  await traced.end('SIGKILL');
  const calls = readTrace(file);
  return values.map((value) => fault(calls, value, accepts(group)));
}

/** Whether the call sends an `accepted` of the group that covers the entries of the accept that was read. */
function accepts(group: GroupId): (call: SystemCall, request: SystemCall) => boolean {
  return (call, request) => {
    if (call.target !== request.target) return false;
    const asked = messagesOf(group, request).flatMap((message) =>
      message.type === 'accept' ? [message.from + message.entries.length] : [],
    );
    const end = Math.max(...asked);
    return messagesOf(group, call).some((message) => message.type === 'accepted' && message.acceptedIndex >= end);
  };
}

type PaxosMessage = ReturnType<typeof sequencePaxosCodec.readMessage>;

function messagesOf(group: GroupId, call: SystemCall): PaxosMessage[] {
  return framesIn(call.bytes)
    .flatMap((frame) => decodePeerFrame(frame))
    .flatMap((message) =>
      message.type === 'replica' && message.group === group
        ? [decodeAll(message.body, (reader) => sequencePaxosCodec.readMessage(reader))]
        : [],
    );
}

const STORAGE = 'server/dist/adapters/storage/lmdb-storage.js';
const OPTIONS = 'overlappingSync: false,';
const ON_COMMIT = 'database.batch(writes).then(done,';

const bugs: readonly (PlantedBug & { readonly found: RegExp })[] = [
  {
    wrong: 'nothing is synced',
    module: STORAGE,
    find: OPTIONS,
    replace: `${OPTIONS} noSync: true,`,
    found: /before the record was synced/,
  },
  {
    wrong: 'the state is synced in place of the log',
    module: STORAGE,
    find: OPTIONS,
    replace: `${OPTIONS} noSync: directory.endsWith('log'),`,
    found: /before the record was synced/,
  },
  {
    wrong: 'the page that makes a write count is not synced',
    module: STORAGE,
    find: OPTIONS,
    replace: `${OPTIONS} noMetaSync: true,`,
    found: /before the page that makes it count was synced/,
  },
  {
    wrong: 'a commit counts as done when it is asked for',
    module: STORAGE,
    find: ON_COMMIT,
    replace: 'done(); database.batch(writes).then(() => undefined,',
    found: /before the record was written/,
  },
  {
    wrong: 'every second commit counts as done when it is asked for',
    module: STORAGE,
    find: ON_COMMIT,
    replace:
      'const early = (database.commits = (database.commits ?? 0) + 1) % 2 === 0; if (early) done(); ' +
      'database.batch(writes).then(early ? () => undefined : done,',
    found: /before the record was written/,
  },
];

const bugsOfFollowers: readonly (PlantedBug & { readonly found: RegExp })[] = [
  {
    wrong: 'it answers when it has asked for the write',
    module: 'consensus/dist/sequence-paxos/follower.js',
    find: "this.#outbox.sendAfterPersist(to, { type: 'accepted',",
    replace: "this.#outbox.send(to, { type: 'accepted',",
    found: /before the record was written/,
  },
  {
    wrong: 'what depends on a commit leaves when that begins',
    module: 'server/dist/core/node-loop.js',
    find: 'this.#ports.storage.commit(batch.writes,',
    replace:
      'for (const { replica, outgoing } of batch.messages.splice(0)) this.#sendOf(replica, outgoing); ' +
      'this.#flushOutbox(); this.#ports.storage.commit(batch.writes,',
    found: /before the record was written/,
  },
  {
    wrong: 'nothing is synced',
    module: STORAGE,
    find: OPTIONS,
    replace: `${OPTIONS} noSync: true,`,
    found: /before the record was synced/,
  },
];

const noFaults = Array.from({ length: PUTS }, () => undefined);

it('a put is answered after its record was synced', async (context) => {
  needTrace(context);
  expect(await faultsOfPuts(testBench())).toEqual(noFaults);
});

describe('a server is found out that has a bug:', () => {
  it.for(bugs)('$wrong', async ({ found, ...bug }, context) => {
    needTrace(context);
    const faults = await faultsOfPuts(testBench(), bug);
    expect(faults.join('\n')).toMatch(found);
  });
});

it('a follower answers that it has accepted after the record was synced', async (context) => {
  needTrace(context);
  expect(await faultsOfAccepts(testBench())).toEqual(noFaults);
});

describe('a follower is found out that has a bug:', () => {
  it.for(bugsOfFollowers)('$wrong', async ({ found, ...bug }, context) => {
    needTrace(context);
    const faults = await faultsOfAccepts(testBench(), bug);
    expect(faults.join('\n')).toMatch(found);
  });
});
