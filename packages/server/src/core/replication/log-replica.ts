/**
 * A replica of a group whose protocol is a replicated log: stage 5 of the data path. Proposes, applies and answers, between
 * the seam of all protocols and the `ReplicatedLog` below it.
 *
 * State: requests of this turn, proposals by log position, reads that wait for their position. Invariants: a proposal is
 * answered once, with its result if this replica led without interruption until it was decided, else with
 * `outcome-unknown`; entries are applied in order, once, and never before they are decided.
 */
import type {
  Answer,
  GroupReply,
  GroupRequest,
  Limits,
  LogFields,
  NodeId,
  Query,
  Served,
  Writer,
} from '@kvorum/common';
import { decodeAll, DecodeError, failureText, operationTypes } from '@kvorum/common';
import type { Effects, Input, LogCodec, LogTypes, ReplicatedLog, Term } from '@kvorum/consensus';
import { entryBytes, invariant } from '@kvorum/consensus';
import { mark } from '../marks.ts';
import { notLeader, refusal } from '../replies.ts';
import type { AppliedReply } from '../state/group-state.ts';
import { GroupState } from '../state/group-state.ts';
import type { LogWrite, StateRecord } from '../storage/storage-ports.ts';
import { LogClock } from './log-clock.ts';
import type { LogProtocol } from './log-protocol.ts';
import { encodeOpaque, recoverLog, writeHardState } from './log-protocol.ts';
import { Proposals } from './proposals.ts';
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

  readonly #proposals: Proposals;
  /** Reads that the log has not found a position for. */
  #readsAsked = 0;
  /** Reads whose position is known and not applied yet, in order of it. */
  #readsToServe: { readonly index: number; readonly ticket: number }[] = [];

  constructor(protocol: LogProtocol<T>, seat: ReplicaSeat) {
    const { group, self, members, settings } = seat;
    this.#seat = seat;
    this.#limits = settings.limits;
    this.#proposals = new Proposals(settings.limits);
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

  get flushIsUrgent(): boolean {
    return this.hasUnflushed && this.#state.machine.unflushedBytes > this.#limits.unflushedBytesMax / 2;
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
    const proposals = this.#proposals.propose(this.#clock, nowMs);
    for (const { ticket, payload } of proposals) {
      this.#inputs.push({ type: 'propose', ticket, entry: { kind: 'command', payload } });
    }
    const effects = this.#log.step(this.#inputs);
    this.#inputs = [];
    // What it appends without having proposed anything came from another member.
    if (effects.persist?.append !== undefined && proposals.length === 0) this.#clock.onReceived(nowMs);
    this.#clock.onTurnEnd(this.#log.hasQuorum);
    this.#noteProposals(effects);
    for (const event of effects.events) {
      // Before anything is applied: what was decided in this step may stand where a proposal of this replica stood.
      if (event.type === 'stepped-down') this.#giveUpPending('leadership moved');
      if (event.type === 'quorum-lost') this.#giveUpPending('the leader lost touch with the majority');
      this.#events.push(event);
    }
    invariant(this.#state.applied.index <= this.#log.decidedIndex, 'a state is not ahead of its log');
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
    const hasRoom = this.#state.machine.unflushedBytes <= this.#limits.unflushedBytesMax;
    if (hasRoom && this.#proposals.take(ticket, request)) return;
    mark('busy');
    const what = hasRoom ? 'undecided commands' : 'changes that are not on disk';
    this.#reply(ticket, refusal('busy', `group ${group} has its limit of ${what}; try again`));
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

  #noteProposals(effects: Effects<T>): void {
    for (const outcome of effects.proposals) {
      if ('index' in outcome) this.#proposals.ordered(outcome.ticket, outcome.index);
      else this.#replyAll(this.#proposals.refused(outcome.ticket), this.#refuse(outcome.refusal));
    }
  }

  /** Clients need not wait: another node may lead soon, and with a session a retry is safe. */
  #giveUpPending(why: string): void {
    const unknown = refusal('outcome-unknown', `group ${this.#seat.group}: ${why} while the command was under way`);
    const tickets = this.#proposals.giveUp();
    if (tickets.length > 0) mark('pending-given-up');
    this.#replyAll(tickets, unknown);
  }

  #apply(): void {
    const from = this.#state.applied.index;
    const to = this.#log.applicableIndex;
    if (from >= to) return;
    for (const [offset, entry] of this.#log.entries(from, to).entries()) {
      const index = from + offset;
      // The state ends where the configuration does: a snapshot never covers the stop-sign.
      if (entry.kind === 'stop-sign') break;
      const replies = this.#state.apply(index, entry.payload);
      const tickets = this.#proposals.decided(index);
      if (tickets.length === 0) continue;
      const served = this.#served();
      for (const [place, ticket] of tickets.entries()) {
        const reply = replies[place];
        if (reply === undefined) throw new Error(`entry ${index} of group ${this.#seat.group} lacks a reply`);
        this.#reply(ticket, groupReply(reply, served));
      }
    }
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

  #replyAll(tickets: readonly number[], reply: GroupReply): void {
    for (const ticket of tickets) this.#reply(ticket, reply);
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

function groupReply(reply: AppliedReply, served: Served): GroupReply {
  if (reply.type === 'refused') return refusal(reply.code, reply.message);
  if (reply.type === 'result' && reply.result.type === 'failed') {
    return refusal(reply.result.code, failureText(reply.result.code));
  }
  return reply.type === 'session'
    ? { type: 'session', session: reply.session, served }
    : { type: 'result', result: reply.result, served };
}
