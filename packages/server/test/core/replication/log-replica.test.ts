import type { GroupReply, GroupRequest, Limits, Reader, Settings, Writer } from '@kvorum/common';
import { DecodeError, settingsWith } from '@kvorum/common';
import type { Effects, Entry, Input, LogTypes, ReplicatedLog } from '@kvorum/consensus';
import { InvariantViolation } from '@kvorum/consensus';
import { MemoryLogStorage, MemoryStateStorage } from '@kvorum/testing';
import { describe, expect, it } from 'vitest';
import type { ReplicaEffects, ReplicaInput } from '../../../src/core/index.ts';
import { CorruptRecord, decodeBatch, encodeBatch, UnknownFormat } from '../../../src/core/index.ts';
import type { LogProtocol } from '../../../src/core/replication/log-protocol.ts';
import { LogReplica } from '../../../src/core/replication/log-replica.ts';
import { b, put, seatOf, text } from '../values.ts';

/** Everything that the log has of its own is a text. */
interface TextTypes extends LogTypes {
  readonly message: string;
  readonly hardState: string;
  readonly receipt: number;
  readonly heartbeat: string;
  readonly proof: string;
}

type LogEffects = Effects<TextTypes>;

/** A replicated log that does as it is told. */
class ScriptedLog implements ReplicatedLog<TextTypes> {
  readonly steps: (readonly Input<TextTypes>[])[] = [];
  /** What the next steps answer, in order; nothing afterwards. */
  readonly answers: ((inputs: readonly Input<TextTypes>[]) => Partial<LogEffects>)[] = [];
  leading = false;
  hasQuorum = false;
  seesLeader = false;
  term = { number: 0, node: 0 };
  decidedIndex = 0;
  applicableIndex = 0;
  compactedIndex = 0;
  logBytes = 0;
  log: Entry[] = [];

  get logLength(): number {
    return this.log.length;
  }

  step(inputs: readonly Input<TextTypes>[]): LogEffects {
    this.steps.push(inputs);
    const nothing = { persist: undefined, send: [], sendAfterPersist: [], proposals: [], reads: [], events: [] };
    return { ...nothing, ...this.answers.shift()?.(inputs) };
  }

  heartbeat(): string {
    return 'beat';
  }

  snapshotProof(): string {
    return 'proof';
  }

  isPlausible(): boolean {
    return true;
  }

  entries(from: number, to: number): readonly Entry[] {
    return this.log.slice(from, to);
  }
}

const writeText = (writer: Writer, value: string): void => void writer.text(value);
const readText = (reader: Reader): string => reader.text(100);

class Rig {
  readonly log = new ScriptedLog();
  readonly stateStorage = new MemoryStateStorage();
  readonly logStorage = new MemoryLogStorage();
  readonly requests = new Map<number, GroupRequest>();
  readonly abandoned = new Set<number>();
  readonly protocol: LogProtocol<TextTypes> = {
    name: 'texts',
    format: 3,
    codec: {
      writeMessage: writeText,
      readMessage: readText,
      writeHardState: writeText,
      readHardState: readText,
      writeHeartbeat: writeText,
      readHeartbeat: readText,
      writeProof: writeText,
      readProof: readText,
    },
    create: ({ recovered }) => {
      this.recovered = recovered;
      return this.log;
    },
  };
  recovered: Parameters<LogProtocol<TextTypes>['create']>[0]['recovered'];
  readonly settings: Settings;
  replica: LogReplica<TextTypes>;
  nowMs = 0;
  #ticket = 0;

  constructor(limits: Partial<Limits> = {}) {
    this.settings = settingsWith({ limits });
    this.logStorage.commits.immediate = true;
    this.stateStorage.commits.immediate = true;
    this.replica = this.open();
  }

  open(protocol = this.protocol): LogReplica<TextTypes> {
    const { logStorage, stateStorage, settings } = this;
    const awaited = (ticket: number): GroupRequest | undefined =>
      this.abandoned.has(ticket) ? undefined : this.requests.get(ticket);
    this.replica = new LogReplica(protocol, seatOf(1, { logStorage, stateStorage, settings, awaited }));
    return this.replica;
  }

