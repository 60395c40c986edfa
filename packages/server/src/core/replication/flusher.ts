/**
 * Writes applied state to the state storage in the background, all groups in one transaction, one transaction under way
 * at a time. What it wrote lets the log be trimmed.
 */
import type { Clock } from '@kvorum/common';
import type { GroupReplica } from './group-replica.ts';
import type { StateMutation, StateStorage } from '../storage/storage.ts';

const FLUSH_INTERVAL_MS = 200;

export class StateFlusher {
  readonly #clock: Clock;
  readonly #storage: StateStorage;
  readonly #replicas: readonly GroupReplica[];
  #scheduled = false;
  #stopped = false;
  #waiting: (() => void)[] = [];

  constructor(clock: Clock, storage: StateStorage, replicas: readonly GroupReplica[]) {
    this.#clock = clock;
    this.#storage = storage;
    this.#replicas = replicas;
  }

  /** Something was applied: it is written within the interval. */
  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#clock.setTimer(FLUSH_INTERVAL_MS, () => this.#flush());
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
    for (const replica of this.#replicas) {
      const flush = replica.state.startFlush();
      if (flush === undefined) continue;
      mutations.push({ group: replica.group, records: flush.records });
      flushed.push(() => {
        flush.flushed();
        replica.onFlushed();
      });
    }
    const done = (): void => {
      this.#scheduled = false;
      for (const callback of flushed) callback();
      if (this.#waiting.length > 0 || this.#replicas.some((replica) => replica.state.hasUnflushed)) this.schedule();
    };
    if (mutations.length === 0) done();
    else this.#storage.commit(mutations, done);
  }
}
