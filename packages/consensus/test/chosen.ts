/** The decided sequence, as far as any replica has ever known it: what every replica is checked against. */
import { equalBytes } from '@kvorum/common';
import type { Entry } from '../src/entry.ts';
import { majorityOf } from '../src/quorum.ts';
import type { SequencePaxos } from '../src/sequence-paxos/sequence-paxos.ts';
import type { Disk } from './disk.ts';
import { entryText } from './transcript.ts';

export class Chosen {
  readonly entries: Entry[] = [];
  readonly #disks: readonly Disk[];

  constructor(disks: readonly Disk[]) {
    this.#disks = disks;
  }

  get length(): number {
    return this.entries.length;
  }

  /** Compares what a replica has decided from `known` on, and adds what is new. */
  learn(name: string, replica: SequencePaxos, known: number): void {
    const { decidedIndex, compactedIndex, logLength } = replica;
    if (decidedIndex < known) throw new Error(`${name} undecides ${decidedIndex} < ${known}`);
    if (decidedIndex > logLength) throw new Error(`${name} decided ${decidedIndex} past its log of ${logLength}`);
    if (compactedIndex > decidedIndex) throw new Error(`${name} compacted ${compactedIndex} past ${decidedIndex}`);
    const from = Math.max(known, compactedIndex);
    if (from > this.length) throw new Error(`${name} counts ${from} as decided, which nobody decided`);
    const decided = from < decidedIndex ? replica.entries(from, decidedIndex) : [];
    decided.forEach((entry, i) => this.#learnAt(from + i, entry, name));
  }

  has(index: number, entry: Entry): boolean {
    const known = this.entries[index];
    return known !== undefined && sameEntry(known, entry);
  }

  #learnAt(index: number, entry: Entry, name: string): void {
    const known = this.entries[index];
    if (known === undefined) {
      this.entries.push(entry);
      this.#checkDurable(index, entry);
    } else if (!sameEntry(known, entry)) {
      throw new Error(`position ${index} is ${entryText(known)} and, on ${name}, ${entryText(entry)}`);
    }
  }

  /** What is decided is on the disks of a majority, whoever is down. */
  #checkDurable(index: number, entry: Entry): void {
    const holders = this.#disks.filter((disk) => {
      const onDisk = disk.at(index);
      return index < disk.compactedIndex || (onDisk !== undefined && sameEntry(onDisk, entry));
    });
    if (holders.length < majorityOf(this.#disks.length)) {
      throw new Error(`${entryText(entry)} at ${index} is decided but on ${holders.length} disks only`);
    }
  }
}

function sameEntry(a: Entry, b: Entry): boolean {
  return a.kind === b.kind && equalBytes(a.payload, b.payload);
}
