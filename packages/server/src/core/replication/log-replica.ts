/**
 * A replica of a group whose protocol is a replicated log: stage 5 of the data path. Proposes, applies and answers, between
 * the seam of all protocols and the `ReplicatedLog` below it.
 *
 * State: requests of this turn, proposals by log position, reads that wait for their position. Invariants: a proposal is
 * answered once, with its result if this replica led without interruption until it was decided, else with
 * `outcome-unknown`; entries are applied in order, once, and never before they are decided.
 */
import type { Answer, GroupReply, GroupRequest, Limits, LogFields, NodeId, Query, Served } from '@kvorum/common';
import { decodeAll, DecodeError, failureText, operationTypes, Writer } from '@kvorum/common';
import type { Effects, Input, LogCodec, LogTypes, ReplicatedLog, Term } from '@kvorum/consensus';
import { entryBytes } from '@kvorum/consensus';
import { mark } from '../marks.ts';
import { notLeader, refusal } from '../replies.ts';
import type { Elapsed, LoggedCommand } from '../state/batch.ts';
import { assembleBatch, loggedBytes, writeLoggedCommand } from '../state/batch.ts';
import type { AppliedReply } from '../state/group-state.ts';
import { GroupState } from '../state/group-state.ts';
import type { LogWrite, StateRecord } from '../storage/storage-ports.ts';
import { LogClock } from './log-clock.ts';
import type { LogProtocol } from './log-protocol.ts';
import { encodeOpaque, recoverLog, writeHardState } from './log-protocol.ts';
import type {
  AppliedState,
  LogView,
  Outcome,
  Replica,
  ReplicaEffects,
  ReplicaEvent,
  ReplicaInput,
  ReplicaSeat,
  Traits,
} from './replication-protocol.ts';

export const logTraits: Traits = {
  operations: operationTypes,
  order: 'log',
  leader: 'one',
  sessions: true,
  levels: ['linearizable'],
};

interface QueuedCommand {
  readonly ticket: number;
  readonly command: LoggedCommand;
}

interface PendingEntry {
  readonly index: number;
  readonly bytes: number;
  readonly tickets: readonly number[];
}

type WriteRequest = Exclude<GroupRequest, { type: 'read' }>;

export class LogReplica<T extends LogTypes> implements Replica, AppliedState, LogView {
  readonly #seat: ReplicaSeat;
  readonly #limits: Limits;
  readonly #protocol: LogProtocol<T>;
  readonly #codec: LogCodec<T>;
  readonly #log: ReplicatedLog<T>;
  readonly #state: GroupState;
  readonly #clock: LogClock;

  /** Of the step under way. */
  #inputs: Input<T>[] = [];
  #outcomes: Outcome[] = [];
  #events: ReplicaEvent[] = [];
  #again = false;
  /** Commands that this step proposes. */
  #queue: QueuedCommand[] = [];
  #queueBytes = 0;

  /** Proposed and not decided, in log order. */
  #pending: PendingEntry[] = [];
  #pendingBytes = 0;
  #pendingCommands = 0;
  /** Reads that the log has not found a position for. */
  #readsAsked = 0;
  /** Reads whose position is known and not applied yet, in order of it. */
  #readsToServe: { readonly index: number; readonly ticket: number }[] = [];
  /** Of the log's own proposals. */
  #lastProposal = 0;

