/**
 * Writes applied state to the state storage in the background, all groups in one transaction, one transaction under way
 * at a time. What it wrote lets the log be trimmed.
 */
import type { Clock, GroupId, Histogram } from '@kvorum/common';
import type { AppliedStateStorage, StateMutation } from '../storage/storage-ports.ts';
import type { GroupReplica } from './group-replica.ts';

export interface FlusherHost {
  /** The replicas as they are now. */
  replicas(): Iterable<GroupReplica>;
  /** From which log position on the entries are to be kept for a snapshot under way; Infinity for none. */
  retainFrom(group: GroupId): number;
}

export class Flusher {
  readonly #clock: Clock;
  readonly #storage: AppliedStateStorage;
  readonly #host: FlusherHost;
  readonly #intervalMs: number;
  readonly #duration: Histogram;
  #scheduled = false;
  #stopped = false;
  #waiting: (() => void)[] = [];

  constructor(clock: Clock, storage: AppliedStateStorage, host: FlusherHost, intervalMs: number, duration: Histogram) {
    this.#clock = clock;
    this.#storage = storage;
    this.#host = host;
    this.#intervalMs = intervalMs;
    this.#duration = duration;
  }

  /** Something was applied: it is written within the interval. */
  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#clock.setTimer(this.#intervalMs, () => this.#flush());
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Calls back once everything applied so far is on disk. */
  flushAll(done: () => void): void {
    this.#waiting.push(done);
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#flush();
  }

  #flush(): void {
    if (this.#stopped) return;
    const mutations: StateMutation[] = [];
    const flushed = this.#waiting;
    this.#waiting = [];
    for (const replica of this.#host.replicas()) {
      const { group } = replica;
      const flush = replica.applied?.startFlush();
      if (flush === undefined) continue;
      mutations.push({ group, records: flush.records });
      flushed.push(() => {
        flush.flushed();
        replica.input({ type: 'flushed', retainFrom: this.#host.retainFrom(group) });
      });
    }
    const done = (): void => {
      this.#scheduled = false;
      for (const callback of flushed) callback();
      const replicas = [...this.#host.replicas()];
      if (this.#waiting.length > 0 || replicas.some(({ applied }) => applied?.hasUnflushed === true)) this.schedule();
    };
    if (mutations.length === 0) {
      done();
      return;
    }
    const startedMs = this.#clock.monotonicMs();
    this.#storage.commit(mutations, () => {
      this.#duration.observe((this.#clock.monotonicMs() - startedMs) / 1000);
      done();
    });
  }
}
