/**
 * The heartbeat rounds of a node: drives the failure detector by the clock, carries each group's election data, and hands
 * the round's answers to every group.
 */
import type { Clock, GroupId, Logger, NodeId, Random, Timings } from '@kvorum/common';
import { nodeName } from '@kvorum/common';
import { FailureDetector } from '@kvorum/consensus';
import { mark } from '../marks.ts';
import type { PeerMessage } from '../peer-protocol.ts';

type HeartbeatReply = Extract<PeerMessage, { type: 'heartbeat-reply' }>;

export interface HeartbeatHost {
  send(to: NodeId, message: PeerMessage): void;
  /** The heartbeat round ended; `answers` is what the peers that answered in time said of each group. */
  onHeartbeatRound(answers: ReadonlyMap<NodeId, HeartbeatReply>): void;
  onSuspected?(peer: NodeId): void;
}

export class Heartbeats {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #host: HeartbeatHost;
  readonly #detector: FailureDetector;
  /** The latest of each peer. */
  readonly #answers = new Map<NodeId, HeartbeatReply>();
  readonly #incarnations = new Map<NodeId, number>();
  readonly #timings: Timings;
  #roundStartedMs = 0;
  #stopped = false;

  constructor(clock: Clock, logger: Logger, peers: readonly NodeId[], host: HeartbeatHost, timings: Timings) {
    this.#clock = clock;
    this.#logger = logger;
    this.#host = host;
    this.#timings = timings;
    const { heartbeatRoundMs, electionTimeoutMs, suspicionFactorMax, suspicionStepMs, calmRounds } = timings;
    this.#detector = new FailureDetector(peers, {
      delayMs: heartbeatRoundMs,
      delayStepMs: suspicionStepMs,
      delayMsMax: suspicionFactorMax * heartbeatRoundMs,
      calmRounds,
      silentRoundsMax: Math.ceil(electionTimeoutMs / heartbeatRoundMs),
    });
  }

  get suspects(): ReadonlySet<NodeId> {
    return this.#detector.suspects;
  }

  /** How often the peer was started, as far as it has told; 0 before it did. */
  incarnationOf(peer: NodeId): number {
    return this.#incarnations.get(peer) ?? 0;
  }

  /** Asks these from the next round on. */
  setPeers(peers: readonly NodeId[]): void {
    this.#detector.setPeers(peers);
    for (const peer of this.#answers.keys()) if (!peers.includes(peer)) this.#answers.delete(peer);
  }

  get delayMs(): number {
    return this.#detector.delayMs;
  }

  get #suspectedAfterMs(): number {
    return Math.max(this.delayMs, this.#timings.electionTimeoutMs);
  }

  /** The first round begins at a random moment, so that the nodes' rounds do not all end at the same time. */
  start(random: Random): void {
    const phase = random.nextUint32() / 2 ** 32;
    this.#clock.setTimer(phase * this.#timings.heartbeatRoundMs, () => this.#begin());
  }

  #begin(): void {
    if (this.#stopped) return;
    const { round, ask } = this.#detector.startRound();
    this.#roundStartedMs = this.#clock.monotonicMs();
    for (const peer of ask) this.#host.send(peer, { type: 'heartbeat-request', round });
    // Deferred once more: answers that arrived while this node was busy are taken in before anyone is judged.
    this.#clock.setTimer(this.#detector.delayMs, () => this.#clock.defer(() => this.#end()));
  }

  stop(): void {
    this.#stopped = true;
  }

  onReply(from: NodeId, message: HeartbeatReply): void {
    if (!this.#detector.knows(from)) return;
    this.#incarnations.set(from, Math.max(this.incarnationOf(from), message.incarnation));
    const answer = this.#answers.get(from);
    if (message.round === 0) {
      if (answer !== undefined && isLater(message, answer)) this.#answers.set(from, withNews(answer, message));
      return;
    }
    if (this.#detector.onReply(from, message.round))
      this.#logger.info(`node ${nodeName(from)} is back`, { event: 'peer.back', peer: nodeName(from) });
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
      for (const peer of suspected) this.#host.onSuspected?.(peer);
      for (const peer of suspected)
        this.#logger.warn(`node ${nodeName(peer)} is suspected: no heartbeat for ${this.#suspectedAfterMs} ms`, {
          event: 'peer.suspected',
          peer: nodeName(peer),
        });
      this.#host.onHeartbeatRound(new Map([...this.#answers].filter(([peer]) => alive.has(peer))));
    }
    this.#begin();
  }
}

function isLater(a: HeartbeatReply, b: HeartbeatReply): boolean {
  return a.incarnation > b.incarnation || (a.incarnation === b.incarnation && a.number > b.number);
}

/** The answer, with what changed since. */
function withNews(answer: HeartbeatReply, news: HeartbeatReply): HeartbeatReply {
  const changed = new Set(news.groups.map((entry) => entry.group));
  const { incarnation, number } = news;
  return {
    ...answer,
    incarnation,
    number,
    groups: [...answer.groups.filter((entry) => !changed.has(entry.group)), ...news.groups],
  };
}

/** The answers by group and member. */
export function answersByGroup(
  answers: ReadonlyMap<NodeId, HeartbeatReply>,
): ReadonlyMap<GroupId, ReadonlyMap<NodeId, Uint8Array>> {
  const byGroup = new Map<GroupId, Map<NodeId, Uint8Array>>();
  for (const [peer, answer] of answers) {
    for (const heartbeat of answer.groups) {
      const ofGroup = byGroup.get(heartbeat.group) ?? new Map<NodeId, Uint8Array>();
      byGroup.set(heartbeat.group, ofGroup.set(peer, heartbeat.body));
    }
  }
  return byGroup;
}
