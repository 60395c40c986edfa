/**
 * What a log entry of a group holds: the commands of one turn, and how much time had passed since the entry before it.
 */
import type { Command } from '@kvorum/common';
import { commandBytes, decodeAll, readCommand, readKind, writeCommand, Writer } from '@kvorum/common';

export type LoggedCommand =
  | { readonly type: 'open-session' }
  /** Session 0 is the node's own: its commands are idempotent by themselves and not remembered. */
  | {
      readonly type: 'execute';
      readonly session: number;
      readonly sequence: number;
      readonly floor: number;
      readonly command: Command;
    };

/** Log time that passed between two entries, by the proposer's own monotonic clock. Whole milliseconds. */
export interface Elapsed {
  readonly elapsedMs: number;
  /** How much of it nobody could be served in: at most all of it. */
  readonly outageMs: number;
}

export interface Batch extends Elapsed {
  readonly commands: readonly LoggedCommand[];
}

const kinds = ['open-session', 'execute'] as const;
/** More than any cluster lives; keeps the sum of all a whole number. */
const ELAPSED_MS_MAX = 2 ** 42;
/** Only bounds the count: a list cannot be longer than its entry anyway. */
const COMMANDS_MAX = 2 ** 31;

export function writeLoggedCommand(writer: Writer, command: LoggedCommand): void {
  writer.u8(kinds.indexOf(command.type));
  if (command.type === 'open-session') return;
  writer.uint(command.session).uint(command.sequence).uint(command.floor);
  writeCommand(writer, command.command);
}

/** About how long it is in an entry. */
export function loggedBytes(logged: LoggedCommand): number {
  return logged.type === 'open-session' ? 1 : commandBytes(logged.command);
}

export function encodeBatch(batch: Batch): Uint8Array {
  const body = new Writer();
  for (const command of batch.commands) writeLoggedCommand(body, command);
  return assembleBatch(batch, batch.commands.length, body.finish());
}

/** A batch of so many commands, already written one after the other. */
export function assembleBatch({ elapsedMs, outageMs }: Elapsed, commands: number, body: Uint8Array): Uint8Array {
  return new Writer().uint(elapsedMs, ELAPSED_MS_MAX).uint(outageMs, elapsedMs).uint(commands).raw(body).finish();
}

export function decodeBatch(payload: Uint8Array): Batch {
  return decodeAll(payload, (reader) => {
    const elapsedMs = reader.uint(ELAPSED_MS_MAX);
    return {
      elapsedMs,
      outageMs: reader.uint(elapsedMs),
      commands: reader.list(COMMANDS_MAX, (r): LoggedCommand => {
        const type = readKind(r, kinds);
        if (type === 'open-session') return { type };
        return { type, session: r.uint(), sequence: r.uint(), floor: r.uint(), command: readCommand(r) };
      }),
    };
  });
}
