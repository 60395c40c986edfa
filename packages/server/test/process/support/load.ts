/**
 * A steady load of puts on every group, and what came of it.
 */
import type { KvorumError, Layout } from '@kvorum/common';
import { encodeUtf8, groupOfKey } from '@kvorum/common';
import { pause, until } from './deadline.ts';
import { keyInGroup, type TestClient } from './test-client.ts';

const OPERATION_MS_MAX = 20_000;
/** Between an answer and the next put of a worker: the load is steady, and leaves the processors some air. */
const THINK_MS = 5;

export interface Gap {
  readonly ms: number;
  readonly group: number;
  /** Between any two acknowledged writes. */
  readonly anyMs: number;
  /** For people. */
  readonly text: string;
}

const noGap: Gap = { ms: 0, group: 0, anyMs: 0, text: '' };

export class SteadyLoad {
  readonly #client: TestClient;
  readonly #prefix: string;
  readonly #layout: Layout;
  readonly #workers: Promise<void>[] = [];
  #stopping = false;
  /** Acknowledged writes: every key is written once. */
  readonly acked = new Map<string, string>();
  readonly failed: KvorumError[] = [];
  readonly #ackedIn = new Map<number, number>();
  /** Of the last acknowledgement, by group. */
  readonly #lastAckMs = new Map<number, number>();
  #anyLastAckMs = 0;
  #worst = noGap;

  private constructor(client: TestClient, layout: Layout, prefix: string) {
    this.#client = client;
    this.#layout = layout;
    this.#prefix = prefix;
  }

  /** Worker w writes to partition w modulo their number, so that no group is without load when another one stands still. */
  static async start(client: TestClient, outstanding: number, prefix: string): Promise<SteadyLoad> {
    const load = new SteadyLoad(client, await client.layout(), prefix);
    for (let worker = 0; worker < outstanding; worker += 1) load.#workers.push(load.#work(worker));
    return load;
  }

  /** The longest time between two acknowledged writes of one group, since this was last called. */
  takeGap(): Gap {
    const gap = this.#worst;
    const text = `${Math.round(gap.ms)} ms in group ${gap.group} (between any two writes ${Math.round(gap.anyMs)} ms)`;
    this.#worst = noGap;
    return { ...gap, text };
  }

  /** Waits until every group has acknowledged so many more writes. */
  async progress(writes: number, timeoutMs = 15_000): Promise<void> {
    const groups = this.#layout.groups.slice(1).map(({ id }) => id);
    const targets = groups.map((id) => [id, (this.#ackedIn.get(id) ?? 0) + writes] as const);
    await until(`${writes} more writes in every group`, timeoutMs, () =>
      targets.every(([id, target]) => (this.#ackedIn.get(id) ?? 0) >= target),
    );
  }

  /** Lets what is under way end. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#workers);
  }

  async #work(worker: number): Promise<void> {
    const group = 1 + (worker % (this.#layout.groups.length - 1));
    for (let n = 0; !this.#stopping; n += 1) {
      const key = keyInGroup(this.#layout, group, `${this.#prefix}/${worker}/${n}`);
      try {
        await this.#client.put(key, key, OPERATION_MS_MAX);
        this.#acknowledged(key);
      } catch (error) {
        this.failed.push(error as KvorumError);
      }
      await pause(THINK_MS);
    }
  }

  #acknowledged(key: string): void {
    const now = performance.now();
    const group = groupOfKey(this.#layout, encodeUtf8(key));
    const gap = now - (this.#lastAckMs.get(group) ?? now);
    if (gap > this.#worst.ms) this.#worst = { ...this.#worst, ms: gap, group };
    const any = this.#anyLastAckMs === 0 ? 0 : now - this.#anyLastAckMs;
    if (any > this.#worst.anyMs) this.#worst = { ...this.#worst, anyMs: any };
    this.#lastAckMs.set(group, now);
    this.#anyLastAckMs = now;
    this.#ackedIn.set(group, (this.#ackedIn.get(group) ?? 0) + 1);
    this.acked.set(key, key);
  }
}

/** Reads every key back, some at a time; returns those that do not have their value. */
export async function missing(client: TestClient, written: ReadonlyMap<string, string>): Promise<string[]> {
  const lost: string[] = [];
  const entries = written.entries();
  const read = async (): Promise<void> => {
    for (const [key, value] of entries) {
      const found = await client.get(key);
      if (found?.value !== value) lost.push(key);
    }
  };
  await Promise.all(Array.from({ length: 200 }, read));
  return lost;
}
