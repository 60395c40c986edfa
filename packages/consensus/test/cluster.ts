/**
 * Replicas of one group in memory, with every source of disorder in the test's hands: messages wait in a queue, writes
 * wait until the test completes them, heartbeat rounds happen when the test says so.
 *
 * After each step it checks what must hold in every run: decided prefixes agree and never change or shrink, what is
 * decided is on the disks of a majority, acknowledged entries are decided where they were promised to be, a read never
 * sees less than was decided when it was asked, nothing queued is mutated.
 */
import type { NodeId } from '@kvorum/common';
import { encodeUtf8 } from '@kvorum/common';
import { compareBallots, ZERO_BALLOT } from '../src/sequence-paxos/ballot.ts';
import type { Entry } from '../src/entry.ts';
import type { LogEvent, Outgoing, Persist, ProposalOutcome, ReadOutcome } from '../src/replicated-log.ts';
import type { Message } from '../src/sequence-paxos/messages.ts';
import type { LogLimits } from '../src/sequence-paxos/role.ts';
import { SequencePaxos } from '../src/sequence-paxos/sequence-paxos.ts';
import type {
  GroupHeartbeat,
  SequencePaxosEffects,
  SequencePaxosInput,
  SequencePaxosTypes,
} from '../src/sequence-paxos/types.ts';
import { Chosen } from './chosen.ts';
import { Disk } from './disk.ts';
import { defaultLogLimits } from '../src/sequence-paxos/role.ts';
import type { Packet, Where } from './packet.ts';
import { isPart, linkOf, matches, pack, unpack } from './packet.ts';
import { entryText, messageText } from './transcript.ts';

interface Member {
  readonly id: NodeId;
  readonly disk: Disk;
  /** Undefined while it is down. */
  replica: SequencePaxos | undefined;
  /** Writes that are not on disk yet, each with the messages that wait for it. */
  pending: {
    readonly persist: Persist<SequencePaxosTypes> | undefined;
    readonly sends: readonly Outgoing<Message>[];
  }[];
  /** decidedIndex after the last step of this incarnation. */
  decided: number;
  /** Positions promised to proposals that are not decided yet, while it leads without interruption. */
  proposed: { readonly index: number; readonly entry: Entry }[];
  /** The last snapshot-needed event. */
  needed: Extract<LogEvent, { type: 'snapshot-needed' }> | undefined;
  /** Reads that are not answered yet, with what was decided anywhere when they were asked. */
  readonly reading: Map<number, number>;
}

export interface ClusterOptions {
  /** Complete each write at once (the default). */
  readonly autoPersist?: boolean;
  /** Instead of those of production. */
  readonly limits?: Partial<LogLimits>;
  /** Keep transcripts and outcomes; off in long random runs. */
  readonly record?: boolean;
  /** Snapshot installation is up to the test; true: `deliverAll` installs what is asked for. */
  readonly autoSnapshot?: boolean;
}

export function command(text: string): Entry {
  return { kind: 'command', payload: encodeUtf8(text) };
}

export function stopSign(text: string): Entry {
  return { kind: 'stop-sign', payload: encodeUtf8(text) };
}

export class Cluster {
  readonly ids: readonly NodeId[];
  /** Messages under way, oldest first. */
  packets: Packet[] = [];
  /** Every message sent, as a line. */
  trace: string[] = [];
  /** Every event, as "n1 leading". */
  events: string[] = [];
  readonly outcomes: (ProposalOutcome | ReadOutcome)[] = [];
  readonly chosen: Chosen;
  acknowledged = 0;
  readsServed = 0;
  /** How often each kind of message, event and rare branch happened. */
  readonly counts = new Map<string, number>();
  autoPersist: boolean;
  autoSnapshot: boolean;
  readonly #limits: LogLimits;
  readonly #record: boolean;
  readonly #members = new Map<NodeId, Member>();
  readonly #cuts = new Set<string>();
  #ticket = 0;

