/** One replica whose peers the test plays: messages in, lines out. */
import type { NodeId } from '@kvorum/common';
import type { Ballot } from '../src/sequence-paxos/ballot.ts';
import { ZERO_BALLOT } from '../src/sequence-paxos/ballot.ts';
import type { Entry } from '../src/entry.ts';
import type { Message } from '../src/sequence-paxos/messages.ts';
import type { LogLimits } from '../src/sequence-paxos/role.ts';
import { SequencePaxos } from '../src/sequence-paxos/sequence-paxos.ts';
import type {
  GroupHeartbeat,
  PersistReceipt,
  SequencePaxosEffects,
  SequencePaxosInput,
} from '../src/sequence-paxos/types.ts';
import { command } from './cluster.ts';
import { defaultLogLimits } from '../src/sequence-paxos/role.ts';
import { entryText, messageText } from './transcript.ts';

export interface OnDisk {
  readonly promised?: Ballot;
  readonly accepted?: Ballot;
  readonly decided?: number;
  readonly compacted?: number;
  /** "a b c": one entry each, from `compacted` on. */
  readonly log?: string;
}

/** Priority 0, which every real candidate is above. */
export function ballot(number: number, node: NodeId): Ballot {
  return { number, priority: 0, node };
}

/** "a b" as entries. */
export function entries(text: string): Entry[] {
  return text === '' ? [] : text.split(' ').map(command);
}

/** What a member answers that has not tried to lead and knows no leader. */
export function heartbeat(changes: Partial<GroupHeartbeat> = {}): GroupHeartbeat {
  return {
    ballot: { number: 0, priority: 1, node: 99 },
    leaderBallot: ZERO_BALLOT,
    happy: false,
    leadingDecidedIndex: 0,
    ...changes,
  };
}

export class Lone {
  readonly replica: SequencePaxos;
  readonly #others: readonly NodeId[];
  #receipt: PersistReceipt | undefined;
  /** Of the last step. */
  effects: SequencePaxosEffects | undefined;

  constructor(self: NodeId, members: readonly NodeId[], disk?: OnDisk, limits: Partial<LogLimits> = {}) {
    this.#others = members.filter((member) => member !== self);
    const accepted = disk?.accepted ?? ZERO_BALLOT;
    this.replica = new SequencePaxos({
      self,
      members,
      limits: { ...defaultLogLimits, ...limits },
      ...(disk !== undefined && {
        recovered: {
          hardState: {
            promisedBallot: disk.promised ?? accepted,
            acceptedBallot: accepted,
            decidedIndex: disk.decided ?? disk.compacted ?? 0,
          },
          compactedIndex: disk.compacted ?? 0,
          entries: entries(disk.log ?? ''),
        },
      }),
    });
  }

  /** Lines: "n2 decide 1.n1 3" for what leaves at once, "written: n2 ..." for what waits for the write. */
  step(...inputs: SequencePaxosInput[]): string[] {
    const effects = this.replica.step(inputs);
    this.effects = effects;
    this.#receipt = effects.persist?.receipt ?? this.#receipt;
    return [
      ...effects.send.map(({ to, message }) => `n${to} ${messageText(message)}`),
      ...effects.sendAfterPersist.map(({ to, message }) => `written: n${to} ${messageText(message)}`),
    ];
  }

  receive(from: NodeId, ...messages: Message[]): string[] {
    return this.step(...messages.map((message): SequencePaxosInput => ({ type: 'message', from, message })));
  }

  propose(text: string): string[] {
    return this.step(...entries(text).map((entry, ticket): SequencePaxosInput => ({ type: 'propose', ticket, entry })));
  }

  /** A heartbeat round; by default every peer answers and none sees a leader, so that this replica takes over. */
  round(replies = new Map(this.#others.map((other) => [other, heartbeat()]))): string[] {
    return this.step({ type: 'heartbeat-round', replies });
  }

  /** Its last write is on disk. */
  written(): string[] {
    if (this.#receipt === undefined) throw new Error('nothing was written');
    return this.step({ type: 'persisted', receipt: this.#receipt });
  }

  /** The log with a bar after the last decided entry. */
  get log(): string {
    const { compactedIndex, decidedIndex, logLength } = this.replica;
    const texts = this.replica.entries(compactedIndex, logLength).map(entryText);
    texts.splice(decidedIndex - compactedIndex, 0, '|');
    return texts.join(' ');
  }

  get events(): string[] {
    return (this.effects?.events ?? []).map((event) => event.type);
  }
}
