/**
 * The system calls of a server, as strace wrote them down: what it read, wrote and synced, in their order.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const READS = ['read', 'readv', 'recvfrom', 'recvmsg'];
const WRITES = ['write', 'writev', 'pwrite64', 'pwritev', 'pwritev2', 'sendto', 'sendmsg'];
const SYNCS = ['fsync', 'fdatasync'];

/** Long enough for whoever does not wait for a sync to be ahead of it. */
const SYNC_DELAY_US = 20_000;

/** Paths with the descriptors, all strings in hexadecimal and as a whole; the server stays the child of who started it. */
export function straceCommand(file: string): readonly string[] {
  const traced = ['openat', ...READS, ...WRITES, ...SYNCS].join(',');
  const slowed = `inject=${SYNCS.join(',')}:delay_enter=${SYNC_DELAY_US}`;
  const strings = ['-yy', '-xx', '-s', '1000000'];
  return ['strace', '-D', '-f', '-qq', ...strings, '-e', `trace=${traced}`, '-e', slowed, '-o', file];
}

/** Why there can be no trace on this machine; undefined when there can. */
export function whyNoTrace(): string | undefined {
  const { error, status, stderr } = spawnSync('strace', ['-o', '/dev/null', 'true'], { encoding: 'utf8' });
  if (error !== undefined) return `strace cannot be started: ${error.message}`;
  return status === 0 ? undefined : `strace does not work here: ${stderr.trim()}`;
}

export interface SystemCall {
  readonly kind: 'read' | 'write' | 'sync';
  /** The path of the file, or the ends of the connection. */
  readonly target: string;
  /** Places in the trace: it began before `end`, where its result is. */
  readonly begin: number;
  readonly end: number;
  /** What was read or written. */
  readonly bytes: Buffer;
  /** It returned no error. */
  readonly succeeded: boolean;
  /** A write that returns when what it wrote is on disk: the file was opened so. */
  readonly syncs: boolean;
}

/** In the order in which they began. */
export function readTrace(file: string): SystemCall[] {
  const calls: SystemCall[] = [];
  const begun = new Map<string, { readonly text: string; readonly begin: number }>();
  /** Descriptors of files whose writes sync. */
  const syncing = new Set<string>();
  for (const [place, line] of readFileSync(file, 'latin1').split('\n').entries()) {
    const [, thread = '', rest = ''] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
    const unfinished = / <unfinished \.\.\.>$/.exec(rest);
    if (unfinished !== null) {
      begun.set(thread, { text: rest.slice(0, unfinished.index), begin: place });
      continue;
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest);
    const first = resumed === null ? undefined : begun.get(thread);
    const text = `${first?.text ?? ''}${resumed?.[1] ?? rest}`;
    const [, name = '', descriptor = '', path = ''] = /^(\w+)\((\w+)<([^>]*)>/.exec(text) ?? [];
    const result = /\) += (-?\d+)(?:<|$| )/.exec(text)?.[1] ?? '';
    if (name === 'openat') {
      if (/O_DSYNC|O_SYNC/.test(text)) syncing.add(result);
      else syncing.delete(result);
      continue;
    }
    const kind = READS.includes(name) ? 'read' : WRITES.includes(name) ? 'write' : 'sync';
    if (kind === 'sync' && !SYNCS.includes(name)) continue;
    calls.push({
      kind,
      target: plain(path),
      begin: first?.begin ?? place,
      end: place,
      bytes: Buffer.concat([...text.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].map(([, hex = '']) => bytesOf(hex))),
      succeeded: Number(result) >= 0 && result !== '',
      syncs: kind === 'write' && syncing.has(descriptor),
    });
  }
  return calls.sort((a, b) => a.begin - b.begin);
}

/** Strace writes the descriptors of sockets as they are, paths in hexadecimal. */
function plain(path: string): string {
  return path.startsWith('\\x') ? bytesOf(path).toString() : path;
}

function bytesOf(hex: string): Buffer {
  return Buffer.from(hex.replaceAll('\\x', ''), 'hex');
}
