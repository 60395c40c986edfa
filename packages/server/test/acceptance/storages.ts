/** The storage ports on LMDB and on the simulated disk, behind one face: opened, closed and opened again. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { MetricsRegistry } from '@kvorum/common';
import { systemClock } from '../../src/adapters/process/system-clock.ts';
import type { Storages } from '../../src/adapters/storage/lmdb-storage.ts';
import { openStorages } from '../../src/adapters/storage/lmdb-storage.ts';
import type { LogStorage, StateStorage } from '../../src/core/index.ts';
import { Disk } from '../../../../simulations/src/world/disk.ts';
import { RandomStream } from '../../../../simulations/src/world/random-stream.ts';
import { Schedule } from '../../../../simulations/src/world/schedule.ts';

export interface StorageRig {
  log: LogStorage;
  state: StateStorage;
  /** Runs what takes a `done`, until that is called. */
  done(start: (done: () => void) => void): Promise<void>;
  /** Closes and opens what is on disk. */
  reopen(): Promise<void>;
  dispose(): Promise<void>;
}

export interface StorageKind {
  readonly name: string;
  readonly create: () => StorageRig;
}

const lmdb: StorageKind = {
  name: 'LMDB',
  create: () => {
    const directory = mkdtempSync(path.join(tmpdir(), 'kvorum-acceptance-'));
    const measures = { clock: systemClock, metrics: new MetricsRegistry() };
    const fail = (error: Error): void => {
      throw error;
    };
    let storages: Storages = openStorages(directory, fail, measures);
    const rig: StorageRig = {
      log: storages.log,
      state: storages.state,
      done: (start) => new Promise((resolve) => start(resolve)),
      reopen: async () => {
        await storages.close();
        storages = openStorages(directory, fail, measures);
        rig.log = storages.log;
        rig.state = storages.state;
      },
      dispose: async () => {
        await storages.close();
        rmSync(directory, { recursive: true });
      },
    };
    return rig;
  },
};

const simulated: StorageKind = {
  name: 'simulated disk',
  create: () => {
    const schedule = new Schedule(1);
    const disk = new Disk(new RandomStream(1, 'disk'), { commitUs: [200, 2000] });
    let incarnation = 0;
    const ports = (): { log: LogStorage; state: StateStorage } => {
      const own = incarnation;
      const later = (delayUs: number, done: () => void): void => {
        schedule.after(delayUs, () => {
          if (own === incarnation) done();
        });
      };
      const onFailure = (reason: string): void => {
        throw new Error(reason);
      };
      return { log: disk.logStorage({ later, onFailure }), state: disk.stateStorage({ later, onFailure }) };
    };
    const rig: StorageRig = {
      ...ports(),
      done: (start) => {
        let isDone = false;
        start(() => (isDone = true));
        while (!isDone && schedule.step());
        return isDone ? Promise.resolve() : Promise.reject(new Error('it was never done'));
      },
      reopen: () => {
        incarnation += 1;
        Object.assign(rig, ports());
        return Promise.resolve();
      },
      dispose: () => Promise.resolve(),
    };
    return rig;
  },
};

export const storageKinds: readonly StorageKind[] = [lmdb, simulated];
