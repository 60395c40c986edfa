/** Messages as lines for people, so that an interaction can be reviewed: "n1->n2 accept 1.n1 2:[c] decided 1". */
import { decodeUtf8 } from '@kvorum/common';
import type { Ballot } from '../src/sequence-paxos/ballot.ts';
import { formatTerm } from '../src/replicated-log.ts';
import type { Entry } from '../src/entry.ts';
import type { Message } from '../src/sequence-paxos/messages.ts';

export function entryText(entry: Entry): string {
  return `${entry.kind === 'stop-sign' ? '!' : ''}${decodeUtf8(entry.payload)}`;
}

function entriesText(from: number, entries: readonly Entry[]): string {
  return `${from}:[${entries.map(entryText).join(' ')}]`;
}

function logText(accepted: Ballot, length: number): string {
  return `log ${formatTerm(accepted)}:${length}`;
}

export function messageText(message: Message): string {
  if (message.type === 'prepare-request') return message.type;
  const head = `${message.type} ${formatTerm(message.ballot)}`;
  switch (message.type) {
    case 'prepare':
      return `${head} ${logText(message.acceptedBallot, message.logLength)} from ${message.suffixFrom}`;
    case 'promise':
      return (
        `${head} ${logText(message.acceptedBallot, message.logLength)} decided ${message.decidedIndex} ` +
        `suffix ${entriesText(message.suffixFrom, message.suffix)}`
      );
    case 'accept-sync':
      return (
        `${head} [${message.from},${message.to}) ${entriesText(message.at, message.entries)} ` +
        `decided ${message.decidedIndex}`
      );
    case 'accept':
      return `${head} ${entriesText(message.from, message.entries)} decided ${message.decidedIndex}`;
    case 'accepted':
      return `${head} ${message.acceptedIndex}`;
    case 'decide':
      return `${head} ${message.decidedIndex}`;
    case 'snapshot-offer':
      return `${head} ${message.index}`;
    case 'read-check':
    case 'read-checked':
      return `${head} #${message.round}`;
  }
}
