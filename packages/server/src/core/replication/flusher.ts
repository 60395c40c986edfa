/**
 * Writes applied state to the state storage in the background, all groups in one transaction, one transaction under way
 * at a time: after an interval, at once when a group has much to write. What it wrote lets the log be trimmed.
 */
import type { CancelTimer, Clock, GroupId, Histogram } from '@kvorum/common';
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
  #phase: 'idle' | 'waiting' | 'urgent' | 'writing' = 'idle';
  #cancelTimer: CancelTimer = () => undefined;
  #stopped = false;
  #waiting: (() => void)[] = [];

  constructor(clock: Clock, storage: AppliedStateStorage, host: FlusherHost, intervalMs: number, duration: Histogram) {
    this.#clock = clock;
    this.#storage = storage;
    this.#host = host;
    this.#intervalMs = intervalMs;
    this.#duration = duration;
  }

  /** Something was applied: it is written within the interval, or else as soon as this turn is over. */
  schedule(urgent: boolean): void {
    if (this.#phase !== 'idle' && !(this.#phase === 'waiting' && urgent)) return;
    this.#cancelTimer();
    this.#phase = urgent ? 'urgent' : 'waiting';
    this.#cancelTimer = this.#clock.setTimer(urgent ? 0 : this.#intervalMs, () => this.#flush());
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Calls back once everything applied so far is on disk. */
  flushAll(done: () => void): void {
    this.#waiting.push(done);
    if (this.#phase === 'writing') return;
    this.#cancelTimer();
    this.#flush();
  }

  #flush(): void {
    if (this.#stopped) return;
    this.#phase = 'writing';
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
      this.#phase = 'idle';
      for (const callback of flushed) callback();
      const states = [...this.#host.replicas()].map(({ applied }) => applied);
      const urgent = this.#waiting.length > 0 || states.some((state) => state?.flushIsUrgent === true);
      if (urgent || states.some((state) => state?.hasUnflushed === true)) this.schedule(urgent);
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
