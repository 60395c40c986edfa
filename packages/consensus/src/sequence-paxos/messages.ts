/**
 * The messages of Sequence Paxos between the members of one group: who sends each, and what its receipt proves.
 *
 * Unlike the paper's (session, sequence number) pairs, accepts carry the log position they start at. Within one ballot
 * the leader's log only grows, so position and ballot together tell old, next and gap apart, in whatever order, however
 * late and however often messages arrive.
 */
import type { Reader, Writer } from '@kvorum/common';
import { readKind } from '@kvorum/common';
import type { Ballot } from './ballot.ts';
import { readBallot, writeBallot } from './ballot.ts';
import type { Entry } from '../entry.ts';
import { readEntries, writeEntries } from '../entry.ts';

export type Message =
  /**
   * Leader to member: asks for its promise, and for the part of its log that the leader lacks. Repeated until the promise
   * is complete, and sent again to a member that asks to be synchronized.
   */
  | {
      readonly type: 'prepare';
      readonly ballot: Ballot;
      /** The leader's own, so that the member can tell which suffix the leader lacks. */
      readonly acceptedBallot: Ballot;
      readonly logLength: number;
      /** Where the suffix of a member with a higher accepted ballot is to start. */
      readonly suffixFrom: number;
    }
  /**
   * Member to leader, after its promise is on disk: it will accept nothing below the ballot, and has accepted exactly the
   * log described here. The promise counts once its suffix is complete.
   */
  | {
      readonly type: 'promise';
      readonly ballot: Ballot;
      readonly acceptedBallot: Ballot;
      readonly logLength: number;
      readonly decidedIndex: number;
      /** The position of the first suffix entry. Above what was asked for: the member has compacted that part. */
      readonly suffixFrom: number;
      readonly suffix: readonly Entry[];
    }
  /** Member to leader: "I lack something of your round, prepare me again". Proves nothing. */
  | { readonly type: 'prepare-request' }
  /**
   * Leader to a member that promised: entries [from, to) of the leader's log take the place of all that the member has
   * from `from` on; what stands before is the same in both. A long range comes in parts, each with the position `at` of
   * its first entry; the member takes the whole range at once or nothing, because a log that is accepted in this ballot
   * must hold all that may have been chosen before it.
   */
  | {
      readonly type: 'accept-sync';
      readonly ballot: Ballot;
      readonly from: number;
      readonly to: number;
      readonly at: number;
      readonly entries: readonly Entry[];
      readonly decidedIndex: number;
    }
  /** Leader to a synchronized member: the entries that follow position `from` in the leader's log. */
  | {
      readonly type: 'accept';
      readonly ballot: Ballot;
      readonly from: number;
      readonly entries: readonly Entry[];
      readonly decidedIndex: number;
    }
  /** Member to leader, after the entries are on disk: it has accepted the leader's log up to `acceptedIndex`. */
  | { readonly type: 'accepted'; readonly ballot: Ballot; readonly acceptedIndex: number }
  /** Leader to member: a majority has accepted up to `decidedIndex`. */
  | { readonly type: 'decide'; readonly ballot: Ballot; readonly decidedIndex: number }
  /** Leader to a member whose log ends before the leader's begins: fetch a snapshot of at least `index` from me. */
  | { readonly type: 'snapshot-offer'; readonly ballot: Ballot; readonly index: number }
  /** Leader to member: am I still the leader? `round` is unique within the ballot. */
  | { readonly type: 'read-check'; readonly ballot: Ballot; readonly round: number }
  /** Member to leader: when I answered, I had promised nothing above the ballot. */
  | { readonly type: 'read-checked'; readonly ballot: Ballot; readonly round: number };

const messageKinds = [
  'prepare',
  'promise',
  'prepare-request',
  'accept-sync',
  'accept',
  'accepted',
  'decide',
  'snapshot-offer',
  'read-check',
  'read-checked',
] as const;

export function writeMessage(writer: Writer, message: Message): void {
  writer.u8(messageKinds.indexOf(message.type));
  if (message.type === 'prepare-request') return;
  writeBallot(writer, message.ballot);
  switch (message.type) {
    case 'prepare':
      writeBallot(writer, message.acceptedBallot);
      writer.uint(message.logLength).uint(message.suffixFrom);
      return;
    case 'promise':
      writeBallot(writer, message.acceptedBallot);
      writer.uint(message.logLength).uint(message.decidedIndex).uint(message.suffixFrom);
      writeEntries(writer, message.suffix);
      return;
    case 'accept-sync':
      writer.uint(message.from).uint(message.to).uint(message.at).uint(message.decidedIndex);
      writeEntries(writer, message.entries);
      return;
    case 'accept':
      writer.uint(message.from).uint(message.decidedIndex);
      writeEntries(writer, message.entries);
      return;
    case 'accepted':
      writer.uint(message.acceptedIndex);
      return;
    case 'decide':
      writer.uint(message.decidedIndex);
      return;
    case 'snapshot-offer':
      writer.uint(message.index);
      return;
    case 'read-check':
    case 'read-checked':
      writer.uint(message.round);
      return;
  }
}

/** Throws a DecodeError when the bytes are not a message. */
export function readMessage(reader: Reader): Message {
  const type = readKind(reader, messageKinds);
  if (type === 'prepare-request') return { type };
  const ballot = readBallot(reader);
  switch (type) {
    case 'prepare':
      return {
        type,
        ballot,
        acceptedBallot: readBallot(reader),
        logLength: reader.uint(),
        suffixFrom: reader.uint(),
      };
    case 'promise':
      return {
        type,
        ballot,
        acceptedBallot: readBallot(reader),
        logLength: reader.uint(),
        decidedIndex: reader.uint(),
        suffixFrom: reader.uint(),
        suffix: readEntries(reader),
      };
    case 'accept-sync':
      return {
        type,
        ballot,
        from: reader.uint(),
        to: reader.uint(),
        at: reader.uint(),
        decidedIndex: reader.uint(),
        entries: readEntries(reader),
      };
    case 'accept':
      return { type, ballot, from: reader.uint(), decidedIndex: reader.uint(), entries: readEntries(reader) };
    case 'accepted':
      return { type, ballot, acceptedIndex: reader.uint() };
    case 'decide':
      return { type, ballot, decidedIndex: reader.uint() };
    case 'snapshot-offer':
      return { type, ballot, index: reader.uint() };
    case 'read-check':
    case 'read-checked':
      return { type, ballot, round: reader.uint() };
  }
}
