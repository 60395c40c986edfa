/**
 * Which version of the source runs.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';

/** The root of the project. */
export const ROOT = new URL('../../../', import.meta.url);

/** What runs depend on. */
const PATHS = ['package.json', 'package-lock.json', 'packages', 'simulations'];

export interface Source {
  /** Abbreviated; undefined outside of a repository. */
  readonly commit: string | undefined;
  /** A fingerprint of what was changed since; empty for nothing. */
  readonly changes: string;
}

export function sourceNow(): Source {
  try {
    const commit = git('rev-parse', '--short', 'HEAD').trim();
    const changed = git('diff', 'HEAD', '--', ...PATHS);
    const added = git('ls-files', '--others', '--exclude-standard', '--', ...PATHS)
      .split('\n')
      .filter(Boolean);
    const hashes = added.length === 0 ? '' : git('hash-object', '--', ...added);
    if (changed === '' && added.length === 0) return { commit, changes: '' };
    const fingerprint = createHash('sha256')
      .update(`${changed}\n${added.join('\n')}\n${hashes}`)
      .digest('hex');
    return { commit, changes: fingerprint.slice(0, 12) };
  } catch {
    return { commit: undefined, changes: '' };
  }
}

/** For people. */
export function sourceText({ commit, changes }: Source): string {
  if (commit === undefined) return 'unknown';
  return changes === '' ? commit : `${commit} with local changes ${changes}`;
}

export function sameSource(a: Source, b: Source): boolean {
  return a.commit === b.commit && a.changes === b.changes;
}

function git(...words: string[]): string {
  return execFileSync('git', words, {
    cwd: fileURLToPath(ROOT),
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    maxBuffer: 256 * 1024 * 1024,
  });
}