  step(...inputs: readonly ReplicaInput[]): ReplicaEffects {
    for (const input of inputs) if (input.type === 'request') this.requests.set(input.ticket, input.request);
    return this.replica.step(inputs, this.nowMs);
  }

  request(request: GroupRequest): ReplicaInput {
    this.#ticket += 1;
    return { type: 'request', ticket: this.#ticket, request };
  }

  put(value: string): ReplicaInput {
    const head = { type: 'execute', group: 1, session: 0, sequence: 0, floor: 0 } as const;
    return this.request({ ...head, command: put('k', value) });
  }

  read(): ReplicaInput {
    return this.request({ type: 'read', group: 1, query: { type: 'get', key: b('k') } });
  }

  /** The log takes what is proposed and decides it at once. */
  decide(): void {
    this.log.answers.push((inputs) => {
      const proposals: { ticket: number; index: number }[] = [];
      for (const input of inputs) {
        if (input.type !== 'propose') continue;
        proposals.push({ ticket: input.ticket, index: this.log.log.length });
        this.log.log.push(input.entry);
      }
      this.log.decidedIndex = this.log.log.length;
      this.log.applicableIndex = this.log.log.length;
      return { proposals };
    });
  }

  lead(): this {
    Object.assign(this.log, { leading: true, hasQuorum: true, seesLeader: true, term: { number: 5, node: 1 } });
    return this;
  }
}

const replies = ({ outcomes }: ReplicaEffects): [ticket: number, what: unknown][] =>
  outcomes.map(({ ticket, reply }) => [ticket, reply.type === 'refused' ? reply.code : reply.type]);

describe('writes', () => {
  it('of one step share an entry, which is answered once it is applied', () => {
    const rig = new Rig().lead();
    rig.decide();
    const { outcomes, events } = rig.step(rig.put('a'), rig.put('b'), rig.request({ type: 'open-session', group: 1 }));
    expect(rig.log.log).toHaveLength(1);
    expect(outcomes.map(({ reply }: { reply: GroupReply }) => reply)).toEqual([
      { type: 'result', result: { type: 'written', version: 1 }, served: { node: 1, ballot: 5, index: 1 } },
      { type: 'result', result: { type: 'written', version: 2 }, served: { node: 1, ballot: 5, index: 1 } },
      { type: 'session', session: 3, served: { node: 1, ballot: 5, index: 1 } },
    ]);
    expect(events).toEqual([{ type: 'applied' }]);
    expect(rig.replica.query({ type: 'get', key: b('k') }).found?.value).toEqual(b('b'));
  });

  it('are spread over as many entries as their limits ask for; the first has all the time that passed', () => {
    const rig = new Rig({ entryCommandsMax: 2 }).lead();
    rig.step();
    rig.nowMs = 150;
    rig.decide();
    rig.step(...['a', 'b', 'c', 'd', 'e'].map((value) => rig.put(value)));
    const batches = rig.log.log.map(({ payload }) => decodeBatch(payload));
    expect(batches.map(({ commands }) => commands.length)).toEqual([2, 2, 1]);
    expect(batches.map(({ elapsedMs, outageMs }) => [elapsedMs, outageMs])).toEqual([
      [150, 0],
      [0, 0],
      [0, 0],
    ]);
  });

  it('tell an outage as such', () => {
    const rig = new Rig().lead();
    rig.log.hasQuorum = false;
    rig.step();
    rig.nowMs = 400;
    rig.log.hasQuorum = true;
    rig.step();
    rig.nowMs = 500;
    rig.decide();
    rig.step(rig.put('a'));
    expect(rig.log.log.map(({ payload }) => decodeBatch(payload))).toMatchObject([{ elapsedMs: 500, outageMs: 400 }]);
  });

  it('measure from the entries of another proposer on', () => {
    const rig = new Rig();
    rig.nowMs = 400;
    const entry: Entry = { kind: 'command', payload: encodeBatch({ elapsedMs: 0, outageMs: 0, commands: [] }) };
    rig.log.log.push(entry);
    const persist = { hardState: 'h', compactedIndex: undefined, append: { from: 0, entries: [entry] }, receipt: 1 };
    rig.log.answers.push(() => ({ persist }));
    rig.step({ type: 'message', from: 2, body: new Uint8Array([1, 0x61]) });
    rig.lead().nowMs = 430;
    rig.decide();
    rig.step(rig.put('a'));
    expect(decodeBatch(rig.log.log[1]?.payload ?? b('')).elapsedMs).toBe(30);
  });

  it.each([
    ['not-leader', 'not-leader'],
    ['no-quorum', 'unavailable'],
    ['stopped', 'unavailable'],
  ] as const)('that the log refuses as %s are refused', (refusal, code) => {
    const rig = new Rig();
    rig.log.answers.push((inputs) => ({
      proposals: inputs.flatMap((input) => (input.type === 'propose' ? [{ ticket: input.ticket, refusal }] : [])),
    }));
    expect(replies(rig.step(rig.put('a'), rig.put('b')))).toEqual([
      [1, code],
      [2, code],
    ]);
  });

  it.each(['stepped-down', 'quorum-lost'] as const)(
    'that are under way have an unknown outcome when it is %s',
    (type) => {
      const rig = new Rig().lead();
      rig.log.answers.push((inputs) => ({
        proposals: inputs.flatMap((input) => (input.type === 'propose' ? [{ ticket: input.ticket, index: 0 }] : [])),
      }));
      expect(replies(rig.step(rig.put('a')))).toEqual([]);
      const event = { type, term: { number: 5, node: 1 } } as const;
      // What stands there now was decided in the same step, and is another one's.
      rig.log.log = [{ kind: 'command', payload: encodeBatch({ elapsedMs: 0, outageMs: 0, commands: [] }) }];
      rig.log.answers.push(() => {
        rig.log.decidedIndex = 1;
        rig.log.applicableIndex = 1;
        return { events: [event] };
      });
      const effects = rig.step();
      expect(replies(effects)).toEqual([[1, 'outcome-unknown']]);
      expect(effects.events).toEqual([event, { type: 'applied' }]);
      expect(replies(rig.step())).toEqual([]);
    },
  );

  it('above a limit are refused as busy, until others are answered', () => {
    const rig = new Rig({ pendingCommandsPerGroupMax: 2 }).lead();
    rig.log.answers.push((inputs) => ({
      proposals: inputs.flatMap((input) => (input.type === 'propose' ? [{ ticket: input.ticket, index: 0 }] : [])),
    }));
    expect(replies(rig.step(rig.put('a'), rig.put('b'), rig.put('c')))).toEqual([[3, 'busy']]);
    expect(replies(rig.step(rig.put('d')))).toEqual([[4, 'busy']]);
    const [propose] = rig.log.steps[0]?.filter((input) => input.type === 'propose') ?? [];
    if (propose?.type === 'propose') rig.log.log.push(propose.entry);
    rig.log.applicableIndex = 1;
    expect(replies(rig.step())).toEqual([
      [1, 'result'],
      [2, 'result'],
    ]);
    rig.decide();
    expect(replies(rig.step(rig.put('e')))).toEqual([[5, 'result']]);
  });

  it('above what is not flushed yet are refused as busy', () => {
    const rig = new Rig({ unflushedBytesMax: 1 }).lead();
    rig.decide();
    rig.step(rig.put('a'));
    expect(replies(rig.step(rig.put('b')))).toEqual([[2, 'busy']]);
    rig.replica.startFlush()?.flushed();
    rig.decide();
    expect(replies(rig.step(rig.put('c')))).toEqual([[3, 'result']]);
  });

  it('make a flush urgent that can be made: not while a fetched state takes the place of what would be written', () => {
    const rig = new Rig({ unflushedBytesMax: 1 }).lead();
    expect(rig.replica.flushIsUrgent).toBe(false);
    rig.decide();
    rig.step(rig.put('a'));
    expect(rig.replica.flushIsUrgent).toBe(true);
    expect(rig.replica.beginReplacement(9, rig.replica.snapshotProof())).toBe(true);
    expect([rig.replica.startFlush(), rig.replica.flushIsUrgent]).toEqual([undefined, false]);
  });
});

describe('reads', () => {
  /** The log lets every read be served at this index. */
  const confirm = (rig: Rig, index: number): void => {
    rig.log.answers.push((inputs) => ({
      reads: inputs.flatMap((input) => (input.type === 'read' ? [{ ticket: input.ticket, index }] : [])),
    }));
  };

  it('are served once what is before them is applied', () => {
    const rig = new Rig().lead();
    confirm(rig, 1);
    expect(replies(rig.step(rig.read()))).toEqual([]);
    rig.decide();
    const [written, read] = rig.step(rig.put('a')).outcomes;
    expect(written).toMatchObject({ ticket: 2 });
    expect(read).toMatchObject({ ticket: 1, reply: { type: 'value', found: { version: 1, value: b('a') } } });
  });

  it('that were abandoned are not read', () => {
    const rig = new Rig().lead();
    confirm(rig, 0);
    rig.abandoned.add(1);
    expect(replies(rig.step(rig.read(), rig.read()))).toEqual([[2, 'value']]);
    expect(replies(rig.step())).toEqual([]);
  });

  it('of many bytes are served over several steps', () => {
    const rig = new Rig({ readBytesPerTurnMax: 150 }).lead();
    rig.decide();
    rig.step(rig.put('x'.repeat(100)));
    confirm(rig, 1);
    const first = rig.step(...Array.from({ length: 5 }, () => rig.read()));
    expect([first.outcomes.length, first.again]).toEqual([2, true]);
    const second = rig.step();
    expect([second.outcomes.length, second.again]).toEqual([2, true]);
    const third = rig.step();
    expect([third.outcomes.length, third.again]).toEqual([1, false]);
  });

  it('above the limit are refused as busy', () => {
    const rig = new Rig({ pendingReadsPerGroupMax: 1 }).lead();
    expect(replies(rig.step(rig.read(), rig.read()))).toEqual([[2, 'busy']]);
  });

  it('that the log refuses are refused', () => {
    const rig = new Rig();
    rig.log.answers.push(() => ({ reads: [{ ticket: 1, refusal: 'no-quorum' }] }));
    expect(replies(rig.step(rig.read()))).toEqual([[1, 'unavailable']]);
  });
});

describe('what comes from members', () => {
  it('is decoded, and what does not decode is dropped and told', () => {
    const rig = new Rig();
    const good = Uint8Array.of(1, 0x61);
    const { events } = rig.step(
      { type: 'message', from: 2, body: good },
      { type: 'message', from: 3, body: Uint8Array.of(9) },
      { type: 'heartbeat-news', from: 2, body: good },
      { type: 'heartbeat-news', from: 3, body: Uint8Array.of(1, 0x61, 7) },
      {
        type: 'heartbeat-round',
        answers: new Map([
          [2, good],
          [3, b('')],
        ]),
        stalled: true,
      },
      { type: 'persisted', receipt: 77 },
    );
    expect(rig.log.steps[0]).toEqual([
      { type: 'message', from: 2, message: 'a' },
      { type: 'heartbeat-news', from: 2, heartbeat: 'a' },
      { type: 'heartbeat-round', replies: new Map([[2, 'a']]), stalled: true },
      { type: 'persisted', receipt: 77 },
    ]);
    expect(events.map((event) => event.type === 'bad-message' && event.from)).toEqual([3, 3, 3]);
  });
});

describe('what is on disk', () => {
  /** What the replica wants to be written, written. */
  function persist(rig: Rig, part: Partial<NonNullable<LogEffects['persist']>>): void {
    const whole = { hardState: undefined, compactedIndex: undefined, append: undefined, receipt: 1, ...part };
    rig.log.answers.push(() => ({ persist: whole }));
    const { persist: asked } = rig.step();
    expect(asked?.receipt).toBe(1);
    if (asked !== undefined) rig.logStorage.commit([asked.write], () => undefined);
  }

  const batch = (): Entry => ({ kind: 'command', payload: encodeBatch({ elapsedMs: 0, outageMs: 0, commands: [] }) });

  it('is what the next start of the log is given', () => {
    const rig = new Rig();
    expect(rig.recovered).toBeUndefined();
    persist(rig, { hardState: 'promised', append: { from: 0, entries: [batch()] } });
    persist(rig, { append: { from: 1, entries: [batch()] } });
    rig.open();
    expect(rig.recovered).toEqual({
      hardState: 'promised',
      compactedIndex: 0,
      entries: [batch(), batch()],
      appliedIndex: 0,
    });
  });

  it.each([
    [
      'another protocol',
      { name: 'others' },
      'the log of group 1 has format texts 3; this version of Kvorum reads format others 3',
    ],
    [
      'a newer format of it',
      { format: 2 },
      'the log of group 1 has format texts 3; this version of Kvorum reads format texts 2',
    ],
  ])('of %s is refused, with both named', (_what, change, message) => {
    const rig = new Rig();
    persist(rig, { hardState: 'promised' });
    const protocol = { ...rig.protocol, ...change };
    expect(() => rig.open(protocol)).toThrow(UnknownFormat);
    expect(() => rig.open(protocol)).toThrow(message);
  });

  it('without a promise, or with one that does not decode, is corrupt', () => {
    const rig = new Rig();
    persist(rig, { append: { from: 0, entries: [batch()] } });
    expect(() => rig.open()).toThrow('the log of group 1 has entries, and no promise');
    persist(rig, { hardState: 'promised' });
    const readHardState = (): never => {
      throw new DecodeError('that is none');
    };
    const protocol = { ...rig.protocol, codec: { ...rig.protocol.codec, readHardState } };
    expect(() => rig.open(protocol)).toThrow(CorruptRecord);
    expect(() => rig.open(protocol)).toThrow('the log of group 1 is damaged: that is none');
  });

  it('of a state that is ahead of its log is corrupt', () => {
    const rig = new Rig().lead();
    rig.decide();
    rig.step(rig.put('a'));
    const flush = rig.replica.startFlush();
    rig.stateStorage.write(1, flush?.records ?? []);
    expect(() => rig.open()).toThrow('the state of group 1 has 1 entries applied, its log holds 0 to 0');
  });
});

describe('a flush', () => {
  it('lets the log forget what is durably applied, but for its tail and what a transfer needs', () => {
    const limits = { retainedEntriesMax: 2, retainedBytesMax: 1000, retainedForSnapshotBytesMax: 1000 };
    const rig = new Rig(limits).lead();
    for (let n = 0; n < 10; n += 1) {
      rig.decide();
      rig.step(rig.put(`${n}`));
    }
    const compactedTo = (retainFrom: number): unknown => {
      rig.step({ type: 'flushed', retainFrom });
      return rig.log.steps.at(-1);
    };
    expect(compactedTo(Infinity)).toEqual([]);
    rig.replica.startFlush()?.flushed();
    expect(compactedTo(Infinity)).toEqual([{ type: 'compact', index: 8 }]);
    expect(compactedTo(6)).toEqual([{ type: 'compact', index: 4 }]);
    expect(compactedTo(3)).toEqual([]);
    rig.log.logBytes = 1001;
    expect(compactedTo(3)).toEqual([{ type: 'compact', index: 8 }]);
  });
});

it('shows what the log says, to the node and to checks from outside', () => {
  const rig = new Rig().lead();
  rig.decide();
  rig.step(rig.put('a'));
  const { replica } = rig;
  expect([replica.serves, replica.leader, replica.healthy, replica.term.number]).toEqual([true, 1, true, 5]);
  expect([replica.decidedIndex, replica.logLength, replica.compactedIndex]).toEqual([1, 1, 0]);
  expect(replica.describe()).toMatchObject({ leader: 1, ballot: 5, leading: true, appliedIndex: 1, sessions: 0 });
  expect(text(replica.heartbeat().subarray(1))).toBe('beat');
  expect(text(replica.snapshotProof().subarray(1))).toBe('proof');
  rig.log.seesLeader = false;
  expect([replica.leader, replica.healthy]).toEqual([0, false]);
});

it('a state that is ahead of its log ends the process: rule 7', () => {
  const rig = new Rig().lead();
  rig.decide();
  rig.step(rig.put('a'));
  rig.log.decidedIndex = 0;
  expect(() => rig.step()).toThrow(InvariantViolation);
});
