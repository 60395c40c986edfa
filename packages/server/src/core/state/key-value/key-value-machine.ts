/**
 * The key-value state machine of a group: what each key has, in the storage and in what was applied since the last flush.
 * What the commands do is said by the table of commands in @kvorum/common.
 *
 * State: an overlay of changes in memory, and the one that is being flushed. Invariant: reads see every applied command.
 */
import type { Answer, Command, CommandResult, GroupId, Query, Records, Version, Versioned } from '@kvorum/common';
import { answerQuery, applyCommand, bytesToMapKey, mapKeyToBytes } from '@kvorum/common';
import type { AppliedStateStorage, StateRecord } from '../../storage/storage-ports.ts';
import type { StateMachine } from '../state-machine.ts';
import { MACHINE_RECORD } from '../state-machine.ts';
import { decodeKeyRecord, encodeKeyRecord } from './key-record.ts';

type Overlay = Map<string, Versioned | undefined>;

/** What a change counts besides its key and value. */
const CHANGE_BYTES = 64;

export class KeyValueMachine implements StateMachine, Records {
  readonly #group: GroupId;
  readonly #storage: Pick<AppliedStateStorage, 'get'>;
  #overlay: Overlay = new Map();
  /** What the flush under way writes; reads still need it. */
  #flushing: Overlay = new Map();
  #overlayBytes = 0;

  constructor(group: GroupId, storage: Pick<AppliedStateStorage, 'get'>) {
    this.#group = group;
    this.#storage = storage;
  }

  apply(command: Command, version: Version): CommandResult {
    return applyCommand(this, command, version);
  }

  query(query: Query): Answer {
    return answerQuery(this, query);
  }

  get unflushedBytes(): number {
    return this.#overlayBytes;
  }

  get(key: Uint8Array): Versioned | undefined {
    const name = bytesToMapKey(key);
    for (const overlay of [this.#overlay, this.#flushing]) {
      const found = overlay.get(name);
      if (found !== undefined || overlay.has(name)) return found;
    }
    const record = this.#storage.get(this.#group, recordKey(key));
    return record && decodeKeyRecord(record);
  }

  set(key: Uint8Array, version: Version, value: Uint8Array): void {
    this.#overlay.set(bytesToMapKey(key), { version, value });
    this.#overlayBytes += key.length + value.length + CHANGE_BYTES;
  }

  remove(key: Uint8Array): void {
    this.#overlay.set(bytesToMapKey(key), undefined);
    this.#overlayBytes += key.length + CHANGE_BYTES;
  }

  startFlush(): { readonly records: readonly StateRecord[]; readonly flushed: () => void } {
    const records: StateRecord[] = [];
    for (const [name, found] of this.#overlay) {
      records.push({ key: recordKey(mapKeyToBytes(name)), value: found && encodeKeyRecord(found) });
    }
    this.#flushing = this.#overlay;
    this.#overlay = new Map();
    this.#overlayBytes = 0;
    return { records, flushed: () => (this.#flushing = new Map()) };
  }

  checkSnapshotRecord({ value }: StateRecord): void {
    if (value !== undefined) decodeKeyRecord(value);
  }

  restore(): void {
    this.#overlay = new Map();
    this.#flushing = new Map();
    this.#overlayBytes = 0;
  }
}

function recordKey(key: Uint8Array): Uint8Array {
  const name = new Uint8Array(key.length + 1);
  name[0] = MACHINE_RECORD;
  name.set(key, 1);
  return name;
}
