/**
 * The key-value state machine of a group: stage 7 of the data path. Deterministic: the same batches in the same order
 * give the same state and the same replies on every replica.
 */
import type { Command, CommandResult, ErrorCode, Versioned } from '@kvorum/common';
import { equalBytes } from '@kvorum/common';
import type { LoggedCommand } from '../batch.ts';
import { decodeBatch } from '../batch.ts';
import type { GroupState } from '../group-state.ts';

export type MachineReply =
  | { readonly type: 'session'; readonly session: number }
  | { readonly type: 'result'; readonly result: CommandResult }
  | { readonly type: 'refused'; readonly code: ErrorCode; readonly message: string };

/** Applies the entry at `index`; the replies are in the order of its commands. */
export function applyBatch(state: GroupState, index: number, payload: Uint8Array): MachineReply[] {
  const batch = decodeBatch(payload);
  const timeMs = Math.max(state.applied.timeMs, batch.timeMs);
  let { revision } = state.applied;
  state.sessions.expire(timeMs);
  const replies = batch.commands.map((command) => {
    revision += 1;
    return applyCommand(state, command, revision, timeMs);
  });
  state.advance({ index: index + 1, revision, timeMs });
  return replies;
}

function applyCommand(state: GroupState, logged: LoggedCommand, revision: number, timeMs: number): MachineReply {
  if (logged.type === 'open-session') {
    state.sessions.open(revision, timeMs);
    return { type: 'session', session: revision };
  }
  if (logged.session === 0) return { type: 'result', result: execute(state, logged.command, revision) };
  const admission = state.sessions.admit(logged.session, logged.sequence, logged.floor, revision, timeMs);
  switch (admission.type) {
    case 'execute': {
      const result = execute(state, logged.command, revision);
      admission.remember(result);
      return { type: 'result', result };
    }
    case 'done':
      return { type: 'result', result: admission.result };
    case 'expired':
      return refused('session-expired', 'the session is unknown or has expired; open a new one');
    case 'stale':
      return refused('bad-request', 'the sequence is below the floor: its reply was already taken');
    case 'beyond-window':
      return refused('busy', 'too many commands of the session are unanswered');
  }
}

function refused(code: ErrorCode, message: string): MachineReply {
  return { type: 'refused', code, message };
}

function execute(state: GroupState, command: Command, revision: number): CommandResult {
  // The only one that need not look at what is there.
  if (command.type === 'put') return write(state, command.key, command.value, revision);
  const found = state.get(command.key);
  switch (command.type) {
    case 'cas':
      return hasValue(found, command.expected)
        ? write(state, command.key, command.next, revision)
        : { type: 'mismatch', version: found?.version ?? 0, value: found?.value };
    case 'cas-version':
      return (found?.version ?? 0) === command.expectedVersion
        ? write(state, command.key, command.next, revision)
        : { type: 'mismatch', version: found?.version ?? 0, value: found?.value };
    case 'delete':
      if (found === undefined) return { type: 'deleted', existed: false, version: 0 };
      state.remove(command.key);
      return { type: 'deleted', existed: true, version: revision };
  }
}

function hasValue(found: Versioned | undefined, expected: Uint8Array | undefined): boolean {
  if (found === undefined || expected === undefined) return found === undefined && expected === undefined;
  return equalBytes(found.value, expected);
}

function write(state: GroupState, key: Uint8Array, value: Uint8Array, revision: number): CommandResult {
  state.set(key, revision, value);
  return { type: 'written', version: revision };
}
