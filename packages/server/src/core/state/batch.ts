/**
 * What a log entry of a group holds: the commands of one turn and the leader's clock.
 */
import type { Command } from '@kvorum/common';
import { decodeAll, limits, readCommand, readKind, writeCommand, Writer } from '@kvorum/common';

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

export interface Batch {
  /** The leader's wall clock, milliseconds since the epoch; state machines take the maximum they have seen. */
  readonly timeMs: number;
  readonly commands: readonly LoggedCommand[];
}

const kinds = ['open-session', 'execute'] as const;

export function writeLoggedCommand(writer: Writer, command: LoggedCommand): void {
  writer.u8(kinds.indexOf(command.type));
  if (command.type === 'open-session') return;
  writer.uint(command.session).uint(command.sequence).uint(command.floor);
  writeCommand(writer, command.command);
}

export function encodeBatch(batch: Batch): Uint8Array {
  const body = new Writer();
  for (const command of batch.commands) writeLoggedCommand(body, command);
  return assembleBatch(batch.timeMs, batch.commands.length, body.finish());
}

/** A batch of so many commands, already written one after the other. */
export function assembleBatch(timeMs: number, commands: number, body: Uint8Array): Uint8Array {
  return new Writer().uint(timeMs).uint(commands).raw(body).finish();
}

export function decodeBatch(payload: Uint8Array): Batch {
  return decodeAll(payload, (reader) => ({
    timeMs: reader.uint(),
    commands: reader.list(limits.entryCommandsMax, (r): LoggedCommand => {
      const type = readKind(r, kinds);
      if (type === 'open-session') return { type };
      return { type, session: r.uint(), sequence: r.uint(), floor: r.uint(), command: readCommand(r) };
    }),
  }));
}
