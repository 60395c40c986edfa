/**
 * A node's data directory, owned by one process at a time: a lock file names the owner. A lock whose owner is gone, after a
 * crash for instance, is taken over.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
  const self: Owner = { pid: process.pid, startedAt: startOf(process.pid) };
  for (let attempt = 0; attempt < 3; attempt += 1) {
    try {
      writeFileSync(lock, JSON.stringify(self), { flag: 'wx' });
      return { path: directory, release: () => rmSync(lock, { force: true }) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const owner = readOwner(lock);
    if (owner !== undefined && isRunning(owner)) {
      throw new DirectoryInUse(
        `the data directory ${directory} is in use by process ${owner.pid}; stop that one first, or choose another --data-dir`,
      );
    }
    rmSync(lock, { force: true });
  }
  throw new DirectoryInUse(`the data directory ${directory} is being claimed by another process`);
}

function readOwner(lock: string): Owner | undefined {
  try {
    return JSON.parse(readFileSync(lock, 'utf8')) as Owner;
  } catch {
    return undefined;
  }
}

function isRunning(owner: Owner): boolean {
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    // No permission to signal it: it runs.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  return owner.pid !== process.pid && owner.startedAt === startOf(owner.pid);
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
