/**
 * One replica of one group: stages 4 (propose), 7 (apply) and 8 (reply) of the data path, around the replicated log.
 *
 * State: requests of this turn, proposals by log position, reads that wait for their position. Invariants: a proposal is
 * answered once, with its result if this replica led without interruption until it was decided, else with
 * `outcome-unknown`; entries are applied in order, once, and never before they are decided.
 */
import type { GroupId, GroupReply, GroupRequest, LogFields, NodeId, Served } from '@kvorum/common';
import { limits, mark, Writer } from '@kvorum/common';
import type {
  Ballot,
  Effects,
  Entry,
  GroupHeartbeat,
  Input,
  LogEvent,
  Message,
  PersistReceipt,
  ReplicatedLog,
} from '@kvorum/consensus';
import { entryBytes } from '@kvorum/consensus';
import type { LoggedCommand } from '../state/batch.ts';
import { assembleBatch, writeLoggedCommand } from '../state/batch.ts';
import type { GroupState } from '../state/group-state.ts';
import { applyBatch } from '../state/key-value/key-value-machine.ts';

/** Takes the one reply of a request. */
export interface Waiter {
  reply(reply: GroupReply): void;
  /** Whether nobody would take the reply any more. */
  readonly isAbandoned?: () => boolean;
}

/** What a replica asks of its node. */
export interface ReplicaHost {
  readonly self: NodeId;
  wallMs(): number;
  /** From which log position on the entries are to be kept for a snapshot under way; Infinity for none. */
  retainFrom(group: GroupId): number;
  /** The replica has something to do at the end of this turn. */
  wake(group: GroupId): void;
  onEvent(group: GroupId, event: LogEvent): void;
  /** Entries were applied in this turn. */
  onApplied(group: GroupId): void;
}

interface PendingWrite {
  readonly command: LoggedCommand;
  readonly waiter: Waiter;
}

interface PendingEntry {
  readonly index: number;
  readonly bytes: number;
  readonly waiters: readonly Waiter[];
}

interface PendingRead {
  readonly key: Uint8Array;
  readonly waiter: Waiter;
}

const nothingProposed = new Map<number, never>();

/** The seam that other replication protocols will stand behind: requests and messages in, effects out. */
export class GroupReplica {
  readonly group: GroupId;
  readonly members: readonly NodeId[];
  readonly state: GroupState;
  readonly #log: ReplicatedLog;
  readonly #host: ReplicaHost;

  #inputs: Input[] = [];
  /** Commands that the next turn proposes. */
  #queue: PendingWrite[] = [];
  #queueBytes = 0;
  /** Proposed and not decided, in log order. */
  #pending: PendingEntry[] = [];
  #pendingBytes = 0;
  #pendingCommands = 0;
  readonly #reads = new Map<number, PendingRead>();
  /** Reads whose position is known and not applied yet, in order of it. */
  #readsToServe: { readonly index: number; readonly read: PendingRead }[] = [];
  #lastTicket = 0;

  constructor(group: GroupId, members: readonly NodeId[], log: ReplicatedLog, state: GroupState, host: ReplicaHost) {
    this.group = group;
    this.members = members;
    this.#log = log;
    this.state = state;
    this.#host = host;
  }

  get leading(): boolean {
    return this.#log.leading;
  }

  /** The leader this replica sees at work, itself included; 0 for none. */
  get leader(): NodeId {
    const { leader } = this.#log;
    return leader.number === 0 || !this.#log.heartbeat().happy ? 0 : leader.node;
  }

  get compactedIndex(): number {
    return this.#log.compactedIndex;
  }

  /** The ballot of the leader this replica knows. */
  get ballot(): Ballot {
    return this.#log.leader;
  }

  get promisedBallot(): Ballot {
    return this.#log.promisedBallot;
  }

  get decidedIndex(): number {
    return this.#log.decidedIndex;
  }

  get logLength(): number {
    return this.#log.logLength;
  }

  /** Of the log, from one position to before another. */
  entries(from: number, to: number): readonly Entry[] {
    return this.#log.entries(from, to);
  }

  heartbeat(): GroupHeartbeat {
    return this.#log.heartbeat();
  }

  /** For people. */
  describe(): LogFields {
    return {
      leader: this.leader,
      ballot: this.#log.leader.number,
      leading: this.leading,
      decidedIndex: this.#log.decidedIndex,
      appliedIndex: this.state.applied.index,
      logLength: this.#log.logLength,
      compactedIndex: this.#log.compactedIndex,
      sessions: this.state.sessions.size,
    };
  }

