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

/** Numbers up to here are read from frames and records, and none above it is ever made: 8,900 years of a ballot each ms. */
export const BALLOT_NUMBER_MAX = 2 ** 48;
/**
 * A ballot this far above all that a replica knows is damage, or comes from a program that is none of ours: each election
 * adds 1. Without that bound one message would use all numbers up.
 */
const BALLOT_LEAP_MAX = 2 ** 32;

export function isPlausible(ballot: Ballot, known: Ballot): boolean {
  return ballot.number <= known.number + BALLOT_LEAP_MAX;
}

export function writeBallot(writer: Writer, ballot: Ballot): void {
  writer.uint(ballot.number, BALLOT_NUMBER_MAX).uint(ballot.priority).uint(ballot.node);
}

export function readBallot(reader: Reader): Ballot {
  return { number: reader.uint(BALLOT_NUMBER_MAX), priority: reader.uint(), node: reader.uint() };
}
