/**
 * A node's data directory, owned by one process at a time: a lock file names the owner. A lock whose owner is gone, after a
 * crash for instance, is taken over.
 */
import { randomUUID } from 'node:crypto';
import {
  linkSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';

/** The directory cannot hold a node's data; the message says what to do. */
export class DirectoryUnusable extends Error {
  override readonly name = 'DirectoryUnusable';
}

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

/** Creates the directory if need be. Throws {@link DirectoryInUse} or {@link DirectoryUnusable}. */
export function claimDirectory(directory: string): DataDirectory {
  try {
    makeDirectory(directory);
    checkRoom(directory);
    return lockDirectory(directory);
  } catch (error) {
    const sentence = describeFault(directory, error as NodeJS.ErrnoException);
    throw sentence === undefined ? error : new DirectoryUnusable(sentence, { cause: error });
  }
}

/** File systems of the kernel's own: some take directories, none keeps files. Memory at /dev/shm does, until the machine stops. */
const SYSTEM_DIRECTORIES = /^\/(?:proc|sys|dev(?!\/shm\/))(?:\/|$)/;

/**
 * Makes the directories that are missing, one by one from the top. Not with `recursive`: below /proc, where a directory that
 * is there refuses a new one as if itself were missing, that tries the same two directories for ever.
 */
function makeDirectory(directory: string): void {
  const missing: string[] = [];
  let existing = directory;
  while (!isThere(existing)) {
    missing.unshift(path.basename(existing));
    existing = path.dirname(existing);
  }
  const real = path.join(realpathSync(existing), ...missing);
  if (SYSTEM_DIRECTORIES.test(real)) {
    throw new DirectoryUnusable(unusable(directory, 'it belongs to the system, which keeps no data there'));
  }
  if (!statSync(existing).isDirectory()) {
    throw new DirectoryUnusable(unusable(directory, `${existing} is no directory`));
  }
  for (const name of missing) {
    existing = path.join(existing, name);
    makeOne(existing);
  }
}

function isThere(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false }) !== undefined;
}

function makeOne(directory: string): void {
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    // Another server made it meanwhile.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !statSync(directory).isDirectory()) throw error;
  }
}

/** LMDB maps files that it has only made room for on paper: on a disk without room that ends the process with a signal. */
const FREE_BYTES_MIN = 1024 * 1024;

function checkRoom(directory: string): void {
  const { bavail, bsize, blocks } = statfsSync(directory);
  // Some file systems of the network do not say.
  if (blocks === 0 || bavail * bsize >= FREE_BYTES_MIN) return;
  throw new DirectoryUnusable(unusable(directory, `there are only ${bavail * bsize} bytes left`, 'make room'));
}

/** What an operator can do about it; undefined when that is not known. */
function describeFault(directory: string, error: NodeJS.ErrnoException): string | undefined {
  switch (error.code) {
    case 'EACCES':
    case 'EPERM':
      if (error.syscall === 'link') return unusable(directory, 'its file system has no hard links');
      return unusable(directory, 'no permission to write there', 'give it to this user');
    case 'ENOTSUP':
      return unusable(directory, 'its file system has no hard links');
    case 'EROFS':
      return unusable(directory, 'its file system is read-only');
    case 'ENOSPC':
    case 'EDQUOT':
      return unusable(directory, 'there is no room left', 'make room');
    case 'ENOENT':
    case 'ENOTDIR':
    case 'EISDIR':
    case 'EEXIST':
    case 'ELOOP':
    case 'ENAMETOOLONG':
    case 'EINVAL':
      return unusable(directory, `${error.path ?? directory} cannot be made a directory (${error.code})`);
    default:
      return undefined;
  }
}

function unusable(directory: string, reason: string, remedy?: string): string {
  const advice = remedy === undefined ? 'choose another --data-dir' : `${remedy}, or choose another --data-dir`;
  return `the data directory ${directory} cannot be used: ${reason}; ${advice}`;
}

function lockDirectory(directory: string): DataDirectory {
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
