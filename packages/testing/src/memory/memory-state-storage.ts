/**
 * An AppliedStateStorage in memory.
 */
import type { GroupId } from '@kvorum/common';
import { bytesToMapKey, mapKeyToBytes } from '@kvorum/common';
import type { AppliedStateStorage, StateInstall, StateMutation, StateRecord, StateSnapshot } from '@kvorum/server/core';
import { Commits } from './commits.ts';

export class MemoryStateStorage implements AppliedStateStorage {
  readonly commits = new Commits();
  readonly #states = new Map<GroupId, Map<string, Uint8Array>>();
  /** Snapshots that were not closed. */
  openViews = 0;
  /** Installs that were given up. */
  aborted = 0;

  get(group: GroupId, key: Uint8Array): Uint8Array | undefined {
    return this.#states.get(group)?.get(bytesToMapKey(key));
  }

  snapshot(group: GroupId): StateSnapshot {
    const records = this.dump(group);
    let place = 0;
    this.openViews += 1;
    return {
      next: (maxBytes) => {
        const from = place;
        for (let bytes = 0; bytes < maxBytes && place < records.length; place += 1) {
          const { key, value } = records[place] as StateRecord;
          bytes += key.length + (value?.length ?? 0);
        }
        return records.slice(from, place);
      },
      close: () => {
        this.openViews -= 1;
      },
    };
  }

  install(group: GroupId): StateInstall {
    const staged = new Map<string, Uint8Array>();
    return {
      add: (records, done) =>
        this.commits.add(() => {
          writeAll(staged, records);
          done();
        }),
      finish: (done) =>
        this.commits.add(() => {
          this.#states.set(group, staged);
          done();
        }),
      abort: () => {
        this.aborted += 1;
      },
    };
  }

  commit(mutations: readonly StateMutation[], done: () => void): void {
    this.commits.add(() => {
      for (const { group, records } of mutations) this.write(group, records);
      done();
    });
  }

  /** At once, as if it had been there from the start. */
  write(group: GroupId, records: readonly StateRecord[]): void {
    const state = this.#states.get(group) ?? new Map<string, Uint8Array>();
    this.#states.set(group, state);
    writeAll(state, records);
  }

  /** In key order. */
  dump(group: GroupId): StateRecord[] {
    const state = [...(this.#states.get(group) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
    return state.map(([name, value]) => ({ key: mapKeyToBytes(name), value }));
  }
}

function writeAll(state: Map<string, Uint8Array>, records: readonly StateRecord[]): void {
  for (const { key, value } of records) {
    if (value === undefined) state.delete(bytesToMapKey(key));
    else state.set(bytesToMapKey(key), value);
  }
}
