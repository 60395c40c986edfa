/**
 * A node's data directory, owned by one process at a time: a lock file names the owner. A lock whose owner is gone, after a
 * crash for instance, is taken over.
 */
import { randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Another process works in the directory. */
export class DirectoryInUse extends Error {
  override readonly name = 'DirectoryInUse';
}

interface Owner {
  readonly pid: number;
  /** Tells a process from a later one with the same pid; empty where the system does not say. */
  readonly startedAt: string;
}

export interface DataDirectory {
  readonly path: string;
  release(): void;
}

/** Creates the directory if need be. Throws {@link DirectoryInUse}. */
export function claimDirectory(directory: string): DataDirectory {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const lock = path.join(directory, 'LOCK');
  const own = path.join(directory, `LOCK.${process.pid}.${randomUUID()}`);
  const content = JSON.stringify({ pid: process.pid, startedAt: startOf(process.pid) } satisfies Owner);
  writeFileSync(own, content);
  try {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      if (link(own, lock)) return { path: directory, release: () => releaseLock(lock, content) };
      const owner = readLock(lock);
      if (owner === undefined) continue;
      if (isRunning(owner)) throw inUse(directory, owner);
      removeStale(lock, owner);
    }
  } finally {
    rmSync(own, { force: true });
  }
  throw new DirectoryInUse(`the data directory ${directory} is being claimed by another process`);
}

const ATTEMPTS_MAX = 10;

/** Creates the lock whole, with its content, or not at all; false when there is one. */
function link(own: string, lock: string): boolean {
  try {
    linkSync(own, lock);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Takes a stale lock away, and puts it back if somebody replaced it by a live one in between. */
function removeStale(lock: string, stale: Owner): void {
  const aside = `${lock}.${process.pid}.${randomUUID()}`;
  try {
    renameSync(lock, aside);
  } catch {
    // Somebody else took it away.
    return;
  }
  const moved = readLock(aside);
  if (moved !== undefined && JSON.stringify(moved) !== JSON.stringify(stale)) link(aside, lock);
  rmSync(aside, { force: true });
}

/** Only if it is still this process's. */
function releaseLock(lock: string, content: string): void {
  try {
    if (readFileSync(lock, 'utf8') === content) rmSync(lock, { force: true });
  } catch {
    // It is gone already.
  }
}

function inUse(directory: string, owner: Owner): DirectoryInUse {
  return new DirectoryInUse(
    `the data directory ${directory} is in use by process ${owner.pid}; stop that one first, or choose another --data-dir`,
  );
}

/** Undefined when there is none. One that cannot be read has no owner that runs. */
function readLock(lock: string): Owner | undefined {
  let content: string;
  try {
    content = readFileSync(lock, 'utf8');
  } catch {
    return undefined;
  }
  try {
    const owner = JSON.parse(content) as Partial<Owner> | null;
    return { pid: Number(owner?.pid ?? 0) || 0, startedAt: owner?.startedAt ?? '' };
  } catch {
    return { pid: 0, startedAt: '' };
  }
}

function isRunning(owner: Owner): boolean {
  if (owner.pid === 0) return false;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    // No permission to signal it: it runs.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  return owner.startedAt === startOf(owner.pid);
}

/** What it reads of a process that was killed and that nobody has waited for. */
const ZOMBIE = 'Z';

/** When the process started, in clock ticks since boot (Linux, proc(5) fields 3 and 22); of a dead one, that it is dead. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === ZOMBIE ? 'dead' : (fields[18] ?? '');
  } catch {
    return '';
  }
}