  /** Only while it leads; what it refuses it answers at once. */
  submit(request: GroupRequest, waiter: Waiter): void {
    if (request.type === 'read') {
      if (this.#reads.size + this.#readsToServe.length >= limits.pendingReadsPerGroupMax) {
        mark('busy');
        waiter.reply(refusal('busy', `group ${this.group} has its limit of unanswered reads; try again`));
        return;
      }
      this.#lastTicket += 1;
      this.#reads.set(this.#lastTicket, { key: request.key, waiter });
      this.#input({ type: 'read', ticket: this.#lastTicket });
      return;
    }
    const bytes = requestBytes(request);
    const commands = this.#pendingCommands + this.#queue.length;
    if (
      this.#pendingBytes + this.#queueBytes + bytes > limits.pendingBytesPerGroupMax ||
      commands >= limits.pendingCommandsPerGroupMax ||
      this.state.unflushedBytes > limits.unflushedBytesMax
    ) {
      mark('busy');
      waiter.reply(refusal('busy', `group ${this.group} has its limit of undecided commands; try again`));
      return;
    }
    this.#queue.push({ command: request, waiter });
    this.#queueBytes += bytes;
    this.#host.wake(this.group);
  }

  onMessage(from: NodeId, message: Message): void {
    this.#input({ type: 'message', from, message });
  }

  onPersisted(receipt: PersistReceipt): void {
    this.#input({ type: 'persisted', receipt });
  }

  onRound(replies: ReadonlyMap<NodeId, GroupHeartbeat>, stalled: boolean): void {
    this.#input({ type: 'round', replies, stalled });
  }

  onNews(heartbeat: GroupHeartbeat): void {
    this.#input({ type: 'news', heartbeat });
  }

  /** Whether a fetched state with at least `index` entries applied is of use; then nothing more is written to this one. */
  beginReplacement(index: number): boolean {
    if (this.#log.decidedIndex >= index) return false;
    this.state.beginReplacement();
    return true;
  }

  /** The storage holds a newer state: go on from there. */
  onSnapshotInstalled(): void {
    this.state.reload();
    this.noteInstalledState();
  }

  /** Tells the log of a state that came from another replica, after the installation or after a restart. */
  noteInstalledState(): void {
    const ballot = this.state.installedIn;
    if (ballot === undefined) return;
    this.#input({ type: 'snapshot-installed', index: this.state.applied.index, ballot });
  }

  /** The applied state is on disk: the log keeps a tail for slow followers and forgets the rest. */
  onFlushed(): void {
    // Also what a replica needs that is fetching a snapshot: it would find the log gone again when it has it.
    const keep = this.#log.logBytes > limits.retainedForSnapshotBytesMax ? Infinity : this.#host.retainFrom(this.group);
    const durableIndex = Math.min(this.state.durableIndex, keep);
    let index = this.#log.compactedIndex;
    let bytes = this.#log.logBytes;
    // Twice the tail before anything is forgotten, so that it happens seldom.
    if (durableIndex - index <= 2 * limits.retainedEntriesMax && bytes <= 2 * limits.retainedBytesMax) return;
    for (const entry of this.#log.entries(index, Math.min(durableIndex, this.#log.logLength))) {
      if (durableIndex - index <= limits.retainedEntriesMax && bytes <= limits.retainedBytesMax) break;
      bytes -= entryBytes(entry);
      index += 1;
    }
    this.#input({ type: 'compact', index });
  }

  /** Ends a turn: one step of the log with all that came in, then applies and answers. */
  turn(): Effects {
    const waiters = this.#proposeQueue();
    const inputs = this.#inputs;
    this.#inputs = [];
    const effects = this.#log.step(inputs);
    this.#notePending(effects, waiters);
    for (const event of effects.events) {
      // Before anything is applied: what was decided in this step may stand where a proposal of this replica stood.
      if (event.type === 'stepped-down') this.#giveUpPending('leadership moved');
      if (event.type === 'quorum-lost') this.#giveUpPending('the leader lost touch with the majority');
      this.#host.onEvent(this.group, event);
    }
    this.#apply();
    this.#answerReads(effects);
    if (this.state.installedIn !== undefined && this.#log.applicableIndex >= this.state.applied.index) {
      this.state.noteInstalled();
    }
    return effects;
  }

  #input(input: Input): void {
    this.#inputs.push(input);
    this.#host.wake(this.group);
  }

