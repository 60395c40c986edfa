/**
 * The heartbeat rounds of a node: drives the failure detector by the clock, carries each group's election data, and hands
 * the round's answers to every group.
 */
import type { Clock, GroupId, Logger, NodeId, Random } from '@kvorum/common';
import { mark, nodeName } from '@kvorum/common';
import type { FailureDetectorOptions, GroupHeartbeat } from '@kvorum/consensus';
import { FailureDetector } from '@kvorum/consensus';
import type { PeerMessage } from '../peer-protocol.ts';

type HeartbeatReply = Extract<PeerMessage, { type: 'heartbeat-reply' }>;

/** The period of heartbeats, and the unit in which elections are measured: the election timeout. */
export const ELECTION_TIMEOUT_MS = 100;

const detectorOptions: FailureDetectorOptions = {
  delayMs: ELECTION_TIMEOUT_MS,
  delayStepMs: 20,
  delayMsMax: 3 * ELECTION_TIMEOUT_MS,
  calmRounds: 100,
};

export interface HeartbeatHost {
  send(to: NodeId, message: PeerMessage): void;
  /** The round ended; `answers` is what the peers that answered in time said of each group. */
  onRound(answers: ReadonlyMap<NodeId, HeartbeatReply>): void;
}

export class Heartbeats {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #host: HeartbeatHost;
  readonly #detector: FailureDetector;
  #answers = new Map<NodeId, HeartbeatReply>();
  readonly #starts = new Map<NodeId, number>();
  #roundStartedMs = 0;
  #stopped = false;

  constructor(clock: Clock, logger: Logger, peers: readonly NodeId[], host: HeartbeatHost) {
    this.#clock = clock;
    this.#logger = logger;
    this.#host = host;
    this.#detector = new FailureDetector(peers, detectorOptions);
  }

  get suspects(): ReadonlySet<NodeId> {
    return this.#detector.suspects;
  }

  /** How often the peer was started, as far as it has told; 0 before it did. */
  startsOf(peer: NodeId): number {
    return this.#starts.get(peer) ?? 0;
  }

  get delayMs(): number {
    return this.#detector.delayMs;
  }

  /** The first round begins at a random moment, so that the nodes' rounds do not all end at the same time. */
  start(random: Random): void {
    const phase = random.nextUint32() / 2 ** 32;
    this.#clock.setTimer(phase * ELECTION_TIMEOUT_MS, () => this.#begin());
  }

  #begin(): void {
    if (this.#stopped) return;
    const { round, ask } = this.#detector.startRound();
    this.#answers = new Map();
    this.#roundStartedMs = this.#clock.monotonicMs();
    for (const peer of ask) this.#host.send(peer, { type: 'heartbeat-request', round });
    // Deferred once more: answers that arrived while this node was busy are taken in before anyone is judged.
    this.#clock.setTimer(this.#detector.delayMs, () => this.#clock.defer(() => this.#end()));
  }

  stop(): void {
    this.#stopped = true;
  }

  onReply(from: NodeId, message: HeartbeatReply): void {
    this.#starts.set(from, Math.max(this.startsOf(from), message.starts));
    const answer = this.#answers.get(from);
    if (message.round === 0) {
      if (answer !== undefined && isLater(message, answer)) this.#answers.set(from, withNews(answer, message));
      return;
    }
    if (this.#detector.onReply(from, message.round)) this.#logger.info(`node ${nodeName(from)} is back`);
    // A repeated answer may be older than news that came after the first copy.
    if (answer === undefined || isLater(message, answer)) this.#answers.set(from, message);
  }

  #end(): void {
    if (this.#stopped) return;
    // A timer this late means that this node stood still, not the others: their answers are not in yet.
    const stoodStill = this.#clock.monotonicMs() - this.#roundStartedMs > 3 * this.#detector.delayMs;
    if (stoodStill) mark('stood-still');
    else {
      const { alive, suspected } = this.#detector.endRound();
      for (const peer of suspected)
        this.#logger.warn(`node ${nodeName(peer)} is suspected: no heartbeat for ${this.delayMs} ms`);
      this.#host.onRound(new Map([...this.#answers].filter(([peer]) => alive.has(peer))));
    }
    this.#begin();
  }
}

function isLater(a: HeartbeatReply, b: HeartbeatReply): boolean {
  return a.starts > b.starts || (a.starts === b.starts && a.number > b.number);
}

/** The answer, with what changed since. */
function withNews(answer: HeartbeatReply, news: HeartbeatReply): HeartbeatReply {
  const changed = new Set(news.groups.map((entry) => entry.group));
  const { starts, number } = news;
  return {
    ...answer,
    starts,
    number,
    groups: [...answer.groups.filter((entry) => !changed.has(entry.group)), ...news.groups],
  };
}

/** The answers by group and member. */
export function answersByGroup(
  answers: ReadonlyMap<NodeId, HeartbeatReply>,
): ReadonlyMap<GroupId, ReadonlyMap<NodeId, GroupHeartbeat>> {
  const byGroup = new Map<GroupId, Map<NodeId, GroupHeartbeat>>();
  for (const [peer, answer] of answers) {
    for (const heartbeat of answer.groups) {
      const ofGroup = byGroup.get(heartbeat.group) ?? new Map<NodeId, GroupHeartbeat>();
      byGroup.set(heartbeat.group, ofGroup.set(peer, heartbeat));
    }
  }
  return byGroup;
}