  constructor(protocol: LogProtocol<T>, seat: ReplicaSeat) {
    const { group, self, members, settings } = seat;
    this.#seat = seat;
    this.#limits = settings.limits;
    this.#protocol = protocol;
    this.#codec = protocol.codec;
    this.#state = new GroupState(group, seat.stateStorage, seat.createMachine(group, seat.stateStorage), settings);
    const recovered = recoverLog(protocol, seat, this.#state);
    const limits = { ...settings.limits, ...settings.timings };
    this.#log = protocol.create({ self, members, limits, recovered });
    this.#clock = new LogClock(settings.timings, seat.nowMs);
    // The node may have stopped after it installed a state and before the log noted that.
    if (this.#state.installedProof !== undefined) mark('installed-record-at-start');
    this.#noteInstalledState();
  }

  // ---- what the node sees ----

  get serves(): boolean {
    return this.#log.leading;
  }

  get leader(): NodeId {
    return this.#log.seesLeader ? this.#log.term.node : 0;
  }

  get healthy(): boolean {
    return this.leader !== 0;
  }

  get term(): Term {
    return this.#log.term;
  }

  heartbeat(): Uint8Array {
    return encodeOpaque((writer) => this.#codec.writeHeartbeat(writer, this.#log.heartbeat()));
  }

  describe(): LogFields {
    return {
      leader: this.leader,
      ballot: this.#log.term.number,
      leading: this.serves,
      decidedIndex: this.#log.decidedIndex,
      appliedIndex: this.#state.applied.index,
      logLength: this.#log.logLength,
      compactedIndex: this.#log.compactedIndex,
      sessions: this.#state.sessions.size,
    };
  }

  get applied(): AppliedState {
    return this;
  }

  get log(): LogView {
    return this;
  }

  // ---- the log, for checks from outside ----

  get decidedIndex(): number {
    return this.#log.decidedIndex;
  }

  get compactedIndex(): number {
    return this.#log.compactedIndex;
  }

  get logLength(): number {
    return this.#log.logLength;
  }

  entries(from: number, to: number): ReturnType<LogView['entries']> {
    return this.#log.entries(from, to);
  }

  // ---- the applied state, for flushes and transfers ----

  get hasUnflushed(): boolean {
    return this.#state.hasUnflushed;
  }

  get durableIndex(): number {
    return this.#state.durableIndex;
  }

  startFlush(): ReturnType<AppliedState['startFlush']> {
    return this.#state.startFlush();
  }

  snapshotProof(): Uint8Array {
    return encodeOpaque((writer) => this.#codec.writeProof(writer, this.#log.snapshotProof()));
  }

  checkSnapshotRecord(record: StateRecord): void {
    this.#state.checkSnapshotRecord(record);
  }

  query(query: Query): Answer {
    return this.#state.query(query);
  }

  beginReplacement(index: number, proof: Uint8Array): boolean {
    if (this.#log.decidedIndex >= index || !this.#isPlausible(proof)) return false;
    this.#state.beginReplacement();
    return true;
  }

  #isPlausible(proof: Uint8Array): boolean {
    try {
      return this.#log.isPlausible(decodeAll(proof, (reader) => this.#codec.readProof(reader)));
    } catch (error) {
      if (error instanceof DecodeError) return false;
      throw error;
    }
  }

  // ---- a step ----

  step(inputs: readonly ReplicaInput[], nowMs: number): ReplicaEffects {
    this.#clock.onTurn(nowMs);
    for (const input of inputs) this.#take(input);
    const proposed = this.#proposeQueue(nowMs);
    const effects = this.#log.step(this.#inputs);
    this.#inputs = [];
    // What it appends without having proposed anything came from another member.
    if (effects.persist?.append !== undefined && proposed.size === 0) this.#clock.onReceived(nowMs);
    this.#clock.onTurnEnd(this.#log.hasQuorum);
    this.#notePending(effects, proposed);
    for (const event of effects.events) {
      // Before anything is applied: what was decided in this step may stand where a proposal of this replica stood.
      if (event.type === 'stepped-down') this.#giveUpPending('leadership moved');
      if (event.type === 'quorum-lost') this.#giveUpPending('the leader lost touch with the majority');
      this.#events.push(event);
    }
    this.#apply();
    this.#answerReads(effects);
    if (this.#state.installedProof !== undefined && this.#log.applicableIndex >= this.#state.applied.index) {
      this.#state.noteInstalled();
    }
    return this.#takeEffects(effects);
  }

  #take(input: ReplicaInput): void {
    switch (input.type) {
      case 'request':
        if (input.request.type === 'read') this.#takeRead(input.ticket);
        else this.#takeWrite(input.ticket, input.request);
        return;
      case 'message':
        this.#takeMessage(input.from, input.body);
        return;
      case 'persisted':
        this.#inputs.push({ type: 'persisted', receipt: input.receipt });
        return;
      case 'heartbeat-round': {
        const replies = new Map<NodeId, T['heartbeat']>();
        for (const [from, body] of input.answers) {
          this.#decode(from, () => replies.set(from, this.#readHeartbeat(body)));
        }
        this.#inputs.push({ type: 'heartbeat-round', replies, stalled: input.stalled });
        return;
      }
      case 'heartbeat-news':
        this.#decode(input.from, () => {
          const heartbeat = this.#readHeartbeat(input.body);
          this.#inputs.push({ type: 'heartbeat-news', from: input.from, heartbeat });
        });
        return;
      case 'flushed':
        this.#compact(input.retainFrom);
        return;
      case 'snapshot-installed':
        this.#state.reload();
        this.#noteInstalledState();
        return;
    }
  }

  #takeMessage(from: NodeId, body: Uint8Array): void {
    this.#decode(from, () => {
      this.#inputs.push({ type: 'message', from, message: decodeAll(body, this.#codec.readMessage) });
    });
  }

  #readHeartbeat(body: Uint8Array): T['heartbeat'] {
    return decodeAll(body, this.#codec.readHeartbeat);
  }

  /** What does not decode is dropped, and told. */
  #decode(from: NodeId, act: () => void): void {
    try {
      act();
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#events.push({ type: 'bad-message', from, reason: error.message });
    }
  }

  #takeRead(ticket: number): void {
    const { group } = this.#seat;
    if (this.#readsAsked + this.#readsToServe.length >= this.#limits.pendingReadsPerGroupMax) {
      mark('busy');
      this.#reply(ticket, refusal('busy', `group ${group} has its limit of unanswered reads; try again`));
      return;
    }
    this.#readsAsked += 1;
    this.#inputs.push({ type: 'read', ticket });
  }

  #takeWrite(ticket: number, request: WriteRequest): void {
    const { group } = this.#seat;
    const bytes = loggedBytes(request);
    const commands = this.#pendingCommands + this.#queue.length;
    if (
      this.#pendingBytes + this.#queueBytes + bytes > this.#limits.pendingBytesPerGroupMax ||
      commands >= this.#limits.pendingCommandsPerGroupMax ||
      this.#state.machine.unflushedBytes > this.#limits.unflushedBytesMax
    ) {
      mark('busy');
      this.#reply(ticket, refusal('busy', `group ${group} has its limit of undecided commands; try again`));
      return;
    }
    this.#queue.push({ ticket, command: request });
    this.#queueBytes += bytes;
  }

  /** Tells the log of a state that came from another replica, after the installation or after a restart. */
  #noteInstalledState(): void {
    const bytes = this.#state.installedProof;
    if (bytes === undefined) return;
    const proof = decodeAll(bytes, (reader) => this.#codec.readProof(reader));
    this.#inputs.push({ type: 'snapshot-installed', index: this.#state.applied.index, proof });
  }

  /** The applied state is on disk: the log keeps a tail for slow followers and forgets the rest. */
  #compact(retainFrom: number): void {
    const { retainedEntriesMax, retainedBytesMax, retainedForSnapshotBytesMax } = this.#limits;
    // Also what a replica needs that is fetching a snapshot: it would find the log gone again when it has it.
    const keep = this.#log.logBytes > retainedForSnapshotBytesMax ? Infinity : retainFrom;
    const durableIndex = Math.min(this.#state.durableIndex, keep);
    let index = this.#log.compactedIndex;
    let bytes = this.#log.logBytes;
    // Twice the tail before anything is forgotten, so that it happens seldom.
    if (durableIndex - index <= 2 * retainedEntriesMax && bytes <= 2 * retainedBytesMax) return;
    for (const entry of this.#log.entries(index, Math.min(durableIndex, this.#log.logLength))) {
      if (durableIndex - index <= retainedEntriesMax && bytes <= retainedBytesMax) break;
      bytes -= entryBytes(entry);
      index += 1;
    }
    this.#inputs.push({ type: 'compact', index });
  }

  /** Encodes the queued commands as few entries; returns the tickets of each by the proposal's own. */
  #proposeQueue(nowMs: number): ReadonlyMap<number, Omit<PendingEntry, 'index'>> {
    if (this.#queue.length === 0) return nothingProposed;
    const proposed = new Map<number, Omit<PendingEntry, 'index'>>();
    // All that passed belongs to the first of them.
    let elapsed: Elapsed = this.#clock.take(nowMs);
    for (let next = 0; next < this.#queue.length;) {
      const body = new Writer();
      const tickets: number[] = [];
      while (next < this.#queue.length && tickets.length < this.#limits.entryCommandsMax) {
        const { command, ticket } = this.#queue[next] as QueuedCommand;
        if (tickets.length > 0 && body.length + loggedBytes(command) > this.#limits.entryBytesMax) break;
        writeLoggedCommand(body, command);
        tickets.push(ticket);
        next += 1;
      }
      const payload = assembleBatch(elapsed, tickets.length, body.finish());
      elapsed = noTime;
      this.#lastProposal += 1;
      proposed.set(this.#lastProposal, { bytes: payload.length, tickets });
      this.#inputs.push({ type: 'propose', ticket: this.#lastProposal, entry: { kind: 'command', payload } });
    }
    this.#queue = [];
    this.#queueBytes = 0;
    return proposed;
  }

  #notePending(effects: Effects<T>, proposed: ReadonlyMap<number, Omit<PendingEntry, 'index'>>): void {
    for (const outcome of effects.proposals) {
      const entry = proposed.get(outcome.ticket);
      if (entry === undefined) continue;
      if ('refusal' in outcome) {
        const refused = this.#refuse(outcome.refusal);
        for (const ticket of entry.tickets) this.#reply(ticket, refused);
        continue;
      }
      this.#pending.push({ ...entry, index: outcome.index });
      this.#pendingBytes += entry.bytes;
      this.#pendingCommands += entry.tickets.length;
    }
  }

  /** Clients need not wait: another node may lead soon, and with a session a retry is safe. */
  #giveUpPending(why: string): void {
    const unknown = refusal('outcome-unknown', `group ${this.#seat.group}: ${why} while the command was under way`);
    if (this.#pending.length > 0) mark('pending-given-up');
    for (const entry of this.#pending) for (const ticket of entry.tickets) this.#reply(ticket, unknown);
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#pendingCommands = 0;
  }

  #apply(): void {
    const from = this.#state.applied.index;
    const to = this.#log.applicableIndex;
    if (from >= to) return;
    let answered = 0;
    for (const [offset, entry] of this.#log.entries(from, to).entries()) {
      const index = from + offset;
      // The state ends where the configuration does: a snapshot never covers the stop-sign.
      if (entry.kind === 'stop-sign') break;
      const replies = this.#state.apply(index, entry.payload);
      const pending = this.#pending[answered];
      if (pending?.index !== index) continue;
      answered += 1;
      this.#pendingBytes -= pending.bytes;
      this.#pendingCommands -= pending.tickets.length;
      const served = this.#served();
      for (const [place, ticket] of pending.tickets.entries()) {
        const reply = replies[place];
        if (reply === undefined) throw new Error(`entry ${index} of group ${this.#seat.group} lacks a reply`);
        this.#reply(ticket, groupReply(reply, served));
      }
    }
    this.#pending.splice(0, answered);
    this.#events.push({ type: 'applied' });
  }

  #answerReads(effects: Effects<T>): void {
    for (const outcome of effects.reads) {
      this.#readsAsked -= 1;
      if ('refusal' in outcome) this.#reply(outcome.ticket, this.#refuse(outcome.refusal));
      else this.#readsToServe.push(outcome);
    }
    if (this.#readsToServe.length === 0) return;
    const applied = this.#state.applied.index;
    const served = this.#served();
    let taken = 0;
    let bytes = 0;
    for (const { index, ticket } of this.#readsToServe) {
      if (index > applied) break;
      if (bytes > this.#limits.readBytesPerTurnMax) {
        this.#again = true;
        break;
      }
      taken += 1;
      const request = this.#seat.awaited(ticket);
      if (request?.type !== 'read') continue;
      const { type, found } = this.#state.query(request.query);
      bytes += found?.value.length ?? 0;
      this.#reply(ticket, { type, found, served });
    }
    this.#readsToServe = this.#readsToServe.slice(taken);
  }

  #served(): Served {
    return { node: this.#seat.self, ballot: this.#log.term.number, index: this.#state.applied.index };
  }

  #refuse(reason: 'not-leader' | 'no-quorum' | 'stopped'): GroupReply {
    const { group, self } = this.#seat;
    switch (reason) {
      case 'not-leader':
        return notLeader(group, this.leader === self ? 0 : this.leader);
      case 'no-quorum':
        return refusal('unavailable', `the leader of group ${group} cannot reach a majority of its members`);
      case 'stopped':
        return refusal('unavailable', `the configuration of group ${group} has ended`);
    }
  }

  #reply(ticket: number, reply: GroupReply): void {
    this.#outcomes.push({ ticket, reply });
  }

  #takeEffects(effects: Effects<T>): ReplicaEffects {
    const outcomes = this.#outcomes;
    const events = this.#events;
    const again = this.#again;
    this.#outcomes = [];
    this.#events = [];
    this.#again = false;
    const persist = effects.persist && { write: this.#logWrite(effects.persist), receipt: effects.persist.receipt };
    return { persist, send: effects.send, sendAfterPersist: effects.sendAfterPersist, outcomes, events, again };
  }

  writeMessage(writer: Writer, message: unknown): void {
    this.#codec.writeMessage(writer, message);
  }

  #logWrite({ hardState, compactedIndex, append }: NonNullable<Effects<T>['persist']>): LogWrite {
    const encoded = hardState === undefined ? undefined : writeHardState(this.#protocol, hardState);
    return { group: this.#seat.group, hardState: encoded, compactedIndex, append };
  }
}

const nothingProposed = new Map<number, never>();
const noTime: Elapsed = { elapsedMs: 0, outageMs: 0 };

function groupReply(reply: AppliedReply, served: Served): GroupReply {
  if (reply.type === 'refused') return refusal(reply.code, reply.message);
  if (reply.type === 'result' && reply.result.type === 'failed') {
    return refusal(reply.result.code, failureText(reply.result.code));
  }
  return reply.type === 'session'
    ? { type: 'session', session: reply.session, served }
    : { type: 'result', result: reply.result, served };
}
