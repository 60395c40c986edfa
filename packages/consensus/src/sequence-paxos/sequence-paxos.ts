/**
 * Sequence Paxos with ballot leader election behind the ReplicatedLog seam: dispatches inputs to the role the replica
 * has, and changes the role.
 *
 * Place in the data path: stage 5, between the group replica and the node loop. Papers: Haridi, Kroll and Carbone,
 * "Lecture Notes on Leader-based Sequence Paxos" (2020); Ng, Haridi and Carbone, "Omni-Paxos" (EuroSys 2023).
 */
import type { NodeId } from '@kvorum/common';
import { mark } from '@kvorum/common';
import type { Ballot } from './ballot.ts';
import { compareBallots, sameBallot, ZERO_BALLOT } from './ballot.ts';
import type { Entry } from '../entry.ts';
import { invariant } from '../invariant.ts';
import { LeaderElection } from './leader-election.ts';
import type { Message } from './messages.ts';
import type { Effects, GroupHeartbeat, Input, Recovered, Refusal, ReplicatedLog } from '../replicated-log.ts';
import { Acceptor } from './acceptor.ts';
import { Follower } from './follower.ts';
import { Leader } from './leader.ts';

export interface SequencePaxosOptions {
  readonly self: NodeId;
  /** All members, this one included, in order of preference as leader. */
  readonly members: readonly NodeId[];
  /** What was on disk; undefined for a new replica. */
  readonly recovered?: Recovered;
}

const newReplica: Recovered = {
  promisedBallot: ZERO_BALLOT,
  acceptedBallot: ZERO_BALLOT,
  decidedIndex: 0,
  compactedIndex: 0,
  entries: [],
};

export class SequencePaxos implements ReplicatedLog {
  readonly #others: readonly NodeId[];
  readonly #acceptor: Acceptor;
  readonly #election: LeaderElection;
  #role: Follower | Leader;
  #knownLeader: Ballot;
  /** What the last step left of the heartbeat. */
  #lastHeartbeat: GroupHeartbeat | undefined;

  constructor(options: SequencePaxosOptions) {
    const { self, members, recovered = newReplica } = options;
    const place = members.indexOf(self);
    invariant(place >= 0, `node ${self} is not a member`);
    this.#others = members.filter((member) => member !== self);
    this.#acceptor = new Acceptor(recovered);
    const promised = recovered.promisedBallot;
    this.#election = new LeaderElection(self, members.length - place, members.length, promised);
    this.#knownLeader = promised;
    this.#role = new Follower(this.#acceptor, this.#others, !sameBallot(promised, ZERO_BALLOT));
  }

  get decidedIndex(): number {
    return this.#acceptor.decidedIndex;
  }

  get applicableIndex(): number {
    return this.#acceptor.applicableIndex;
  }

  get promisedBallot(): Ballot {
    return this.#acceptor.promisedBallot;
  }

  get compactedIndex(): number {
    return this.#acceptor.log.compactedIndex;
  }

  get logLength(): number {
    return this.#acceptor.log.length;
  }

  get logBytes(): number {
    return this.#acceptor.log.bytes;
  }

  get leader(): Ballot {
    return this.#election.leader;
  }

  get leading(): boolean {
    return this.#role.kind === 'leader' && this.#role.accepting;
  }

  entries(from: number, to: number): readonly Entry[] {
    return this.#acceptor.log.slice(from, to);
  }

  heartbeat(): GroupHeartbeat {
    const { ownBallot, leader, happy } = this.#election;
    return { ballot: ownBallot, leader, happy, leadingDecidedIndex: this.leading ? this.decidedIndex : 0 };
  }

