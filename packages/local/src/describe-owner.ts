/**
 * What is known about a process that is in the way, from /proc; nothing where the system has none.
 */
import { readFileSync } from 'node:fs';

/** A clause that says what the process is and what to do, for after its number. */
export function describeOwner(pid: number): string {
  const command = commandOf(pid);
  if (command === undefined) return '; stop that one first';
  const parent = parentOf(pid);
  const parentCommand = parent === undefined ? undefined : commandOf(parent);
  if (parentCommand !== undefined && /kvorum(?:\.js)? local\b/.test(parentCommand)) {
    return `, a server of the "kvorum local" that runs as process ${parent}; leave that one first`;
  }
  return ` (${command}); stop that one first`;
}

const COMMAND_CHARS_MAX = 300;

function commandOf(pid: number): string | undefined {
  const command = read(`/proc/${pid}/cmdline`)?.replaceAll('\0', ' ').trim();
  return command === '' ? undefined : command?.slice(0, COMMAND_CHARS_MAX);
}

/** Field 4 of proc(5)'s stat, the second after the name in parentheses. */
function parentOf(pid: number): number | undefined {
  const stat = read(`/proc/${pid}/stat`);
  const parent = Number(stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  return parent > 0 ? parent : undefined;
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
