/**
 * Why the server cannot start or go on, in a sentence that says what to do. Only a fault of our own brings a stack, and that
 * in a field of its own.
 */
import type { LogFields } from '@kvorum/common';
import { formatAddress, InvalidSettings } from '@kvorum/common';
import { DirectoryInUse, DirectoryUnusable } from './adapters/storage/data-directory.ts';
import { CorruptRecord, UnknownFormat, UnknownProtocol } from './core/index.ts';
import type { ServerFlags } from './flags.ts';

export interface Failure {
  readonly message: string;
  readonly fields?: LogFields;
}

type Where = Pick<ServerFlags, 'host' | 'port' | 'dataDir'>;

export function describeFailure(error: unknown, where: Where): Failure {
  if (error instanceof DirectoryInUse || error instanceof DirectoryUnusable) return { message: error.message };
  if (error instanceof UnknownFormat || error instanceof UnknownProtocol) {
    return {
      message: `${error.message}; start the version of Kvorum that wrote ${where.dataDir}, or choose an empty --data-dir`,
    };
  }
  if (error instanceof InvalidSettings) return { message: error.message };
  if (error instanceof CorruptRecord) {
    return {
      message: `the data in ${where.dataDir} cannot be used: ${error.message}. Keep the directory for inspection and restore this node's data from a copy`,
    };
  }
  if (!isSystemError(error)) return describeOwnFault(error);
  const sentence = describeSystemError(error, where);
  if (sentence !== undefined) return { message: sentence };
  return { message: `cannot go on: ${systemSays(error)}`, fields: { stack: error.stack } };
}

/** A fault of ours: what an operator can do is to tell us. */
function describeOwnFault(error: unknown): Failure {
  const { message, stack } = error instanceof Error ? error : new Error(describeThrown(error));
  const line = message.replaceAll(/\s*\n\s*/g, ' ') || 'an error without a message';
  return {
    message: `stops because of a fault of its own: ${line}; please report it with the output of --log-level debug`,
    fields: { stack },
  };
}

function describeThrown(thrown: unknown): string {
  return typeof thrown === 'string' ? thrown : `something was thrown that is no error (${typeof thrown})`;
}

/** Node's own complaints about how it is used have codes too, such as ERR_INVALID_ARG_TYPE. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    /^E(?!RR_)[A-Z0-9_]+$/.test(error.code)
  );
}

function describeSystemError(error: NodeJS.ErrnoException, { host, port, dataDir }: Where): string | undefined {
  const at = formatAddress({ host, port });
  const listening = error.syscall === 'listen' || error.syscall === 'bind';
  switch (error.code) {
    case 'EADDRINUSE':
      return `${at} is in use by another program; choose another port with -p`;
    case 'EADDRNOTAVAIL':
      return `${host} is no address of this machine; choose another with --host`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `${host} is no name that can be resolved; choose another with --host`;
    case 'EAFNOSUPPORT':
      return `this machine has no addresses of the kind of ${host}; choose another with --host`;
    case 'EINVAL':
      return listening ? `${at} cannot be listened on; choose another address with --host` : undefined;
    case 'EACCES':
    case 'EPERM':
      if (listening && port > 0 && port < 1024) {
        return `port ${port} is reserved for privileged programs; choose one of 1024 or above with -p`;
      }
      if (listening) return `no permission to listen on ${at}; choose another with --host or -p`;
      return `no permission: ${systemSays(error)}; give this user the right to use ${dataDir}, or choose another --data-dir`;
    case 'ENOTDIR':
    case 'EISDIR':
    case 'EEXIST':
    case 'EROFS':
      return `${dataDir} cannot be used: ${systemSays(error)}; choose another --data-dir`;
    case 'ENOSPC':
    case 'EDQUOT':
      return `there is no room left in ${dataDir}; make room, or choose another --data-dir`;
    case 'EFBIG':
      return `files in ${dataDir} may not become large enough; raise the limit (ulimit -f) and start again`;
    case 'EMFILE':
    case 'ENFILE':
      return 'too many files are open; raise the limit (ulimit -n) and start again';
    case 'ENOMEM':
      return `the system has no memory left for ${systemSays(error)}; free some and start again`;
    case 'EIO':
      return `a disk does not work: ${systemSays(error)}; replace it, or choose another --data-dir`;
    default:
      return undefined;
  }
}

/** The system's own words, with its code even where it has no words. */
function systemSays({ message, code = '' }: NodeJS.ErrnoException): string {
  if (message === '') return code;
  return message.includes(code) ? message : `${message} (${code})`;
}
