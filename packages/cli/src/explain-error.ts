/**
 * Errors as people see them: the sentence, and what to do about it.
 */
import type { Address } from '@kvorum/common';
import { formatAddress, KvorumError } from '@kvorum/common';
import type { ParsedCommand } from './parse-command.ts';
import type { ShownError } from './printer.ts';
import { UsageError } from './words.ts';

/** Undefined for an error that nobody expected. */
export function explainError(error: unknown, command: ParsedCommand | undefined, servers: readonly Address[]) {
  if (error instanceof UsageError) {
    return { code: 'usage', message: error.message, outcome: 'not-applied' } satisfies ShownError;
  }
  if (!(error instanceof KvorumError)) return undefined;
  const { code, message, outcome } = error;
  return {
    code,
    message: sentence(error, command),
    outcome,
    hint: hintFor(error, message, servers),
  } satisfies ShownError;
}

function sentence(error: KvorumError, command: ParsedCommand | undefined): string {
  if (error.outcome === 'not-applied') {
    return error.code === 'cancelled' ? 'cancelled; nothing was changed' : error.message;
  }
  const what = command?.name ?? 'write';
  const why = error.code === 'cancelled' ? 'cancelled' : error.message;
  const repeat = repeatAdvice(command);
  return `${why}: the outcome of the ${what} is unknown, it may still take effect; ${repeat}`;
}

function repeatAdvice(command: ParsedCommand | undefined): string {
  switch (command?.name) {
    case 'cas':
      return 'repeating it is safe: if it did take effect, the repeat finds the new value and changes nothing';
    case 'add':
      return 'look at the value before you repeat it: both may be added';
    default:
      return 'repeating it is safe';
  }
}

function hintFor(error: KvorumError, message: string, servers: readonly Address[]): string | undefined {
  if (error.code !== 'unavailable' || error.outcome === 'unknown') return undefined;
  const [first] = servers;
  if (first === undefined || !/^(?:no answer from|none of)/.test(message)) return undefined;
  if (/local port/.test(message)) return undefined;
  if (!/refused|answer$/.test(message)) return 'Name a server with -s HOST:PORT.';
  return `Is a server running at ${formatAddress(first)}? Start one with "npx kvorum server -p ${first.port}", or name another with -s HOST:PORT.`;
}
