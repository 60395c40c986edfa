/**
 * What a step has to say, collected while it runs: messages, outcomes and events. Whichever role the replica has writes into
 * it; `take` empties it at the end of the step.
 */
import type { NodeId } from '@kvorum/common';
import type { LogEvent, Outgoing, ProposalOutcome, ReadOutcome } from '../replicated-log.ts';
import type { Message } from './messages.ts';
import type { SequencePaxosEffects } from './types.ts';

export class Outbox {
  readonly #send: Outgoing<Message>[] = [];
  readonly #sendAfterPersist: Outgoing<Message>[] = [];
  readonly #proposals: ProposalOutcome[] = [];
  readonly #reads: ReadOutcome[] = [];
  readonly #events: LogEvent[] = [];

  send(to: NodeId, message: Message): void {
    this.#send.push({ to, message });
  }

  /** Leaves once everything that this step and the earlier ones persist is on disk. */
  sendAfterPersist(to: NodeId, message: Message): void {
    this.#sendAfterPersist.push({ to, message });
  }

  emit(event: LogEvent): void {
    this.#events.push(event);
  }

  proposalOutcome(outcome: ProposalOutcome): void {
    this.#proposals.push(outcome);
  }

  readOutcome(outcome: ReadOutcome): void {
    this.#reads.push(outcome);
  }

  /** The effects of the step, with what it persists. */
  take(persist: SequencePaxosEffects['persist']): SequencePaxosEffects {
    return {
      persist,
      send: takeAll(this.#send),
      sendAfterPersist: takeAll(this.#sendAfterPersist),
      proposals: takeAll(this.#proposals),
      reads: takeAll(this.#reads),
      events: takeAll(this.#events),
    };
  }
}

const nothing: readonly never[] = Object.freeze([]);

/** Empties the list; most steps have nothing in most of them. */
function takeAll<T>(list: T[]): readonly T[] {
  return list.length === 0 ? nothing : list.splice(0);
}
