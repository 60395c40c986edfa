/** The storage ports on LMDB and on the simulated disk, as the acceptance suites drive them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { MetricsRegistry } from '@kvorum/common';
import type { OpenedStorage } from '@kvorum/testing';
import { untilCalled } from '@kvorum/testing';
import { open as openLmdb } from 'lmdb';
import { systemClock } from '../../src/adapters/process/system-clock.ts';
import type { Storages } from '../../src/adapters/storage/lmdb-storage.ts';
import { openStorages } from '../../src/adapters/storage/lmdb-storage.ts';
import { Disk } from '../../../../simulations/src/world/disk.ts';
import { RandomStream } from '../../../../simulations/src/world/random-stream.ts';
import { Schedule } from '../../../../simulations/src/world/schedule.ts';

type Ports = Omit<Storages, 'close'>;

/** All three ports of one data directory or disk. */
export interface StorageRig extends Omit<OpenedStorage<unknown>, 'port'> {
  ports: Ports;
  /** Replaces every record of the logs as it stands on disk. */
  rewriteLogs(change: (record: Uint8Array) => Uint8Array): Promise<void>;
}

export interface StorageKind {
  readonly name: string;
  readonly create: () => StorageRig;
}

const fail = (error: Error): void => {
  throw error;
};

const measures = { clock: systemClock, metrics: new MetricsRegistry() };

class LmdbRig implements StorageRig {
  readonly #directory = mkdtempSync(path.join(tmpdir(), 'kvorum-acceptance-'));
  ports: Storages = openStorages(this.#directory, fail, measures);
  readonly until = untilCalled;

  async reopen(): Promise<void> {
    await this.ports.close();
    this.ports = openStorages(this.#directory, fail, measures);
  }

  async rewriteLogs(change: (record: Uint8Array) => Uint8Array): Promise<void> {
    await this.ports.close();
    const options = { path: path.join(this.#directory, 'log'), encoding: 'binary', keyEncoding: 'binary' } as const;
    const database = openLmdb<Buffer, Buffer>(options);
    // Copies: LMDB's buffers are valid until the next read only.
    const all = [...database.getRange()].map(({ key, value }) => [Buffer.from(key), Buffer.from(value)] as const);
    for (const [key, value] of all) await database.put(key, Buffer.from(change(value)));
    await database.close();
    this.ports = openStorages(this.#directory, fail, measures);
  }

  async close(): Promise<void> {
    await this.ports.close();
    rmSync(this.#directory, { recursive: true });
  }
}

class SimulatedRig implements StorageRig {
  readonly #schedule = new Schedule(1);
  readonly #disk = new Disk(new RandomStream(1, 'disk'), { commitUs: [200, 2000] });
  #incarnation = 0;
  ports: Ports = this.#open();

  #open(): Ports {
    const own = this.#incarnation;
    const user = {
      later: (delayUs: number, done: () => void): void => {
        this.#schedule.after(delayUs, () => {
          if (own === this.#incarnation) done();
        });
      },
      onFailure: (reason: string): void => fail(new Error(reason)),
    };
    return {
      log: this.#disk.logStorage(user),
      state: this.#disk.stateStorage(user),
      records: this.#disk.nodeRecords(user),
    };
  }

  until(start: (done: () => void) => void): Promise<void> {
    let isDone = false;
    start(() => (isDone = true));
    while (!isDone && this.#schedule.step());
    return isDone ? Promise.resolve() : Promise.reject(new Error('it was never done'));
  }

  reopen(): Promise<void> {
    this.#incarnation += 1;
    this.ports = this.#open();
    return Promise.resolve();
  }

  rewriteLogs(change: (record: Uint8Array) => Uint8Array): Promise<void> {
    return Promise.resolve(this.#disk.rewriteLogs(change));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

export const storageKinds: readonly StorageKind[] = [
  { name: 'LMDB', create: () => new LmdbRig() },
  { name: 'simulated disk', create: () => new SimulatedRig() },
];

/** One of the ports, behind the face that its suite knows. */
export function portOf<Name extends keyof Ports>(rig: StorageRig, name: Name): OpenedStorage<Ports[Name]> {
  return {
    get port() {
      return rig.ports[name];
    },
    until: (start) => rig.until(start),
    reopen: () => rig.reopen(),
    close: () => rig.close(),
  };
}
