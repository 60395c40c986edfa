/**
 * Ballot leader election of one group (Ng, Haridi and Carbone, "Omni-Paxos: Breaking the Barriers of Partial
 * Connectivity", EuroSys 2023, section 5): only a quorum-connected node becomes leader, so that one node that sees a
 * majority is enough, whatever the other links do.
 *
 * A node is happy while it sees a leader that is itself happy, or leads with a quorum that would follow it. An unhappy
 * node raises its ballot above all it has seen, if it is quorum-connected and none of its neighbours is happy: a happy
 * neighbour means that a leader serves, even one that this node cannot see.
 *
 * Invariants: `leaderBallot` only grows; a node's own ballot is above every leader it had seen when it raised it, so a ballot
 * is never reused, after a restart either (the stored promise is the first leader it knows).
 */
import type { NodeId } from '@kvorum/common';
import { mark } from '../marks.ts';
import type { Ballot } from './ballot.ts';
import { BALLOT_NUMBER_MAX, compareBallots, maxBallot, sameBallot } from './ballot.ts';
import { majorityOf } from '../quorum.ts';
import type { GroupHeartbeat } from './types.ts';

export class LeaderElection {
  readonly #members: number;
  #ownBallot: Ballot;
  #leaderBallot: Ballot;
  #happy = false;
  #hasFollowers = false;
  /** Rounds for which it leaves the first move after a start to the members that are preferred as leader. */
  #patience: number;
  /** A new leader showed itself since the last round ended; its answer to this round may be older. */
  #newLeaderSince = false;

  /**
   * `priority` is 1 to `members`, the highest for the member that is preferred as leader. `promised` is the promise on
   * disk; the zero ballot for a new replica.
   */
  constructor(self: NodeId, priority: number, members: number, promised: Ballot) {
    this.#members = members;
    this.#ownBallot = { number: 0, priority, node: self };
    this.#leaderBallot = promised;
    this.#patience = members - priority;
  }

  get ownBallot(): Ballot {
    return this.#ownBallot;
  }

  get leaderBallot(): Ballot {
    return this.#leaderBallot;
  }

  get happy(): boolean {
    return this.#happy;
  }

  /** Whether a majority, this node included, answered in the last round and knows no higher leader: it would follow. */
  get hasFollowers(): boolean {
    return this.#hasFollowers;
  }

  /** This node won: it is to lead with its own ballot. */
  get elected(): boolean {
    return sameBallot(this.#leaderBallot, this.#ownBallot);
  }

  /** A member says that it leads now: known before the round ends, so that fewer stand against it. */
  onNews(heartbeat: GroupHeartbeat): void {
    if (heartbeat.happy && sameBallot(heartbeat.leaderBallot, heartbeat.ballot)) this.#onLeaderAtWork(heartbeat.ballot);
  }

  /** A promise shows a leader that is at work, though no heartbeat has told of it yet. */
  onPromised(ballot: Ballot): void {
    this.#onLeaderAtWork(ballot);
  }

  #onLeaderAtWork(ballot: Ballot): void {
    if (compareBallots(ballot, this.#leaderBallot) <= 0) return;
    this.#leaderBallot = ballot;
    this.#happy = true;
    this.#newLeaderSince = true;
  }

  /** Takes the answers of one heartbeat round. A node with a stalled disk neither leads nor stands. */
  onHeartbeatRound(replies: ReadonlyMap<NodeId, GroupHeartbeat>, stalled = false): void {
    const answers = [...replies.values()];
    // Number 0: that member never tried to lead.
    for (const { ballot } of answers) if (ballot.number > 0) this.#leaderBallot = maxBallot(this.#leaderBallot, ballot);
    const followers = answers.filter((answer) => compareBallots(answer.leaderBallot, this.#ownBallot) <= 0);
    this.#hasFollowers = !stalled && this.#isMajority(followers.length);
    if (this.elected && !this.#hasFollowers) this.#yield(answers);
    this.#happy = this.#seesLeader(answers);
    this.#newLeaderSince = false;
    if (stalled) {
      mark('stalled-disk');
      // As a leader it would hold everyone up: it says that it is unhappy, so that another one stands.
      this.#happy &&= !this.elected;
      return;
    }
    // Only the first election is a matter of preference.
    if (this.#happy) this.#patience = 0;
    if (this.elected && this.#hasFollowers && answers.some((answer) => this.#isLeftBehind(answer))) {
      mark('left-behind-member');
      this.#takeOver(answers);
      return;
    }
    if (this.#happy || !this.#isMajority(answers.length) || answers.some((answer) => answer.happy)) return;
    if (this.#patience > 0) this.#patience -= 1;
    else this.#takeOver(answers);
  }

  #seesLeader(answers: readonly GroupHeartbeat[]): boolean {
    // Who began to lead a moment ago may have answered before that.
    if (this.#newLeaderSince) return true;
    if (!this.elected) return answers.some((answer) => answer.happy && sameBallot(answer.ballot, this.#leaderBallot));
    return this.#hasFollowers;
  }

  /** One that lost its followers to a higher leader, which a neighbour sees at work, leads no more, though it never meets that one. */
  #yield(answers: readonly GroupHeartbeat[]): void {
    for (const { happy, leaderBallot } of answers) {
      if (!happy || compareBallots(leaderBallot, this.#leaderBallot) <= 0) continue;
      mark('yielded-to-unseen-leader');
      this.#leaderBallot = leaderBallot;
    }
  }

  /** A member that promised a higher ballot than the one that leads, whose owner never came to lead, cannot follow. */
  #isLeftBehind(answer: GroupHeartbeat): boolean {
    return !answer.happy && compareBallots(answer.leaderBallot, this.#ownBallot) > 0;
  }

  #takeOver(answers: readonly GroupHeartbeat[]): void {
    const seen = answers.reduce((max, answer) => Math.max(max, answer.leaderBallot.number), this.#leaderBallot.number);
    // There is no number left to stand with.
    if (seen >= BALLOT_NUMBER_MAX) return;
    this.#ownBallot = { ...this.#ownBallot, number: seen + 1 };
    this.#leaderBallot = this.#ownBallot;
    this.#happy = true;
    this.#hasFollowers = true;
  }

  /** `others` nodes and this one. */
  #isMajority(others: number): boolean {
    return others + 1 >= majorityOf(this.#members);
  }
}
