/**
 * Log agreement: at each position of a group's log, all replicas have decided the same entry, at any time and across
 * restarts; and what a process counts as decided never becomes less while it runs. (A restart may lose the knowledge of
 * what is decided, never the entries; so the index is compared within one incarnation, the entries always.)
 *
 * Whoever reads the replicas' logs reports them here, each decided entry as a 32-bit hash of its encoding. The first
 * report fixes the position. Two different entries with equal hashes go unnoticed once in 2^32, which a broken protocol
 * does not live up to.
 *
 * Called for each entry on each replica, so a position is two array elements and a report is a comparison. Groups and
 * processes are small numbers; positions start anywhere.
 */

import { processName } from '../world/process-name.ts';
import { Complaints } from './complaints.ts';

export interface DecidedFigures {
  /** Positions that some replica has shown. */
  readonly entries: number;
  /** Reports that agreed with another process's: 0 means that nothing was compared. */
  readonly confirmations: number;
}

/** Beyond this an index is a broken one, and no array should grow to it. */
export const POSITIONS_MAX = 1 << 24;
const PROCESSES_MAX = 0xffff;
const POSITIONS_MIN = 1 << 10;

export class DecidedLogs {
  readonly #groups: GroupLog[] = [];
  readonly #complaints = new Complaints();
  #entries = 0;
  #confirmations = 0;

  get figures(): DecidedFigures {
    return { entries: this.#entries, confirmations: this.#confirmations };
  }

  /** Empty as long as all logs agree. */
  get complaints(): string[] {
    return this.#complaints.list();
  }

  /** The process shows that the entry with this hash is decided at the position. */
  note(group: number, process: number, index: number, hash: number): void {
    if (!isIndex(index) || !isIndex(process) || process >= PROCESSES_MAX) {
      this.#complaints.add(() => `group ${group}: ${processName(process)} decided something at position ${index}`);
      return;
    }
    const log = this.#log(group);
    if (index >= log.hashes.length) log.grow(index + 1);
    const owner = log.owners[index]!;
    if (owner === 0) {
      log.owners[index] = process + 1;
      log.hashes[index] = hash;
      this.#entries++;
    } else if (log.hashes[index] !== hash >>> 0) {
      const fixed = log.hashes[index]!;
      this.#complaints.add(
        () =>
          `group ${group}: ${processName(process)} decided ${hex(hash)} at position ${index}, ` +
          `${processName(owner - 1)} had decided ${hex(fixed)} there`,
      );
    } else if (owner !== process + 1) {
      this.#confirmations++;
    }
  }

  /** The process counts everything below this index as decided. */
  progress(group: number, process: number, incarnation: number, decidedIndex: number): void {
    const { latest } = this.#log(group);
    const last = latest[process];
    if (last === undefined || incarnation > last.incarnation) {
      latest[process] = { incarnation, decidedIndex };
      return;
    }
    if (incarnation < last.incarnation) {
      this.#complaints.add(
        () => `group ${group}: ${processName(process)} went on as incarnation ${incarnation} after ${last.incarnation}`,
      );
      return;
    }
    if (!(decidedIndex >= last.decidedIndex)) {
      const before = last.decidedIndex;
      this.#complaints.add(
        () => `group ${group}: the decided index of ${processName(process)} fell from ${before} to ${decidedIndex}`,
      );
    }
    last.decidedIndex = decidedIndex;
  }

  #log(group: number): GroupLog {
    return (this.#groups[group] ??= new GroupLog());
  }
}

interface Progress {
  readonly incarnation: number;
  decidedIndex: number;
}

class GroupLog {
  hashes = new Uint32Array(POSITIONS_MIN);
  /** Who showed the position first, plus one; 0 for nobody. */
  owners = new Uint16Array(POSITIONS_MIN);
  /** By process. */
  readonly latest: Progress[] = [];

  grow(positions: number): void {
    const length = Math.max(positions, 2 * this.hashes.length);
    const { hashes, owners } = this;
    this.hashes = new Uint32Array(length);
    this.hashes.set(hashes);
    this.owners = new Uint16Array(length);
    this.owners.set(owners);
  }
}

function isIndex(number: number): boolean {
  return Number.isInteger(number) && number >= 0 && number < POSITIONS_MAX;
}

function hex(hash: number): string {
  return (hash >>> 0).toString(16).padStart(8, '0');
}
