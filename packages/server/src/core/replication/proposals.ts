/**
 * Commands on their way into the log: taken in this step, proposed as few entries, then waiting until these are decided.
 *
 * State: what was taken and not proposed, what was proposed in this step, and by log position what waits. Invariant: a ticket
 * that was taken is handed out again once, as refused, decided or given up.
 */
import type { Limits } from '@kvorum/common';
import { Writer } from '@kvorum/common';
import type { Elapsed, LoggedCommand } from '../state/batch.ts';
import { assembleBatch, loggedBytes, writeLoggedCommand } from '../state/batch.ts';
import type { LogClock } from './log-clock.ts';

/** An entry to be ordered. */
export interface Proposal {
  readonly ticket: number;
  readonly payload: Uint8Array;
}

interface QueuedCommand {
  readonly ticket: number;
  readonly command: LoggedCommand;
}

interface Proposed {
  readonly bytes: number;
  /** Of its commands, in their order. */
  readonly tickets: readonly number[];
}

const none: readonly never[] = [];
const noTime: Elapsed = { elapsedMs: 0, outageMs: 0 };

export class Proposals {
  readonly #limits: Limits;
  #queue: QueuedCommand[] = [];
  #queueBytes = 0;
  /** Of this step, by the proposal's own ticket. */
  readonly #proposed = new Map<number, Proposed>();
  #lastProposal = 0;
  /** Proposed and not decided, in log order. */
  #pending: (Proposed & { readonly index: number })[] = [];
  #pendingBytes = 0;
  #pendingCommands = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Returns false when the group has its limit of commands. */
  take(ticket: number, command: LoggedCommand): boolean {
    const bytes = loggedBytes(command);
    const { pendingBytesPerGroupMax, pendingCommandsPerGroupMax } = this.#limits;
    if (this.#pendingBytes + this.#queueBytes + bytes > pendingBytesPerGroupMax) return false;
    if (this.#pendingCommands + this.#queue.length >= pendingCommandsPerGroupMax) return false;
    this.#queue.push({ ticket, command });
    this.#queueBytes += bytes;
    return true;
  }

  /** What was taken, as few entries. */
  propose(clock: LogClock, nowMs: number): readonly Proposal[] {
    if (this.#queue.length === 0) return none;
    const proposals: Proposal[] = [];
    // All that passed belongs to the first of them.
    let elapsed = clock.take(nowMs);
    for (let next = 0; next < this.#queue.length;) {
      const body = new Writer();
      const tickets: number[] = [];
      for (; next < this.#queue.length && tickets.length < this.#limits.entryCommandsMax; next += 1) {
        const { command, ticket } = this.#queue[next] as QueuedCommand;
        if (tickets.length > 0 && body.length + loggedBytes(command) > this.#limits.entryBytesMax) break;
        writeLoggedCommand(body, command);
        tickets.push(ticket);
      }
      const payload = assembleBatch(elapsed, tickets.length, body.finish());
      elapsed = noTime;
      this.#lastProposal += 1;
      this.#proposed.set(this.#lastProposal, { bytes: payload.length, tickets });
      proposals.push({ ticket: this.#lastProposal, payload });
    }
    this.#queue = [];
    this.#queueBytes = 0;
    return proposals;
  }

  /** The proposal has this position in the log. */
  ordered(proposal: number, index: number): void {
    const { bytes, tickets } = this.#takeProposed(proposal);
    this.#pending.push({ bytes, tickets, index });
    this.#pendingBytes += bytes;
    this.#pendingCommands += tickets.length;
  }

  /** The proposal was not taken: returns the tickets of its commands. */
  refused(proposal: number): readonly number[] {
    return this.#takeProposed(proposal).tickets;
  }

  /** The entry at this position is decided: returns the tickets of its commands, none if it was not proposed here. */
  decided(index: number): readonly number[] {
    if (this.#pending[0]?.index !== index) return none;
    const { bytes, tickets } = this.#pending.shift() as Proposed;
    this.#pendingBytes -= bytes;
    this.#pendingCommands -= tickets.length;
    return tickets;
  }

  /** Nobody waits any longer for what is not decided: returns the tickets of all of it. */
  giveUp(): readonly number[] {
    const tickets = this.#pending.flatMap((entry) => entry.tickets);
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#pendingCommands = 0;
    return tickets;
  }

  #takeProposed(proposal: number): Proposed {
    const proposed = this.#proposed.get(proposal);
    if (proposed === undefined) throw new Error(`an outcome of proposal ${proposal}, which was not made in this step`);
    this.#proposed.delete(proposal);
    return proposed;
  }
}
