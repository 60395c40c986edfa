/** The simulated disk of one replica: holds exactly what completed persists wrote. */
import type { Entry } from '../src/entry.ts';
import type { Ballot } from '../src/sequence-paxos/ballot.ts';
import { ZERO_BALLOT } from '../src/sequence-paxos/ballot.ts';
import type { Persist } from '../src/replicated-log.ts';
import type { HardState, Recovered, SequencePaxosTypes } from '../src/sequence-paxos/types.ts';
import { entryText } from './transcript.ts';

export class Disk {
  hardState: HardState = {
    promisedBallot: ZERO_BALLOT,
    acceptedBallot: ZERO_BALLOT,
    decidedIndex: 0,
  };
  compactedIndex = 0;
  /** Entries below it are applied to the durable state. */
  stateIndex = 0;
  /** The ballot of a state that came from another replica, until the log on disk has noted it. */
  installedIn: Ballot | undefined;
  /** Nothing was ever written: a replica that starts from here is new. */
  blank = true;
  readonly #entries = new Map<number, Entry>();

  get logLength(): number {
    return this.compactedIndex + this.#entries.size;
  }

  at(index: number): Entry | undefined {
    return this.#entries.get(index);
  }

  /** Writes as the contract of `Persist` says, and checks that what results is a log without holes. */
  apply(persist: Persist<SequencePaxosTypes>): void {
    this.blank = false;
    if (persist.append !== undefined) {
      const { from, entries } = persist.append;
      for (const index of [...this.#entries.keys()]) if (index >= from) this.#entries.delete(index);
      entries.forEach((entry, i) => this.#entries.set(from + i, entry));
    }
    if (persist.hardState !== undefined) this.hardState = persist.hardState;
    if (persist.compactedIndex !== undefined) {
      this.compactedIndex = persist.compactedIndex;
      for (const index of [...this.#entries.keys()]) if (index < persist.compactedIndex) this.#entries.delete(index);
    }
    const { logLength } = persist.receipt;
    if (this.logLength !== logLength) throw new Error(`disk log ends at ${this.logLength}, receipt says ${logLength}`);
    for (let i = this.compactedIndex; i < logLength; i += 1) {
      if (!this.#entries.has(i)) throw new Error(`hole at ${i} in the log on disk`);
    }
    if (logLength >= this.stateIndex && this.compactedIndex >= this.stateIndex) this.installedIn = undefined;
    if (this.hardState.decidedIndex > logLength) throw new Error('decided index on disk is past the log on disk');
  }

  recovered(): Recovered {
    const entries: Entry[] = [];
    for (let i = this.compactedIndex; i < this.logLength; i += 1) entries.push(this.#entries.get(i) as Entry);
    return { hardState: this.hardState, compactedIndex: this.compactedIndex, entries };
  }

  /** Readable content, e.g. "3:[d e]". */
  text(): string {
    const { compactedIndex, entries } = this.recovered();
    return `${compactedIndex}:[${entries.map(entryText).join(' ')}]`;
  }
}
