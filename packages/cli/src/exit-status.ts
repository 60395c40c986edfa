/**
 * What a process says by its exit status. Part of the command line's contract, see `kvorum client --help`.
 */
import type { KvorumError } from '@kvorum/common';

export const exitStatus = {
  done: 0,
  usage: 1,
  /** No server answers, or no majority of a group does. */
  unreachable: 2,
  /** Not found, or the key has something that the command cannot go on from. */
  mismatch: 3,
  /** A write that may or may not have taken effect. */
  unknown: 4,
  /** Stopped with Ctrl-C before anything took effect; what shells use for that. */
  interrupted: 130,
} as const;

export function statusOfError(error: KvorumError): number {
  if (error.outcome === 'unknown') return exitStatus.unknown;
  switch (error.code) {
    case 'too-large':
    case 'bad-request':
    case 'unsupported':
      return exitStatus.usage;
    case 'not-a-number':
    case 'out-of-range':
      return exitStatus.mismatch;
    case 'cancelled':
      return exitStatus.interrupted;
    default:
      return exitStatus.unreachable;
  }
}