  /** Encodes the queued commands as few entries; returns the waiters of each by its ticket. */
  #proposeQueue(): ReadonlyMap<number, Omit<PendingEntry, 'index'>> {
    if (this.#queue.length === 0) return nothingProposed;
    const proposed = new Map<number, Omit<PendingEntry, 'index'>>();
    const timeMs = Math.max(0, Math.floor(this.#host.wallMs()));
    for (let next = 0; next < this.#queue.length;) {
      const body = new Writer();
      const waiters: Waiter[] = [];
      while (
        next < this.#queue.length &&
        waiters.length < limits.entryCommandsMax &&
        body.length < limits.valueBytesMax
      ) {
        const { command, waiter } = this.#queue[next] as PendingWrite;
        if (waiters.length > 0 && body.length + commandBytes(command) > limits.entryBytesMax) break;
        writeLoggedCommand(body, command);
        waiters.push(waiter);
        next += 1;
      }
      const payload = assembleBatch(timeMs, waiters.length, body.finish());
      this.#lastTicket += 1;
      proposed.set(this.#lastTicket, { bytes: payload.length, waiters });
      this.#inputs.push({ type: 'propose', ticket: this.#lastTicket, entry: { kind: 'command', payload } });
    }
    this.#queue = [];
    this.#queueBytes = 0;
    return proposed;
  }

  #notePending(effects: Effects, proposed: ReadonlyMap<number, Omit<PendingEntry, 'index'>>): void {
    for (const outcome of effects.proposals) {
      const entry = proposed.get(outcome.ticket);
      if (entry === undefined) continue;
      if ('refusal' in outcome) {
        for (const waiter of entry.waiters) waiter.reply(this.#refuse(outcome.refusal));
        continue;
      }
      this.#pending.push({ ...entry, index: outcome.index });
      this.#pendingBytes += entry.bytes;
      this.#pendingCommands += entry.waiters.length;
    }
  }

  /** Clients need not wait: another node may lead soon, and with a session a retry is safe. */
  #giveUpPending(why: string): void {
    const unknown = refusal('outcome-unknown', `group ${this.group}: ${why} while the command was under way`);
    if (this.#pending.length > 0) mark('pending-given-up');
    for (const entry of this.#pending) for (const waiter of entry.waiters) waiter.reply(unknown);
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#pendingCommands = 0;
  }

  #apply(): void {
    const from = this.state.applied.index;
    const to = this.#log.applicableIndex;
    if (from >= to) return;
    let answered = 0;
    for (const [offset, entry] of this.#log.entries(from, to).entries()) {
      const index = from + offset;
      // The state ends where the configuration does: a snapshot never covers the stop-sign.
      if (entry.kind === 'stop-sign') break;
      const replies = applyBatch(this.state, index, entry.payload);
      const pending = this.#pending[answered];
      if (pending?.index !== index) continue;
      answered += 1;
      this.#pendingBytes -= pending.bytes;
      this.#pendingCommands -= pending.waiters.length;
      const served = this.#served();
      for (const [place, waiter] of pending.waiters.entries()) {
        const reply = replies[place];
        if (reply === undefined) throw new Error(`entry ${index} of group ${this.group} lacks a reply`);
        waiter.reply(reply.type === 'refused' ? refusal(reply.code, reply.message) : { ...reply, served });
      }
    }
    this.#pending.splice(0, answered);
    this.#host.onApplied(this.group);
  }

  #answerReads(effects: Effects): void {
    for (const outcome of effects.reads) {
      const read = this.#reads.get(outcome.ticket);
      if (read === undefined) continue;
      this.#reads.delete(outcome.ticket);
      if ('refusal' in outcome) read.waiter.reply(this.#refuse(outcome.refusal));
      else this.#readsToServe.push({ index: outcome.index, read });
    }
    const applied = this.state.applied.index;
    let taken = 0;
    let bytes = 0;
    for (const { index, read } of this.#readsToServe) {
      if (index > applied) break;
      if (bytes > limits.readBytesPerTurnMax) {
        this.#host.wake(this.group);
        break;
      }
      taken += 1;
      if (read.waiter.isAbandoned?.() === true) continue;
      const found = this.state.get(read.key);
      bytes += found?.value.length ?? 0;
      read.waiter.reply({ type: 'value', found, served: this.#served() });
    }
    this.#readsToServe.splice(0, taken);
  }

  #served(): Served {
    return { node: this.#host.self, ballot: this.#log.leader.number, index: this.state.applied.index };
  }

  #refuse(reason: 'not-leader' | 'no-quorum' | 'stopped'): GroupReply {
    switch (reason) {
      case 'not-leader':
        return notLeader(this.group, this.leader === this.#host.self ? 0 : this.leader);
      case 'no-quorum':
        return refusal('unavailable', `the leader of group ${this.group} cannot reach a majority of its members`);
      case 'stopped':
        return refusal('unavailable', `the configuration of group ${this.group} has ended`);
    }
  }
}

export function refusal(code: Extract<GroupReply, { type: 'refused' }>['code'], message: string): GroupReply {
  return { type: 'refused', code, message, leader: 0, epoch: 0 };
}

/** `leader` is 0 when it is not known. */
export function notLeader(group: GroupId, leader: NodeId): GroupReply {
  const hint = leader === 0 ? 'no leader is known yet' : `node ${leader} may lead it`;
  return {
    type: 'refused',
    code: 'not-leader',
    message: `not the leader of group ${group}; ${hint}`,
    leader,
    epoch: 0,
  };
}

/** Ticket-free estimates: payload and a flat charge for the rest. */
function requestBytes(request: Exclude<GroupRequest, { type: 'read' }>): number {
  return request.type === 'open-session' ? 16 : commandBytes(request);
}

function commandBytes(logged: LoggedCommand): number {
  if (logged.type === 'open-session') return 1;
  const { command } = logged;
  switch (command.type) {
    case 'put':
      return 40 + command.key.length + command.value.length;
    case 'cas':
      return 40 + command.key.length + (command.expected?.length ?? 0) + command.next.length;
    case 'cas-version':
      return 40 + command.key.length + command.next.length;
    case 'delete':
      return 40 + command.key.length;
  }
}
