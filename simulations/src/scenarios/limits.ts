/**
 * Every limit at its smallest, and groups of every size: a random mix of faults as in chaos, where what is as long as it may be
 * meets room for hardly more than one of it.
 */
import type { Limits } from '@kvorum/common';
import { defaultLimits } from '@kvorum/common';
import type { Scenario } from '../run/run.ts';
import type { RandomStream } from '../world/random-stream.ts';
import type { Strike } from './chaos.ts';
import { randomLoad, strikeAtRandom, strikes } from './chaos.ts';

/** What a node may never get over: a group of one or two cannot do without it. */
const LASTING: readonly Strike[] = ['wiped-disk', 'torn-write', 'bit-flip'];
/** Names of keys, and counters, are shorter. */
const KEY_BYTES_MIN = 12;
/** A command in an entry has so much besides its key and its values. */
const COMMAND_BYTES = 64;

export const limits: Scenario = {
  name: 'chaos-limits',
  summary: 'a mix of faults in groups of one to five, with limits as small as they can be, keys and values at theirs',
  nodes: 5,
  seconds: 60,
  mixed: true,
  shape(random) {
    const replication = random.int(1, 5);
    return { nodes: Math.max(2, replication + random.int(0, 2)), replication, partitions: random.int(1, 6) };
  },
  limits: smallestLimits,
  run(run) {
    const { replication } = run.world.options;
    const { keyBytesMax, valueBytesMax } = run.limits;
    const kinds = replication > 2 ? strikes : strikes.filter((kind) => !LASTING.includes(kind));
    strikeAtRandom(run, kinds, (random) => ({ ...randomLoad(random), longest: { keyBytesMax, valueBytesMax } }));
    // One node that is away stops a group of one or two.
    if (replication > 2) run.finish({ okShareMin: 0.15, faultyShareMin: 0.08, okRateMin: 0.15 });
    else run.finish({ okShareMin: 0.05, faultyShareMin: 0, okRateMin: 0.05 });
  },
};

/** They must fit each other, so they are chosen together. */
const related = new Set(['keyBytesMax', 'valueBytesMax', 'retainedBytesMax', 'retainedForSnapshotBytesMax']);

/** Each is at its smallest in half of the seeds. Connections are counted by the server's adapter, which is not simulated. */
function smallestLimits(random: RandomStream): Limits {
  const keyBytesMax = random.int(KEY_BYTES_MIN, 40);
  const valueBytesMax = random.int(KEY_BYTES_MIN, 300);
  const commandBytes = COMMAND_BYTES + keyBytesMax + 2 * valueBytesMax;
  const retainedBytesMax = random.int(1, 2000);
  const smallest: Omit<Limits, 'clientConnectionsMax'> = {
    keyBytesMax,
    valueBytesMax,
    requestsPerConnectionMax: random.int(1, 4),
    clientBacklogBytesMax: random.int(1, 500),
    peerBacklogBytesMax: random.int(1000, 10_000),
    pendingBytesPerGroupMax: commandBytes * random.int(1, 3),
    pendingCommandsPerGroupMax: random.int(1, 4),
    pendingReadsPerGroupMax: random.int(1, 4),
    readBytesPerTurnMax: random.int(1, 300),
    entryBytesMax: commandBytes,
    entryCommandsMax: random.int(1, 3),
    messageEntryBytesMax: random.int(1, 400),
    acceptsInFlightMax: random.int(1, 3),
    retainedEntriesMax: random.int(0, 20),
    retainedBytesMax,
    retainedForSnapshotBytesMax: retainedBytesMax + random.int(0, 2000),
    unflushedBytesMax: random.int(1, 1000),
    snapshotChunkBytes: random.int(1, 500),
    sessionsPerGroupMax: random.int(3, 8),
    replyBytesPerSessionMax: random.int(1, 300),
    sessionReplyBytesMax: random.int(100, 3000),
    sessionWindowMax: random.int(1, 6),
    forwardHopsMax: random.int(1, 2),
  };
  const chosen = Object.entries(smallest).filter(([name]) => related.has(name) || random.chance(0.5));
  return { ...defaultLimits, ...Object.fromEntries(chosen) };
}
