/**
 * Ballots: the rounds of Sequence Paxos, one leader each.
 */
import type { NodeId, Reader, Writer } from '@kvorum/common';

/** Ordered by number, then priority, then node; so a ballot belongs to one node only. */
export interface Ballot {
  readonly number: number;
  /** Breaks ties between candidates of the same number; spreads the leaders of many groups over the nodes. */
  readonly priority: number;
  readonly node: NodeId;
}

/** Below every ballot that anyone leads with. */
export const ZERO_BALLOT: Ballot = { number: 0, priority: 0, node: 0 };

/** Negative, zero or positive as `a` is below, equal to or above `b`. */
export function compareBallots(a: Ballot, b: Ballot): number {
  return a.number - b.number || a.priority - b.priority || a.node - b.node;
}

export function sameBallot(a: Ballot, b: Ballot): boolean {
  return compareBallots(a, b) === 0;
}

export function maxBallot(a: Ballot, b: Ballot): Ballot {
  return compareBallots(a, b) >= 0 ? a : b;
}

/** For people: "7.n2" is ballot number 7 of node 2. */
export function formatBallot(ballot: Ballot): string {
  return `${ballot.number}.n${ballot.node}`;
}

export function writeBallot(writer: Writer, ballot: Ballot): void {
  writer.uint(ballot.number).uint(ballot.priority).uint(ballot.node);
}

export function readBallot(reader: Reader): Ballot {
  return { number: reader.uint(), priority: reader.uint(), node: reader.uint() };
}
