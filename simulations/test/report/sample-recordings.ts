/** Recordings made by hand: a leader change in real frames, and one as large as a long run. */
import { encodeReplies, encodeRequests, encodeUtf8, Writer } from '@kvorum/common';
import type { Ballot, Message } from '@kvorum/consensus';
import { sequencePaxosCodec } from '@kvorum/consensus';
import { beginReplicaMessage, writePeerMessage } from '@kvorum/server/core';
import type { Call } from '../../src/checkers/index.ts';
import type { Fate, Recording, RunFacts } from '../../src/report/index.ts';
import { Recorder } from '../../src/report/index.ts';

export const ballotOf = (number: number, node: number): Ballot => ({ number, priority: 0, node });

export function peerFrame(...messages: readonly (readonly [group: number, message: Message])[]): Uint8Array {
  const writer = new Writer();
  for (const [group, message] of messages) {
    const start = beginReplicaMessage(writer, group);
    sequencePaxosCodec.writeMessage(writer, message);
    writer.endSized(start);
  }
  return writer.finish();
}

export function heartbeatFrame(round: number): Uint8Array {
  const writer = new Writer();
  writePeerMessage(writer, { type: 'heartbeat-request', round });
  return writer.finish();
}

export const entry = { kind: 'command', payload: encodeUtf8('x') } as const;

export function factsOf(facts: Partial<RunFacts> = {}): RunFacts {
  return {
    scenario: 'by-hand',
    summary: 'the leader is cut off, and another one takes over',
    seed: 7,
    commit: '0123abc',
    options: { nodes: 3, replication: 3 },
    replay: 'npm run simulate -- --scenario by-hand --seed 7',
    simulatedUs: 1_000_000,
    calls: [],
    verdicts: [{ name: 'every key is linearizable', passed: true, detail: '' }],
    ...facts,
  };
}

/** Sends a message between nodes; returns when it arrives. */
function sendTo(
  recorder: Recorder,
  sentUs: number,
  from: number,
  to: number,
  frame: Uint8Array,
  fate: Fate = 'delivered',
) {
  const arrivedUs = sentUs + 300;
  recorder.message({ sentUs, arrivedUs, from, to, channel: 'peer', frame, fate });
  return arrivedUs;
}

/**
 * Three nodes, groups 1 and 2, both led by n1. At 400 ms it is cut off; at 500 ms n3 asks for promises
 * for group 1, at 501 ms it leads, at 502 ms it knows its first decision.
 */
export function leaderChange(facts: Partial<RunFacts> = {}): Recording {
  const recorder = new Recorder(3);
  for (const process of [0, 1, 2]) {
    recorder.started(0, process);
    recorder.identify(process, process + 1);
  }
  const first = ballotOf(1, 1);
  const second = ballotOf(2, 3);
  for (const group of [1, 2]) {
    sendTo(recorder, 10_000, 0, 1, prepareFrame(group, first));
    recorder.observe(11_000, 0, group, { serves: true, term: first, log: { decidedIndex: 0 } });
  }
  for (let round = 0; round < 30; round += 1) {
    const atUs = 20_000 + round * 10_000;
    sendTo(recorder, atUs, 0, 1, acceptFrame(1 + (round % 2), first, round));
    sendTo(recorder, atUs + 1000, 0, 2, heartbeatFrame(round));
    recorder.observe(atUs + 900, 0, 1, { serves: true, term: first, log: { decidedIndex: round + 1 } });
  }
  recorder.inflicted(400_000, 'n1: reaches no other node', () => true);
  const links = [[0, 1], [1, 0], [0, 2], [2, 0]] as const; // prettier-ignore
  const cuts = links.map((link) =>
    recorder.fault({ fromUs: 400_000, kind: 'cut', processes: link, links: [link], text: `cut ${link.join(' to ')}` }),
  );
  sendTo(recorder, 410_000, 0, 1, acceptFrame(1, first, 30), 'cut');
  recorder.note(495_000, 'n3: node n1 is suspected');
  sendTo(recorder, 500_000, 2, 0, prepareFrame(1, second), 'cut');
  sendTo(recorder, 500_000, 2, 1, prepareFrame(1, second));
  sendTo(recorder, 500_500, 1, 2, promiseFrame(1, second));
  recorder.observe(501_000, 2, 1, { serves: true, term: second, log: { decidedIndex: 30 } });
  recorder.note(501_000, 'n3: leads group 1 with ballot 2.n3: n1, which led it before, does not answer');
  sendTo(
    recorder,
    501_000,
    2,
    1,
    peerFrame([
      1,
      { type: 'accept-sync', ballot: second, from: 25, to: 31, at: 25, entries: [entry], decidedIndex: 30 },
    ]),
  );
  sendTo(recorder, 501_500, 1, 2, peerFrame([1, { type: 'accepted', ballot: second, acceptedIndex: 31 }]));
  recorder.observe(502_000, 2, 1, { serves: true, term: second, log: { decidedIndex: 31 } });
  sendTo(recorder, 502_000, 2, 1, peerFrame([1, { type: 'decide', ballot: second, decidedIndex: 31 }]));
  clientMessages(recorder);
  for (const cut of cuts) cut.end(800_000);
  recorder.observe(801_000, 0, 1, { serves: false, term: second, log: { decidedIndex: 31 } });
  return recorder.finish(factsOf(facts));
}

