/** What the recorder keeps of a run. */
import { describe, expect, it } from 'vitest';
import { Recorder } from '../../src/report/index.ts';
import { ballotOf, entry, factsOf, heartbeatFrame, leaderChange, peerFrame } from './sample-recordings.ts';

const way = { sentUs: 10, arrivedUs: 20, from: 0, to: 1, channel: 'peer', fate: 'delivered' } as const;
const ballot = ballotOf(3, 2);

describe('messages', () => {
  it('are recorded by kind, group and content', () => {
    const recorder = new Recorder(2);
    const accept = { type: 'accept', ballot, from: 17, entries: [entry, entry, entry], decidedIndex: 17 } as const;
    recorder.message({ ...way, frame: peerFrame([4, { type: 'read-check', ballot, round: 1 }], [5, accept]) });
    recorder.message({ ...way, sentUs: 5, frame: heartbeatFrame(1), fate: 'lost' });
    const { messages } = recorder.finish(factsOf());
    expect(messages.map(({ sentUs, fate }) => [sentUs, fate])).toEqual([
      [5, 'lost'],
      [10, 'delivered'],
    ]);
    expect(messages[1]?.parts).toEqual([
      { kind: 'read-check', group: 4, text: 'am I still the leader?', ballot: '3.n2' },
      { kind: 'accept', group: 5, text: 'accept 17–19', ballot: '3.n2' },
    ]);
    expect(messages[0]?.parts).toMatchObject([{ kind: 'heartbeat', group: -1 }]);
  });

  it('of client connections are read in the clients’ protocol', () => {
    const texts = leaderChange().messages.flatMap(({ parts }) => parts);
    expect(texts.filter(({ kind }) => kind === 'request' || kind === 'reply')).toMatchObject([
      { kind: 'request', group: 1, text: 'get k' },
      { kind: 'reply', group: -1, text: 'absent' },
    ]);
  });

  it('that do not decode are still shown', () => {
    const recorder = new Recorder(2);
    recorder.message({ ...way, frame: new Uint8Array([255, 1, 2]) });
    expect(recorder.finish(factsOf()).messages[0]?.parts).toMatchObject([
      { kind: 'unreadable', text: '3 bytes that do not decode' },
    ]);
  });

  it('cannot arrive before they are sent', () => {
    expect(() => new Recorder(2).message({ ...way, arrivedUs: 10, frame: heartbeatFrame(1) })).toThrow(RangeError);
  });
});

describe('faults', () => {
  it('last until their first end, or to the end of the run', () => {
    const recorder = new Recorder(2);
    const fault = recorder.fault({ fromUs: 5, kind: 'disk', processes: [1], text: 'the disk of n2 hangs' });
    recorder.fault({ fromUs: 6, kind: 'other', processes: [], text: 'for good' });
    fault.end(8);
    fault.end(9);
    expect(recorder.finish(factsOf()).faults.map(({ fromUs, toUs }) => [fromUs, toUs])).toEqual([
      [5, 8],
      [6, undefined],
    ]);
  });

  it('include the time between a crash and the next start, and a crash ends the leadership', () => {
    const recorder = new Recorder(2);
    recorder.started(0, 1);
    recorder.observe(1, 1, 4, { serves: true, term: ballot, log: { decidedIndex: 2 } });
    recorder.stopped(10, 1);
    recorder.started(20, 1);
    const { faults, leaderships } = recorder.finish(factsOf());
    expect(faults).toMatchObject([{ kind: 'crash', fromUs: 10, toUs: 20, processes: [1], text: 'n2 is down' }]);
    expect(leaderships.map(({ atUs, leading }) => [atUs, leading])).toEqual([
      [1, true],
      [10, false],
    ]);
  });
});

describe('what replicas say', () => {
  it('is recorded when it changes', () => {
    const recorder = new Recorder(2);
    const views = [
      { serves: false, term: ballotOf(1, 1), log: { decidedIndex: 0 } },
      { serves: true, term: ballot, log: { decidedIndex: 0 } },
      { serves: true, term: ballot, log: { decidedIndex: 2 } },
      { serves: true, term: ballot, log: { decidedIndex: 2 } },
      // It has heard of another leader and has not yet stopped.
      { serves: true, term: ballotOf(4, 1), log: { decidedIndex: 2 } },
      { serves: false, term: ballotOf(4, 1), log: { decidedIndex: 3 } },
    ];
    views.forEach((view, i) => recorder.observe(i, 1, 4, view));
    const { leaderships, decisions, nodeIds } = recorder.finish(factsOf());
    expect(leaderships).toEqual([
      { atUs: 1, process: 1, group: 4, ballot: '3.n2', leading: true },
      { atUs: 4, process: 1, group: 4, ballot: '3.n2', leading: false },
    ]);
    expect(decisions.map(({ atUs, index }) => [atUs, index])).toEqual([
      [2, 2],
      [5, 3],
    ]);
    expect([...nodeIds]).toEqual([[1, 2]]);
  });
});
