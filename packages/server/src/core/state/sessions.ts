/**
 * Client sessions: part of the replicated state, so that a command that is retried, at whichever leader and after
 * whichever crash, is executed once (Ongaro, "Consensus: Bridging Theory and Practice", 2014, section 6.3).
 *
 * Invariants: every replica that applied the same commands holds the same sessions in the same order of use; a reply is
 * kept until the client says that it no longer waits for it; a session that is gone never comes back, because its id is
 * the revision that opened it.
 */
import type { CommandResult, Limits, Settings, Timings } from '@kvorum/common';
import { copyBytes, decodeAll, readCommandResult, writeCommandResult, Writer } from '@kvorum/common';
import { mark } from '../marks.ts';

interface Session {
  readonly id: number;
  /** Revision and lease time of its last use; the order of revisions is the order of eviction. */
  usedRevision: number;
  usedMs: number;
  /** Replies below it are forgotten. */
  floor: number;
  readonly replies: Map<number, CommandResult>;
  replyBytes: number;
}

/** What a session says about a command that is about to be executed. */
export type Admission =
  | { readonly type: 'execute'; readonly remember: (result: CommandResult) => void }
  /** It was executed before; this was its reply. */
  | { readonly type: 'done'; readonly result: CommandResult }
  /** No such session, any more or at all. */
  | { readonly type: 'expired' }
  /** Below the floor: its reply was already taken or given up. */
  | { readonly type: 'stale' }
  /** Too far above the floor, or too many bytes of replies are kept already. */
  | { readonly type: 'beyond-window' };

export class Sessions {
  /** Least recently used first. */
  readonly #byId = new Map<number, Session>();
  /** Ids of sessions that changed or went since the last flush. */
  readonly #changed = new Set<number>();
  readonly #limits: Limits;
  readonly #timings: Timings;
  #replyBytes = 0;

  constructor({ limits, timings }: Settings) {
    this.#limits = limits;
    this.#timings = timings;
  }

  static load(records: readonly Uint8Array[], settings: Settings): Sessions {
    const sessions = new Sessions(settings);
    const loaded = records.map(decodeSession).sort((a, b) => a.usedRevision - b.usedRevision);
    for (const session of loaded) {
      sessions.#byId.set(session.id, session);
      sessions.#replyBytes += session.replyBytes;
    }
    return sessions;
  }

  get size(): number {
    return this.#byId.size;
  }

  /** Opens the session whose id is this revision. */
  open(revision: number, leaseMs: number): void {
    const session: Session = {
      id: revision,
      usedRevision: revision,
      usedMs: leaseMs,
      floor: 0,
      replies: new Map(),
      replyBytes: 0,
    };
    this.#byId.set(session.id, session);
    this.#changed.add(session.id);
    this.#evict();
  }

  /** Looks a command up before it is executed, and forgets what the client no longer waits for. */
  admit(id: number, sequence: number, floor: number, revision: number, leaseMs: number): Admission {
    const session = this.#byId.get(id);
    if (session === undefined) {
      mark('session-expired');
      return { type: 'expired' };
    }
    this.#touch(session, revision, leaseMs);
    this.#forgetBelow(session, floor);
    if (sequence < session.floor) {
      mark('session-stale');
      return { type: 'stale' };
    }
    const result = session.replies.get(sequence);
    if (result !== undefined) {
      mark('session-reply-repeated');
      return { type: 'done', result };
    }
    if (sequence >= session.floor + this.#limits.sessionWindowMax) {
      mark('session-window-full');
      return { type: 'beyond-window' };
    }
    // Never the lowest one: the others wait for it before they can be forgotten.
    const full = session.replyBytes >= this.#limits.replyBytesPerSessionMax;
    if (full && sequence > session.floor) return { type: 'beyond-window' };
    return { type: 'execute', remember: (reply) => this.#remember(session, sequence, reply) };
  }

  /** Drops the sessions that were not used for too long. */
  expire(leaseMs: number): void {
    for (const session of this.#byId.values()) {
      if (session.usedMs + this.#timings.sessionIdleMs >= leaseMs) return;
      this.#drop(session);
    }
  }

  /** Sessions to write, and to remove where the record is undefined. */
  takeChanges(): { readonly id: number; readonly record: Uint8Array | undefined }[] {
    const changes = [...this.#changed].map((id) => {
      const session = this.#byId.get(id);
      return { id, record: session === undefined ? undefined : encodeSession(session) };
    });
    this.#changed.clear();
    return changes;
  }

  #touch(session: Session, revision: number, leaseMs: number): void {
    session.usedRevision = revision;
    session.usedMs = leaseMs;
    this.#byId.delete(session.id);
    this.#byId.set(session.id, session);
    this.#changed.add(session.id);
  }

  #forgetBelow(session: Session, floor: number): void {
    if (floor <= session.floor) return;
    for (const [sequence, reply] of session.replies) {
      if (sequence >= floor) continue;
      session.replies.delete(sequence);
      this.#count(session, -replyBytes(reply));
    }
    session.floor = floor;
  }

  #remember(session: Session, sequence: number, result: CommandResult): void {
    // A copy: the value would otherwise keep the log entry it came with in memory.
    const kept = copyResult(result);
    session.replies.set(sequence, kept);
    this.#count(session, replyBytes(kept));
    this.#evict();
  }

  #count(session: Session, bytes: number): void {
    session.replyBytes += bytes;
    this.#replyBytes += bytes;
  }

  /** Makes room, at the expense of who was away longest. */
  #evict(): void {
    for (const session of this.#byId.values()) {
      if (this.#byId.size <= this.#limits.sessionsPerGroupMax && this.#replyBytes <= this.#limits.sessionReplyBytesMax)
        return;
      mark('session-evicted');
      this.#drop(session);
    }
  }

  #drop(session: Session): void {
    this.#byId.delete(session.id);
    this.#changed.add(session.id);
    this.#replyBytes -= session.replyBytes;
  }
}

/** Only bounds the count: a list cannot be longer than its record anyway. */
const REPLIES_MAX = 2 ** 31;

function replyBytes(result: CommandResult): number {
  return 32 + (result.type === 'mismatch' ? (result.value?.length ?? 0) : 0);
}

function encodeSession(session: Session): Uint8Array {
  const writer = new Writer();
  writer.uint(session.id).uint(session.usedRevision).uint(session.usedMs).uint(session.floor);
  writer.list([...session.replies], (w, [sequence, result]) => {
    w.uint(sequence);
    writeCommandResult(w, result);
  });
  return writer.finish();
}

function decodeSession(record: Uint8Array): Session {
  return decodeAll(record, (reader) => {
    const head = { id: reader.uint(), usedRevision: reader.uint(), usedMs: reader.uint(), floor: reader.uint() };
    const replies = new Map(reader.list(REPLIES_MAX, (r) => [r.uint(), copyResult(readCommandResult(r))] as const));
    let bytes = 0;
    for (const reply of replies.values()) bytes += replyBytes(reply);
    return { ...head, replies, replyBytes: bytes };
  });
}

function copyResult(result: CommandResult): CommandResult {
  return result.type === 'mismatch' && result.value ? { ...result, value: copyBytes(result.value) } : result;
}
