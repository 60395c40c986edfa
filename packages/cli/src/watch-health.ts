/**
 * Watches for the REPL whether the cluster can be used: which node answers, whether each group serves. Asks in the
 * background, which also brings a lost connection back.
 */
import { formatAddress } from '@kvorum/common';
import type { Client } from '@kvorum/client';
import { groupTroubles, viewCluster } from './cluster-view.ts';

export interface Health {
  /** The node this session talks to; undefined while none answers. */
  readonly at: string | undefined;
  /** What keeps groups from serving; empty when all of them do. */
  readonly troubles: readonly string[];
}

export interface HealthEvents {
  onChange(health: Health, news: string | undefined): void;
}

const ASK_INTERVAL_MS = 2000;
const RECONNECT_INTERVAL_MS = 500;

export class HealthWatch {
  readonly #client: Client;
  readonly #events: HealthEvents;
  readonly #stopped = new AbortController();
  #health: Health;
  #timer: NodeJS.Timeout | undefined;

  constructor(client: Client, events: HealthEvents) {
    this.#client = client;
    this.#events = events;
    this.#health = { at: this.#address(), troubles: [] };
    void this.#follow();
    this.#schedule();
  }

  get health(): Health {
    return this.#health;
  }

  stop(): void {
    this.#stopped.abort();
    clearTimeout(this.#timer);
  }

  /** Connection events say at once what polling would find out later. */
  async #follow(): Promise<void> {
    const events = this.#client.status();
    this.#stopped.signal.addEventListener('abort', () => void events.return?.(), { once: true });
    for await (const event of events) {
      if (event.type !== 'layout') this.#update({ ...this.#health, at: this.#address() });
    }
  }

  #schedule(): void {
    const delayMs = this.#health.at === undefined ? RECONNECT_INTERVAL_MS : ASK_INTERVAL_MS;
    this.#timer = setTimeout(() => {
      void this.#ask().finally(() => {
        if (!this.#stopped.signal.aborted) this.#schedule();
      });
    }, delayMs);
    this.#timer.unref();
  }

  async #ask(): Promise<void> {
    const { layout } = this.#client;
    const options = { timeoutMs: 1000, signal: this.#stopped.signal };
    try {
      if (layout === undefined) {
        await this.#client.ready(options);
        return;
      }
      const { groups } = await viewCluster(this.#client, layout, options);
      if (!this.#stopped.signal.aborted) this.#update({ at: this.#address(), troubles: groupTroubles(groups) });
    } catch {
      // Who does not answer now is asked again.
    }
  }

  /** The first server that was named, while it is there. */
  #address(): string | undefined {
    const connected = this.#client.connected.map(formatAddress);
    const named = this.#client.servers.map(formatAddress);
    return named.find((name) => connected.includes(name)) ?? connected[0];
  }

  #update(next: Health): void {
    const before = this.#health;
    this.#health = next;
    const changed = before.at !== next.at || before.troubles.join() !== next.troubles.join();
    if (changed && !this.#stopped.signal.aborted) this.#events.onChange(next, newsOf(before, next));
  }
}

function newsOf(before: Health, next: Health): string | undefined {
  if (next.at === undefined)
    return before.at === undefined ? undefined : `disconnected from ${before.at}; reconnecting`;
  if (before.at === undefined) return `connected to ${next.at}`;
  if (before.at !== next.at) return `now at ${next.at}: ${before.at} does not answer`;
  if (next.troubles.length > 0 && before.troubles.length === 0) return next.troubles.join('; ');
  return next.troubles.length === 0 && before.troubles.length > 0 ? 'every group serves again' : undefined;
}
