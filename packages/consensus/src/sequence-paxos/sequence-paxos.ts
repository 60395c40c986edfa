/**
 * Sequence Paxos with ballot leader election behind the ReplicatedLog seam: dispatches inputs to the role the replica
 * has, and changes the role.
 *
 * Place in the data path: stage 6, between the group replica and the node loop. Papers: Haridi, Kroll and Carbone,
 * "Lecture Notes on Leader-based Sequence Paxos" (2020); Ng, Haridi and Carbone, "Omni-Paxos" (EuroSys 2023).
 */
import type { NodeId } from '@kvorum/common';
import type { Entry } from '../entry.ts';
import { invariant } from '../invariant.ts';
import { mark } from '../marks.ts';
import type { Refusal, ReplicatedLog, Term } from '../replicated-log.ts';
import type { Ballot } from './ballot.ts';
import { compareBallots, isPlausible, maxBallot, sameBallot, ZERO_BALLOT } from './ballot.ts';
import { Follower } from './follower.ts';
import { Leader } from './leader.ts';
import { LeaderElection } from './leader-election.ts';
import type { Message } from './messages.ts';
import { Outbox } from './outbox.ts';
import { ReplicaState } from './replica-state.ts';
import type { LogLimits, RoleParts } from './role.ts';
import { defaultLogLimits } from './role.ts';
import type {
  GroupHeartbeat,
  Recovered,
  SequencePaxosEffects,
  SequencePaxosInput,
  SequencePaxosTypes,
} from './types.ts';

export interface SequencePaxosOptions {
  readonly self: NodeId;
  /** All members, this one included, in order of preference as leader. */
  readonly members: readonly NodeId[];
  /** What was on disk; undefined for a new replica. */
  readonly recovered?: Recovered | undefined;
  /** Default: {@link defaultLogLimits}. */
  readonly limits?: LogLimits;
}

const newReplica: Recovered = {
  hardState: { promisedBallot: ZERO_BALLOT, acceptedBallot: ZERO_BALLOT, decidedIndex: 0 },
  compactedIndex: 0,
  entries: [],
};

export class SequencePaxos implements ReplicatedLog<SequencePaxosTypes> {
  readonly #others: readonly NodeId[];
  readonly #state: ReplicaState;
  readonly #outbox = new Outbox();
  readonly #parts: RoleParts;
  readonly #election: LeaderElection;
  #role: Follower | Leader;
  #knownLeaderBallot: Ballot;
  /** What the last step left of the heartbeat. */
  #lastHeartbeat: GroupHeartbeat | undefined;

  constructor(options: SequencePaxosOptions) {
    const { self, members, limits = defaultLogLimits, recovered = newReplica } = options;
    const place = members.indexOf(self);
    invariant(place >= 0, `node ${self} is not a member`);
    this.#others = members.filter((member) => member !== self);
    this.#state = new ReplicaState(recovered);
    this.#parts = { state: this.#state, outbox: this.#outbox, others: this.#others, limits };
    const promised = recovered.hardState.promisedBallot;
    this.#election = new LeaderElection(self, members.length - place, members.length, promised);
    this.#knownLeaderBallot = promised;
    this.#role = new Follower(this.#parts, !sameBallot(promised, ZERO_BALLOT));
  }

  get decidedIndex(): number {
    return this.#state.decidedIndex;
  }

  get applicableIndex(): number {
    return this.#state.applicableIndex;
  }

  get promisedBallot(): Ballot {
    return this.#state.promisedBallot;
  }

  get compactedIndex(): number {
    return this.#state.log.compactedIndex;
  }

  get logLength(): number {
    return this.#state.log.length;
  }

  get logBytes(): number {
    return this.#state.log.bytes;
  }

  get leaderBallot(): Ballot {
    return this.#election.leaderBallot;
  }

  get term(): Term {
    return this.#election.leaderBallot;
  }

  get seesLeader(): boolean {
    return this.#election.leaderBallot.number > 0 && this.#election.happy;
  }

  get hasQuorum(): boolean {
    return this.leading && this.#election.hasFollowers;
  }

  get leading(): boolean {
    return this.#role.kind === 'leader' && this.#role.accepting;
  }

  entries(from: number, to: number): readonly Entry[] {
    return this.#state.log.slice(from, to);
  }

  heartbeat(): GroupHeartbeat {
    const { ownBallot, leaderBallot, happy } = this.#election;
    return { ballot: ownBallot, leaderBallot, happy, leadingDecidedIndex: this.leading ? this.decidedIndex : 0 };
  }

  snapshotProof(): Ballot {
    return this.promisedBallot;
  }

