/** Every failure that an operator can do something about has a sentence; a stack is for a fault of ours, and in a field. */
import { describe, expect, it } from 'vitest';
import { CorruptRecord } from '../../src/core/index.ts';
import { describeFailure } from '../../src/start-failure.ts';

const where = { host: '127.0.0.1', port: 80, dataDir: '/data' };

function systemError(code: string, syscall: string, message = `${code}: as the system has it, ${syscall}`): Error {
  return Object.assign(new Error(message), { code, syscall, errno: -1 });
}

describe('of the system', () => {
  it.each<[string, string, RegExp]>([
    ['EADDRINUSE', 'listen', /^127\.0\.0\.1:80 is in use by another program; choose another port with -p$/],
    ['EADDRNOTAVAIL', 'listen', /^127\.0\.0\.1 is no address of this machine; choose another with --host$/],
    ['ENOTFOUND', 'getaddrinfo', /no name that can be resolved; choose another with --host$/],
    ['EAI_AGAIN', 'getaddrinfo', /no name that can be resolved; choose another with --host$/],
    ['EAFNOSUPPORT', 'listen', /no addresses of the kind of 127\.0\.0\.1; choose another with --host$/],
    ['EINVAL', 'listen', /^127\.0\.0\.1:80 cannot be listened on; choose another address with --host$/],
    ['EACCES', 'listen', /^port 80 is reserved for privileged programs; choose one of 1024 or above with -p$/],
    ['EPERM', 'listen', /^port 80 is reserved for privileged programs/],
    ['EACCES', 'open', /^no permission: .*; give this user the right to use \/data, or choose another --data-dir$/],
    ['EPERM', 'open', /^no permission: .*choose another --data-dir$/],
    ['EROFS', 'mkdir', /^\/data cannot be used: .*; choose another --data-dir$/],
    ['EISDIR', 'read', /^\/data cannot be used: .*; choose another --data-dir$/],
    ['ENOSPC', 'write', /^there is no room left in \/data; make room, or choose another --data-dir$/],
    ['EDQUOT', 'write', /^there is no room left in \/data/],
    ['EFBIG', 'write', /raise the limit \(ulimit -f\) and start again$/],
    ['EMFILE', 'open', /^too many files are open; raise the limit \(ulimit -n\) and start again$/],
    ['ENFILE', 'open', /^too many files are open/],
    ['ENOMEM', 'mmap', /^the system has no memory left .*; free some and start again$/],
    ['EIO', 'read', /^a disk does not work: .*; replace it, or choose another --data-dir$/],
  ])('%s in %s', (code, syscall, sentence) => {
    const { message, fields } = describeFailure(systemError(code, syscall), where);
    expect(message).toMatch(sentence);
    expect(fields).toBeUndefined();
  });

  it('without permission on a port that is not reserved', () => {
    const { message } = describeFailure(systemError('EACCES', 'listen'), { ...where, port: 45678 });
    expect(message).toBe('no permission to listen on 127.0.0.1:45678; choose another with --host or -p');
  });

  it.each(['EXYZ', 'ESTALE', 'E2BIG'])('that nobody thought of, such as %s', (code) => {
    const { message, fields } = describeFailure(systemError(code, 'frobnicate'), where);
    expect(message).toBe(`cannot go on: ${code}: as the system has it, frobnicate`);
    expect(fields?.['stack']).toContain('start-failure.test');
  });

  it('without words', () => {
    expect(describeFailure(systemError('EXYZ', 'read', ''), where).message).toBe('cannot go on: EXYZ');
    expect(describeFailure(systemError('EXYZ', 'read', 'odd'), where).message).toBe('cannot go on: odd (EXYZ)');
  });
});

it('of stored data names the directory and what to do', () => {
  const { message } = describeFailure(new CorruptRecord('the log of group 1 is damaged'), where);
  expect(message).toMatch(/^the data in \/data cannot be used: the log of group 1 is damaged\. Keep the directory/);
});

describe('of our own', () => {
  it.each<[string, unknown, RegExp]>([
    ['an error', new Error('a broken invariant'), /fault of its own: a broken invariant;/],
    ['an error of several lines', new Error('first\nsecond'), /fault of its own: first second;/],
    ['an error without a message', new Error(), /fault of its own: an error without a message;/],
    ['text', 'as it was thrown', /fault of its own: as it was thrown;/],
    ['nothing', undefined, /fault of its own: something was thrown that is no error \(undefined\);/],
    [
      'wrong use of Node',
      Object.assign(new TypeError('bad argument'), { code: 'ERR_INVALID_ARG_TYPE' }),
      /fault of its own: bad argument;/,
    ],
  ])('%s: one line that asks for a report, the stack in a field', (_what, error, sentence) => {
    const { message, fields } = describeFailure(error, where);
    expect(message).toMatch(sentence);
    expect(message).toMatch(/; please report it with the output of --log-level debug$/);
    expect(message).not.toMatch(/\n|^undefined| at /);
    expect(fields?.['stack']).toMatch(/\n\s+at /);
  });
});