function clientMessages(recorder: Recorder): void {
  const request = { type: 'read', group: 1, query: { type: 'get', key: encodeUtf8('k') } } as const;
  const asked = encodeRequests([{ id: 1, body: { type: 'group', forward: true, request } }]);
  const served = { node: 3, ballot: 2, index: 31 };
  const answered = encodeReplies([{ id: 1, body: { type: 'value', found: undefined, served } }]);
  const at = { from: 1000, to: 2, fate: 'delivered' } as const;
  recorder.message({ ...at, sentUs: 600_000, arrivedUs: 600_300, channel: 'request', frame: asked });
  const back = { ...at, from: 2, to: 1000, channel: 'reply' } as const;
  recorder.message({ ...back, sentUs: 600_400, arrivedUs: 600_700, frame: answered });
}

function prepareFrame(group: number, ballot: Ballot): Uint8Array {
  return peerFrame([group, { type: 'prepare', ballot, acceptedBallot: ballotOf(0, 0), logLength: 0, suffixFrom: 0 }]);
}

function promiseFrame(group: number, ballot: Ballot): Uint8Array {
  const acceptedBallot = ballotOf(1, 1);
  return peerFrame([
    group,
    { type: 'promise', ballot, acceptedBallot, logLength: 25, decidedIndex: 25, suffixFrom: 0, suffix: [] },
  ]);
}

function acceptFrame(group: number, ballot: Ballot, from: number): Uint8Array {
  return peerFrame([group, { type: 'accept', ballot, from, entries: [entry], decidedIndex: from }]);
}

/** Three elections in turn within a second by three nodes, under six faults that overlap. */
export function crowded(): Recording {
  const recorder = new Recorder(3);
  [0, 1, 2].forEach((process) => recorder.identify(process, process + 1));
  for (let i = 0; i < 6; i += 1) {
    const fault = { fromUs: 100_000 + i, toUs: 2_900_000, kind: 'network', processes: [] } as const;
    recorder.fault({ ...fault, text: `fault number ${i}` });
  }
  [0, 1, 2].forEach((process) => {
    const atUs = 1_000_000 + process * 300_000;
    const ballot = ballotOf(process + 1, process + 1);
    sendTo(recorder, atUs, process, (process + 1) % 3, prepareFrame(1, ballot));
    recorder.observe(atUs + 2000, process, 1, { serves: true, term: ballot, log: { decidedIndex: 0 } });
  });
  return recorder.finish(factsOf({ simulatedUs: 3_000_000 }));
}

/** So many messages between five nodes about four groups over a minute, none of them a heartbeat, and 10,000 operations. */
export function largeRecording(messages: number): Recording {
  const recorder = new Recorder(5);
  const simulatedUs = 60_000_000;
  for (let i = 0; i < messages; i += 1) {
    const sentUs = Math.floor((i / messages) * (simulatedUs - 1000));
    const group = 1 + (i % 4);
    const leader = (group + Math.floor(sentUs / 10_000_000)) % 5;
    const ballot = ballotOf(1 + Math.floor(sentUs / 10_000_000), leader + 1);
    const member = (leader + 1 + (Math.floor(i / 4) % 4)) % 5;
    const isFirst = recorderKnows(seenBallots(recorder), group, ballot);
    if (isFirst) {
      sendTo(recorder, sentUs, leader, member, prepareFrame(group, ballot));
      recorder.observe(sentUs + 600, leader, group, { serves: true, term: ballot, log: { decidedIndex: i } });
    } else {
      const answer = i % 3 === 0;
      const frame = answer
        ? peerFrame([group, { type: 'accepted', ballot, acceptedIndex: i }])
        : acceptFrame(group, ballot, i);
      if (answer) sendTo(recorder, sentUs, member, leader, frame);
      else sendTo(recorder, sentUs, leader, member, frame, i % 50 === 0 ? 'lost' : 'delivered');
    }
    if (i % 4 === 0) recorder.decided(sentUs, leader, group, i);
  }
  return recorder.finish(factsOf({ scenario: 'large', simulatedUs, calls: manyCalls(10_000, simulatedUs) }));
}

const ballotsOf = new WeakMap<Recorder, Set<string>>();

function seenBallots(recorder: Recorder): Set<string> {
  const seen = ballotsOf.get(recorder) ?? new Set<string>();
  ballotsOf.set(recorder, seen);
  return seen;
}

function recorderKnows(seen: Set<string>, group: number, ballot: Ballot): boolean {
  const name = `${group} ${ballot.number} ${ballot.node}`;
  if (seen.has(name)) return false;
  seen.add(name);
  return true;
}

/** Puts and gets on eight keys, each with its answer; two at a time on a key. */
function manyCalls(count: number, endUs: number): Call[] {
  const stepUs = Math.floor(endUs / count);
  return Array.from({ length: count }, (_, i): Call => {
    const round = Math.floor(i / 16);
    const key = `key-${i % 8}`;
    const invokedAt = round * 16 * stepUs + (i % 16);
    const fields = { client: i % 16, key, invokedAt, returnedAt: invokedAt + 15 * stepUs };
    const value = `v${round}`;
    if (i % 16 < 8) return { ...fields, kind: 'put', value, result: { version: round + 1 } };
    return { ...fields, kind: 'get', result: { value, version: round + 1 } };
  });
}