  isPlausible(proof: Ballot): boolean {
    return isPlausible(proof, maxBallot(this.#election.leaderBallot, this.promisedBallot));
  }

  step(inputs: readonly SequencePaxosInput[]): SequencePaxosEffects {
    for (const input of inputs) this.#take(input);
    if (this.#role.kind === 'leader') this.#role.flush();
    this.#noteLeader();
    this.#noteHeartbeat();
    this.#check();
    return this.#outbox.take(this.#state.takePersist());
  }

  #take(input: SequencePaxosInput): void {
    switch (input.type) {
      case 'message':
        this.#onMessage(input.from, input.message);
        return;
      case 'propose': {
        const index = this.#propose(input.entry);
        const { ticket } = input;
        this.#outbox.proposalOutcome(typeof index === 'number' ? { ticket, index } : { ticket, refusal: index });
        return;
      }
      case 'read': {
        const refusal = this.#refusal();
        if (refusal !== undefined) this.#outbox.readOutcome({ ticket: input.ticket, refusal });
        else if (this.#role.kind === 'leader') this.#role.read(input.ticket);
        return;
      }
      case 'persisted':
        this.#state.onPersisted(input.receipt);
        if (this.#role.kind === 'leader') this.#role.onPersisted(input.receipt);
        return;
      case 'heartbeat-news':
        if (this.#isHeartbeatPlausible(input.from, input.heartbeat)) this.#election.onNews(input.heartbeat);
        return;
      case 'heartbeat-round':
        this.#onHeartbeatRound(input.replies, input.stalled ?? false);
        return;
      case 'compact':
        this.#state.compact(input.index);
        return;
      case 'snapshot-installed':
        this.#onSnapshotInstalled(input.index, input.proof);
        return;
    }
  }

  #propose(entry: Entry): number | Refusal {
    const refusal = this.#refusal();
    if (refusal !== undefined) return refusal;
    if (this.#state.log.stopped) return 'stopped';
    return this.#role.kind === 'leader' ? this.#role.append(entry) : 'not-leader';
  }

  /** Why this replica takes neither proposals nor reads now. */
  #refusal(): Refusal | undefined {
    if (!this.leading) return 'not-leader';
    return this.#election.hasFollowers ? undefined : 'no-quorum';
  }

  #onMessage(from: NodeId, message: Message): void {
    if (!this.#others.includes(from)) return;
    if (message.type !== 'prepare-request' && !this.#isKnownOrNear(from, message.ballot)) return;
    if (message.type === 'prepare' && compareBallots(message.ballot, this.#state.promisedBallot) > 0) {
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
    if (compareBallots(ballot, this.#state.promisedBallot) > 0) {
      mark('promised-by-snapshot');
      this.#becomeFollower();
      this.#state.promise(ballot);
      this.#election.onPromised(ballot);
    }
    this.#state.installSnapshot(index);
    this.#role.onSnapshotInstalled();
  }

  #onHeartbeatRound(answers: ReadonlyMap<NodeId, GroupHeartbeat>, stalled: boolean): void {
    const replies = new Map([...answers].filter(([from, answer]) => this.#isHeartbeatPlausible(from, answer)));
    const hadFollowers = this.#election.hasFollowers;
    this.#election.onHeartbeatRound(replies, stalled);
    this.#role.onHeartbeatRound(replies);
    if (this.#role.kind === 'leader') {
      if (hadFollowers && !this.#election.hasFollowers) this.#role.onQuorumLost();
      if (!this.#election.elected) this.#becomeFollower();
      else if (compareBallots(this.#election.ownBallot, this.#role.ballot) > 0) this.#becomeLeader();
    } else if (this.#election.elected) {
      this.#becomeLeader();
    }
  }

  /** Whether a member's heartbeat can be true; what cannot would be stored as a promise, or stood against. */
  #isHeartbeatPlausible(from: NodeId, { ballot, leaderBallot }: GroupHeartbeat): boolean {
    return this.#isKnownOrNear(from, maxBallot(ballot, leaderBallot));
  }

  #isKnownOrNear(from: NodeId, ballot: Ballot): boolean {
    if (this.isPlausible(ballot)) return true;
    this.#outbox.emit({ type: 'implausible', from, term: ballot });
    return false;
  }

  #becomeLeader(): void {
    this.#becomeFollower();
    const leader = new Leader(this.#parts, this.#election.ownBallot);
    this.#role = leader;
    leader.start();
  }

  #becomeFollower(): void {
    if (this.#role.kind === 'follower') return;
    this.#role.stepDown();
    this.#role = new Follower(this.#parts, false);
  }

  #noteLeader(): void {
    const { leaderBallot } = this;
    if (sameBallot(this.#knownLeaderBallot, leaderBallot)) return;
    this.#outbox.emit({ type: 'leader-changed', term: leaderBallot, former: this.#knownLeaderBallot });
    this.#knownLeaderBallot = leaderBallot;
  }

  #noteHeartbeat(): void {
    const now = this.heartbeat();
    const before = this.#lastHeartbeat;
    this.#lastHeartbeat = now;
    if (before !== undefined && before.happy === now.happy && sameBallot(before.ballot, now.ballot)) return;
    if (before !== undefined) this.#outbox.emit({ type: 'heartbeat-changed' });
  }

  #check(): void {
    if (this.#role.kind !== 'leader') return;
    const { promisedBallot, acceptedBallot } = this.#state;
    invariant(sameBallot(this.#role.ballot, promisedBallot), 'a leader has promised its own ballot');
    invariant(
      !this.#role.accepting || sameBallot(acceptedBallot, promisedBallot),
      'a leader accepts in its own ballot',
    );
  }
}