  constructor(ids: readonly NodeId[], options: ClusterOptions = {}) {
    this.ids = ids;
    this.autoPersist = options.autoPersist ?? true;
    this.autoSnapshot = options.autoSnapshot ?? false;
    this.#limits = { ...defaultLogLimits, ...options.limits };
    this.#record = options.record ?? true;
    const disks = ids.map(() => new Disk());
    this.chosen = new Chosen(disks);
    for (const [i, id] of ids.entries()) {
      const replica = new SequencePaxos({ self: id, members: ids, limits: this.#limits });
      const disk = disks[i] as Disk;
      const fresh = { pending: [], decided: 0, proposed: [], needed: undefined, reading: new Map<number, number>() };
      this.#members.set(id, { id, disk, replica, ...fresh });
    }
  }

  // Looking at it.

  replica(id: NodeId): SequencePaxos {
    const { replica } = this.#member(id);
    if (replica === undefined) throw new Error(`n${id} is down`);
    return replica;
  }

  disk(id: NodeId): Disk {
    return this.#member(id).disk;
  }

  isUp(id: NodeId): boolean {
    return this.#member(id).replica !== undefined;
  }

  unansweredReads(id: NodeId): number {
    return this.#member(id).reading.size;
  }

  pendingWrites(id: NodeId): number {
    return this.#member(id).pending.length;
  }

  neededSnapshot(id: NodeId): Member['needed'] {
    return this.#member(id).needed;
  }

  /** The log in memory, e.g. "a b | c" with the bar after the last decided entry; "(2)" stands for compacted ones. */
  log(id: NodeId): string {
    const replica = this.replica(id);
    const { compactedIndex, decidedIndex, logLength } = replica;
    const decided = replica.entries(compactedIndex, decidedIndex).map(entryText);
    const rest = replica.entries(decidedIndex, logLength).map(entryText);
    return [...(compactedIndex > 0 ? [`(${compactedIndex})`] : []), ...decided, '|', ...rest].join(' ');
  }

  leaders(): NodeId[] {
    return this.ids.filter((id) => this.isUp(id) && this.replica(id).leading);
  }

  /** Takes the transcript so far. */
  takeTrace(): string[] {
    const trace = this.trace;
    this.trace = [];
    return trace;
  }

  // Steps.

  step(id: NodeId, inputs: readonly SequencePaxosInput[]): SequencePaxosEffects {
    const member = this.#member(id);
    const replica = this.replica(id);
    for (const input of inputs) {
      if (input.type === 'read') member.reading.set(input.ticket, this.chosen.length);
    }
    const effects = replica.step(inputs);
    for (const outgoing of effects.send) this.#post(id, outgoing);
    if (effects.persist !== undefined || effects.sendAfterPersist.length > 0) {
      member.pending.push({ persist: effects.persist, sends: effects.sendAfterPersist });
    }
    this.#takeEvents(member, inputs, effects);
    this.#takeOutcomes(member, inputs, effects);
    this.#checkMember(member, replica);
    while (member.pending.length > 0 && (this.autoPersist || member.pending[0]?.persist === undefined))
      this.persist(id);
    return effects;
  }

  /** Completes the oldest write of a replica. */
  persist(id: NodeId): void {
    const member = this.#member(id);
    const write = member.pending.shift();
    if (write === undefined) throw new Error(`n${id} has nothing to write`);
    if (write.persist !== undefined) member.disk.apply(write.persist);
    for (const outgoing of write.sends) this.#post(id, outgoing);
    if (write.persist !== undefined) this.step(id, [{ type: 'persisted', receipt: write.persist.receipt }]);
  }

  persistAll(): void {
    for (const id of this.ids) while (this.isUp(id) && this.pendingWrites(id) > 0) this.persist(id);
  }

  propose(id: NodeId, ...entries: (string | Entry)[]): ProposalOutcome[] {
    const inputs = entries.map((entry): SequencePaxosInput => {
      this.#ticket += 1;
      return { type: 'propose', ticket: this.#ticket, entry: typeof entry === 'string' ? command(entry) : entry };
    });
    return [...this.step(id, inputs).proposals];
  }

  /** Asks for a read; the ticket comes back in `outcomes`. */
  read(id: NodeId): number {
    this.#ticket += 1;
    this.step(id, [{ type: 'read', ticket: this.#ticket }]);
    return this.#ticket;
  }

  outcomeOf(ticket: number): string | undefined {
    const outcome = this.outcomes.find((each) => each.ticket === ticket);
    if (outcome === undefined) return undefined;
    return 'index' in outcome ? `index ${outcome.index}` : outcome.refusal;
  }

  /** What the reachable members answer to a heartbeat now. */
  heartbeats(id: NodeId): Map<NodeId, GroupHeartbeat> {
    const others = this.ids.filter((other) => other !== id && this.isUp(other) && this.connected(id, other));
    return new Map(others.map((other) => [other, this.replica(other).heartbeat()]));
  }

  /** One heartbeat round of each of the members, at the same time. */
  round(ids: readonly NodeId[] = this.ids): void {
    const replies = ids.filter((id) => this.isUp(id)).map((id) => [id, this.heartbeats(id)] as const);
    for (const [id, answers] of replies) this.step(id, [{ type: 'heartbeat-round', replies: answers }]);
  }

  /** Heartbeat rounds of all members, with every message delivered in between. */
  rounds(count: number): void {
    for (let i = 0; i < count; i += 1) {
      this.round();
      this.deliverAll();
    }
  }

  /** Makes a replica raise its ballot and prepare, by rounds in which no neighbour sees a leader. */
  campaign(id: NodeId): void {
    const before = this.replica(id).heartbeat().ballot;
    for (let i = 0; i <= this.ids.length + 1; i += 1) {
      const blind = [...this.heartbeats(id)].map(([other, { leaderBallot }]): [NodeId, GroupHeartbeat] => [
        other,
        { ballot: ZERO_BALLOT, leaderBallot, happy: false, leadingDecidedIndex: 0 },
      ]);
      this.step(id, [{ type: 'heartbeat-round', replies: new Map(blind) }]);
      if (compareBallots(this.replica(id).heartbeat().ballot, before) > 0) return;
    }
  }

  /** Campaigns and delivers everything. */
  elect(id: NodeId): void {
    this.campaign(id);
    this.deliverAll();
    if (!this.replica(id).leading) throw new Error(`n${id} does not lead`);
  }

  // The network.

  connected(a: NodeId, b: NodeId): boolean {
    return !this.#cuts.has(linkOf(a, b));
  }

  cut(a: NodeId, b: NodeId): void {
    this.#cuts.add(linkOf(a, b));
  }

  /** Cuts every link but these. */
  onlyLinks(...links: readonly (readonly [NodeId, NodeId])[]): void {
    const keep = new Set(links.map(([a, b]) => linkOf(a, b)));
    for (const a of this.ids) for (const b of this.ids) if (!keep.has(linkOf(a, b))) this.cut(a, b);
  }

  heal(): void {
    this.#cuts.clear();
  }

  /** Delivers a packet that is not in the queue (any more), if the link is up. */
  inject(packet: Packet): void {
    if (!this.isUp(packet.to) || !this.connected(packet.from, packet.to)) return;
    this.step(packet.to, [{ type: 'message', from: packet.from, message: unpack(packet) }]);
  }

  /** Takes the matching packets out of the queue. Throws if there are none, so that no test passes by accident. */
  take(where: Where = {}): Packet[] {
    const taken = this.packets.filter((packet) => matches(packet, where));
    if (taken.length === 0) throw new Error(`no packet matches ${JSON.stringify(where)}`);
    this.packets = this.packets.filter((packet) => !matches(packet, where));
    return taken;
  }

  /** Delivers the packets that match now, not those that result. */
  deliver(where: Where = {}): void {
    for (const packet of this.take(where)) this.inject(packet);
  }

  drop(where: Where = {}): void {
    this.take(where);
  }

  /** Delivers in order until nothing is under way. */
  deliverAll(): void {
    for (let i = 0; i < 20_000; i += 1) {
      const packet = this.packets.shift();
      if (packet !== undefined) this.inject(packet);
      else if (!this.autoSnapshot || !this.ids.some((id) => this.installNeeded(id))) return;
    }
    throw new Error('the network does not come to rest');
  }

  // Crashes, compaction, snapshots.

  /** The replica stops; writes that were not completed are lost. */
  crash(id: NodeId): void {
    const member = this.#member(id);
    member.replica = undefined;
    member.pending = [];
    member.proposed = [];
    member.needed = undefined;
    member.reading.clear();
  }

  restart(id: NodeId): void {
    const member = this.#member(id);
    this.crash(id);
    const { disk } = member;
    const base = { self: id, members: this.ids, limits: this.#limits };
    member.replica = new SequencePaxos(disk.blank ? base : { ...base, recovered: disk.recovered() });
    member.decided = 0;
    this.#checkMember(member, member.replica);
    // The crash may have come between the installation of a state and the write of the log that it covers.
    if (disk.installedIn !== undefined) {
      this.step(id, [{ type: 'snapshot-installed', index: disk.stateIndex, proof: disk.installedIn }]);
    }
  }

  compact(id: NodeId, index = this.replica(id).decidedIndex): void {
    const { disk } = this.#member(id);
    disk.stateIndex = Math.max(disk.stateIndex, Math.min(index, this.replica(id).decidedIndex));
    this.step(id, [{ type: 'compact', index }]);
  }

  /** A state of `from` with `index` entries applied reaches the disk. */
  installSnapshot(id: NodeId, index: number, from: NodeId): void {
    const { disk } = this.#member(id);
    const ballot = this.replica(from).promisedBallot;
    if (index > disk.stateIndex) {
      disk.stateIndex = index;
      disk.installedIn = ballot;
    }
    this.#member(id).needed = undefined;
    this.step(id, [{ type: 'snapshot-installed', index, proof: ballot }]);
  }

  /** Installs what the last snapshot-needed event asks for, if its member is there; tells whether it did. */
  installNeeded(id: NodeId): boolean {
    const { needed, replica } = this.#member(id);
    if (needed === undefined || replica === undefined) return false;
    if (!this.isUp(needed.from) || !this.connected(id, needed.from)) return false;
    const index = this.replica(needed.from).decidedIndex;
    if (index < needed.atLeast) return false;
    this.installSnapshot(id, index, needed.from);
    return true;
  }

  // Checks.

  /** The parts that are too slow to do after every step of a long run. */
  checkAll(): void {
    for (const member of this.#members.values()) {
      if (member.replica === undefined) continue;
      member.decided = 0;
      this.#checkMember(member, member.replica);
      if (member.pending.length > 0) continue;
      const { compactedIndex, logLength } = member.replica;
      const inMemory = `${compactedIndex}:[${member.replica.entries(compactedIndex, logLength).map(entryText).join(' ')}]`;
      if (!member.disk.blank && member.disk.text() !== inMemory) {
        throw new Error(`n${member.id}: disk ${member.disk.text()}, memory ${inMemory}`);
      }
    }
  }

  #member(id: NodeId): Member {
    const member = this.#members.get(id);
    if (member === undefined) throw new Error(`no member n${id}`);
    return member;
  }

  #post(from: NodeId, { to, message }: Outgoing<Message>): void {
    if (to === from) return this.#count('sent to itself');
    if (!this.ids.includes(to)) throw new Error(`n${from} sends ${message.type} to n${to}, who is no member`);
    if (this.#record) this.trace.push(`n${from}->n${to} ${messageText(message)}`);
    this.#count(message.type);
    if (isPart(message)) this.#count(`${message.type} part`);
    if (this.connected(from, to)) this.packets.push(pack(from, to, message));
  }

  #count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  #takeEvents(member: Member, inputs: readonly SequencePaxosInput[], effects: SequencePaxosEffects): void {
    const cause = inputs[0]?.type === 'message' ? ` after ${inputs[0].message.type}` : '';
    for (const event of effects.events) {
      this.#count(event.type === 'snapshot-needed' ? `${event.type}${cause}` : event.type);
      if (this.#record) this.events.push(`n${member.id} ${event.type}`);
      if (event.type === 'stepped-down') member.proposed = [];
      if (event.type !== 'snapshot-needed') continue;
      member.needed = event;
      const source = this.#member(event.from);
      const decided = Math.max(
        source.replica?.decidedIndex ?? 0,
        source.disk.stateIndex,
        source.disk.hardState.decidedIndex,
      );
      if (event.atLeast > decided)
        throw new Error(`n${event.from} has no snapshot of ${event.atLeast}, only ${decided}`);
    }
  }

  #takeOutcomes(member: Member, inputs: readonly SequencePaxosInput[], effects: SequencePaxosEffects): void {
    if (this.#record) this.outcomes.push(...effects.proposals, ...effects.reads);
    const proposals = inputs.filter((input) => input.type === 'propose');
    if (proposals.length !== effects.proposals.length) throw new Error('each proposal has its outcome in its own step');
    const steppedDown = effects.events.some((event) => event.type === 'stepped-down');
    proposals.forEach((input, i) => {
      const outcome = effects.proposals[i];
      if (outcome?.ticket !== input.ticket) throw new Error('outcomes are in the order of the proposals');
      if ('index' in outcome && !steppedDown) member.proposed.push({ index: outcome.index, entry: input.entry });
    });
    for (const outcome of effects.reads) {
      const floor = member.reading.get(outcome.ticket);
      if (floor === undefined) throw new Error(`read ${outcome.ticket} is answered twice`);
      member.reading.delete(outcome.ticket);
      if (!('index' in outcome)) continue;
      this.readsServed += 1;
      if (outcome.index < floor) throw new Error(`stale read: index ${outcome.index}, but ${floor} were decided`);
    }
    if (member.reading.size > 0 && !this.replica(member.id).leading) throw new Error('a read is left over');
  }

  #checkMember(member: Member, replica: SequencePaxos): void {
    this.chosen.learn(`n${member.id}`, replica, member.decided);
    member.decided = replica.decidedIndex;
    this.#acknowledge(member);
    this.#checkApplicable(member, replica);
  }

  /** What may be applied is on the replica's own disk, or in a state that it installed. */
  #checkApplicable({ id, disk }: Member, { applicableIndex }: SequencePaxos): void {
    for (let index = Math.max(disk.compactedIndex, disk.stateIndex); index < applicableIndex; index += 1) {
      const onDisk = disk.at(index);
      if (onDisk !== undefined && this.chosen.has(index, onDisk)) continue;
      throw new Error(`n${id} may apply up to ${applicableIndex}, but what is decided at ${index} is not on its disk`);
    }
  }

  #acknowledge(member: Member): void {
    while (member.proposed[0] !== undefined && member.proposed[0].index < member.decided) {
      const { index, entry } = member.proposed.shift() as Member['proposed'][number];
      if (!this.chosen.has(index, entry)) throw new Error(`${entryText(entry)} was lost at ${index}`);
      this.acknowledged += 1;
    }
  }
}
