/**
 * The client core on real websockets, with promises.
 */
import type { Address, Dialer, KvorumError, Layout } from '@kvorum/common';
import { decodeUtf8, encodeUtf8, formatAddress, groupOfKey, KvorumError as Failure } from '@kvorum/common';
import type { Operation, OperationResult } from '@kvorum/client/core';
import { ClientCore, defaultClientTimings } from '@kvorum/client/core';
import { systemClock } from '../../../src/adapters/process/system-clock.ts';
import { systemRandom } from '../../../src/adapters/process/system-random.ts';
import { wsDialer } from '../../../src/adapters/websocket/ws-dialer.ts';
import type { Bench } from './bench.ts';

const TIMEOUT_MS = 10_000;

export interface Found {
  readonly version: number;
  readonly value: string;
}

export class TestClient {
  readonly core: ClientCore;

  constructor(bench: Bench, seeds: readonly Address[], dialer: Dialer = wsDialer) {
    this.core = new ClientCore(
      { clock: systemClock, random: systemRandom, dialer, timings: defaultClientTimings },
      seeds,
    );
    bench.atEnd(() => this.core.close());
  }

  /** Rejects with a KvorumError. */
  run(operation: Operation, timeoutMs = TIMEOUT_MS): Promise<OperationResult> {
    return new Promise((resolve, reject) => {
      this.core.submit(operation, timeoutMs, (outcome: OperationResult | KvorumError) => {
        if (outcome instanceof Failure) reject(outcome);
        else resolve(outcome);
      });
    });
  }

  async put(key: string, value: string, timeoutMs = TIMEOUT_MS): Promise<number> {
    const reply = await this.run({ type: 'put', key: encodeUtf8(key), value: encodeUtf8(value) }, timeoutMs);
    if (reply.type !== 'result' || reply.result.type !== 'written') throw new Error(`a put gave ${reply.type}`);
    return reply.result.version;
  }

  async get(key: string, timeoutMs = TIMEOUT_MS): Promise<Found | undefined> {
    const reply = await this.run({ type: 'get', key: encodeUtf8(key) }, timeoutMs);
    if (reply.type !== 'value') throw new Error(`a get gave ${reply.type}`);
    return reply.found && { version: reply.found.version, value: decodeUtf8(reply.found.value) };
  }

  /** Whether the key had this version, 0 for absent, and was written. */
  async cas(key: string, expectedVersion: number, next: string, timeoutMs = TIMEOUT_MS): Promise<boolean> {
    const command = { type: 'cas-version', key: encodeUtf8(key), expectedVersion, next: encodeUtf8(next) } as const;
    const reply = await this.run(command, timeoutMs);
    return reply.type === 'result' && reply.result.type === 'written';
  }

  layout(timeoutMs = TIMEOUT_MS): Promise<Layout> {
    return new Promise((resolve, reject) => {
      this.core.whenReady(timeoutMs, (outcome) => {
        if (outcome instanceof Failure) reject(outcome);
        else resolve(outcome);
      });
    });
  }
}

/** The system's dialer to one address; everything else is out of reach. */
export function onlyTo(reachable: Address): Dialer {
  return {
    dial(address, handlers) {
      if (formatAddress(address) === formatAddress(reachable)) return wsDialer.dial(address, handlers);
      const timer = setTimeout(() => handlers.onClose('out of reach for this test'), 1);
      return {
        remote: formatAddress(address),
        send: () => undefined,
        backlogBytes: () => 0,
        close: () => clearTimeout(timer),
      };
    },
  };
}

/** The first key "PREFIX-n" of each partition, in order of the groups. */
export function keyOfEachGroup(layout: Layout, prefix: string): string[] {
  return layout.groups.slice(1).map((group) => keyInGroup(layout, group.id, prefix));
}

export function keyInGroup(layout: Layout, group: number, prefix: string): string {
  for (let n = 0; ; n += 1) {
    const key = `${prefix}-${n}`;
    if (groupOfKey(layout, encodeUtf8(key)) === group) return key;
  }
}