  step(inputs: readonly Input[]): Effects {
    for (const input of inputs) this.#take(input);
    if (this.#role.kind === 'leader') this.#role.flush();
    this.#noteLeader();
    this.#noteHeartbeat();
    this.#check();
    return this.#acceptor.takeEffects();
  }

  #take(input: Input): void {
    switch (input.type) {
      case 'message':
        if (this.#others.includes(input.from)) this.#onMessage(input.from, input.message);
        return;
      case 'propose': {
        const index = this.#propose(input.entry);
        const { ticket } = input;
        this.#acceptor.proposalOutcome(typeof index === 'number' ? { ticket, index } : { ticket, refusal: index });
        return;
      }
      case 'read': {
        const refusal = this.#refusal();
        if (refusal !== undefined) this.#acceptor.readOutcome({ ticket: input.ticket, refusal });
        else if (this.#role.kind === 'leader') this.#role.read(input.ticket);
        return;
      }
      case 'persisted':
        this.#acceptor.onPersisted(input.receipt);
        if (this.#role.kind === 'leader') this.#role.onPersisted(input.receipt);
        return;
      case 'news':
        this.#election.onNews(input.heartbeat);
        return;
      case 'round':
        this.#onRound(input.replies, input.stalled ?? false);
        return;
      case 'compact':
        this.#acceptor.compact(input.index);
        return;
      case 'snapshot-installed':
        this.#onSnapshotInstalled(input.index, input.ballot);
        return;
    }
  }

  #propose(entry: Entry): number | Refusal {
    const refusal = this.#refusal();
    if (refusal !== undefined) return refusal;
    if (this.#acceptor.log.stopped) return 'stopped';
    return this.#role.kind === 'leader' ? this.#role.append(entry) : 'not-leader';
  }

  /** Why this replica takes neither proposals nor reads now. */
  #refusal(): Refusal | undefined {
    if (!this.leading) return 'not-leader';
    return this.#election.hasFollowers ? undefined : 'no-quorum';
  }

  #onMessage(from: NodeId, message: Message): void {
    if (message.type === 'prepare' && compareBallots(message.ballot, this.#acceptor.promisedBallot) > 0) {
      this.#becomeFollower();
      this.#election.onPromised(message.ballot);
    }
    if (this.#role.kind === 'leader') this.#leaderOn(this.#role, from, message);
    else this.#followerOn(this.#role, from, message);
  }

  #leaderOn(leader: Leader, from: NodeId, message: Message): void {
    switch (message.type) {
      case 'promise':
        return leader.onPromise(from, message);
      case 'accepted':
        return leader.onAccepted(from, message);
      case 'prepare-request':
        return leader.onPrepareRequest(from);
      case 'read-checked':
        return leader.onReadChecked(from, message);
      case 'prepare':
      case 'accept-sync':
      case 'accept':
      case 'decide':
      case 'snapshot-offer':
      case 'read-check':
        // Of a ballot below the one this replica leads.
        return;
    }
  }

  #followerOn(follower: Follower, from: NodeId, message: Message): void {
    switch (message.type) {
      case 'prepare':
        return follower.onPrepare(from, message);
      case 'accept-sync':
        return follower.onAcceptSync(from, message);
      case 'accept':
        return follower.onAccept(from, message);
      case 'decide':
        return follower.onDecide(message);
      case 'snapshot-offer':
        return follower.onSnapshotOffer(from, message);
      case 'read-check':
        return follower.onReadCheck(from, message);
      case 'promise':
      case 'accepted':
      case 'prepare-request':
      case 'read-checked':
        // For a leader, which this replica no longer is.
        return;
    }
  }

  /**
   * What the state covers was decided in `ballot` at the highest, which this replica may never have heard of; its own log
   * may hold something else there. So it promises that ballot: nobody may count its log for a lower one any more.
   */
  #onSnapshotInstalled(index: number, ballot: Ballot): void {
    if (index <= this.decidedIndex) return;
    if (compareBallots(ballot, this.#acceptor.promisedBallot) > 0) {
      mark('promised-by-snapshot');
      this.#becomeFollower();
      this.#acceptor.promise(ballot);
      this.#election.onPromised(ballot);
    }
    this.#acceptor.installSnapshot(index);
    this.#role.onSnapshotInstalled();
  }

  #onRound(replies: ReadonlyMap<NodeId, GroupHeartbeat>, stalled: boolean): void {
    const hadFollowers = this.#election.hasFollowers;
    this.#election.onRound(replies, stalled);
    this.#role.onRound(replies);
    if (this.#role.kind === 'leader') {
      if (hadFollowers && !this.#election.hasFollowers) this.#role.onQuorumLost();
      if (!this.#election.elected) this.#becomeFollower();
      else if (compareBallots(this.#election.ownBallot, this.#role.ballot) > 0) this.#becomeLeader();
    } else if (this.#election.elected) {
      this.#becomeLeader();
    }
  }

  #becomeLeader(): void {
    this.#becomeFollower();
    const leader = new Leader(this.#acceptor, this.#others, this.#election.ownBallot);
    this.#role = leader;
    leader.start();
  }

  #becomeFollower(): void {
    if (this.#role.kind === 'follower') return;
    this.#role.stepDown();
    this.#role = new Follower(this.#acceptor, this.#others, false);
  }

  #noteLeader(): void {
    if (sameBallot(this.#knownLeader, this.leader)) return;
    this.#acceptor.emit({ type: 'leader-changed', ballot: this.leader, former: this.#knownLeader });
    this.#knownLeader = this.leader;
  }

  #noteHeartbeat(): void {
    const now = this.heartbeat();
    const before = this.#lastHeartbeat;
    this.#lastHeartbeat = now;
    if (before !== undefined && before.happy === now.happy && sameBallot(before.ballot, now.ballot)) return;
    if (before !== undefined) this.#acceptor.emit({ type: 'heartbeat-changed' });
  }

  #check(): void {
    if (this.#role.kind !== 'leader') return;
    const { promisedBallot, acceptedBallot } = this.#acceptor;
    invariant(sameBallot(this.#role.ballot, promisedBallot), 'a leader has promised its own ballot');
    invariant(
      !this.#role.accepting || sameBallot(acceptedBallot, promisedBallot),
      'a leader accepts in its own ballot',
    );
  }
}
