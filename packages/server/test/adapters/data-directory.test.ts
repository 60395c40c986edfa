/** Directories that cannot hold data: refused at once, by name, with what to do. */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { claimDirectory, DirectoryInUse, DirectoryUnusable } from '../../src/adapters/storage/data-directory.ts';

let base: string;
beforeEach(() => (base = mkdtempSync(path.join(tmpdir(), 'kvorum-directory-'))));
afterEach(() => rmSync(base, { recursive: true, force: true }));

/** What is said of a directory below the base. */
function refusal(directory: string): string {
  const startedMs = performance.now();
  try {
    claimDirectory(directory).release();
  } catch (error) {
    expect(performance.now() - startedMs).toBeLessThan(1000);
    if (error instanceof DirectoryUnusable) return error.message;
    throw error;
  }
  throw new Error(`${directory} was taken`);
}

/** As a user who may not do everything. */
function asNobody<Result>(act: () => Result): Result {
  if (process.getuid?.() !== 0) return act();
  process.seteuid?.(65534);
  try {
    return act();
  } finally {
    process.seteuid?.(0);
  }
}

describe('a data directory is refused when', () => {
  it.each([
    '/proc',
    '/proc/a',
    '/proc/a/b/c',
    '/proc/self/a',
    '/sys',
    '/sys/a',
    '/sys/fs/cgroup/a',
    '/dev',
    '/dev/a/b',
    '/dev/shm',
  ])("it is %s, which is the system's", (directory) => {
    expect(refusal(directory)).toBe(
      `the data directory ${directory} cannot be used: it belongs to the system, which keeps no data there; choose another --data-dir`,
    );
  });

  it('a link leads to the system', () => {
    symlinkSync('/proc', path.join(base, 'link'));
    expect(refusal(path.join(base, 'link', 'a'))).toContain('it belongs to the system');
  });

  it('a file is in its place, or above it', () => {
    const file = path.join(base, 'file');
    writeFileSync(file, '');
    expect(refusal(file)).toBe(
      `the data directory ${file} cannot be used: ${file} is no directory; choose another --data-dir`,
    );
    expect(refusal(path.join(file, 'below'))).toMatch(/file\/below cannot be used: .*; choose another --data-dir$/);
  });

  it('a FIFO is in its place, or above it', () => {
    const fifo = path.join(base, 'fifo');
    execFileSync('mkfifo', [fifo]);
    expect(refusal(fifo)).toContain(`${fifo} is no directory`);
    expect(refusal(path.join(fifo, 'below'))).toContain('choose another --data-dir');
  });

  it('a link leads nowhere, or in a circle', () => {
    symlinkSync(path.join(base, 'nowhere'), path.join(base, 'dangling'));
    expect(refusal(path.join(base, 'dangling'))).toContain('choose another --data-dir');
    symlinkSync(path.join(base, 'circle'), path.join(base, 'circle'));
    expect(refusal(path.join(base, 'circle', 'a'))).toContain('choose another --data-dir');
  });

  it('its name is too long', () => {
    expect(refusal(path.join(base, 'a'.repeat(300)))).toContain('(ENAMETOOLONG); choose another --data-dir');
  });

  it('there is hardly any room left', ({ skip }) => {
    const disk = path.join(base, 'disk');
    mkdirSync(disk);
    const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'none', disk]);
    if (status !== 0) skip('only root may mount a small disk');
    const directory = path.join(disk, 'a');
    try {
      expect(refusal(directory)).toBe(
        `the data directory ${directory} cannot be used: there are only 524288 bytes left; make room, or choose another --data-dir`,
      );
    } finally {
      spawnSync('umount', [disk]);
    }
  });

  it('there is no permission to make it, or to write there', () => {
    chmodSync(base, 0o555);
    const directory = path.join(base, 'a');
    const message = `the data directory ${directory} cannot be used: no permission to write there; give it to this user, or choose another --data-dir`;
    expect(asNobody(() => refusal(directory))).toBe(message);
    chmodSync(base, 0o755);
    mkdirSync(directory, { mode: 0o555 });
    expect(asNobody(() => refusal(directory))).toBe(message);
  });
});

describe('a data directory is taken', () => {
  it('with every directory above it that is missing, for nobody else to read', () => {
    const directory = path.join(base, 'a', 'b', 'c');
    const claimed = claimDirectory(directory);
    expect(statSync(path.join(base, 'a')).mode & 0o777).toBe(0o700);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(readdirSync(directory)).toEqual(['LOCK']);
    claimed.release();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('through a link', () => {
    mkdirSync(path.join(base, 'real'));
    symlinkSync(path.join(base, 'real'), path.join(base, 'link'));
    claimDirectory(path.join(base, 'link', 'a')).release();
    expect(readdirSync(path.join(base, 'real'))).toEqual(['a']);
  });

  it('by one process at a time', () => {
    const claimed = claimDirectory(base);
    expect(() => claimDirectory(base)).toThrow(DirectoryInUse);
    claimed.release();
    claimDirectory(base).release();
  });
});
