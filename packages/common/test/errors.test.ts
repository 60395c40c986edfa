import { describe, expect, it } from 'vitest';
import type { ErrorCode, Outcome } from '../src/index.ts';
import { errorCodes, KvorumError } from '../src/index.ts';

/** The contract with callers. The order is the wire's: a code may only be added at the end. */
const table: readonly (readonly [ErrorCode, retryable: boolean, Outcome])[] = [
  ['not-leader', true, 'not-applied'],
  ['wrong-group', true, 'not-applied'],
  ['busy', true, 'not-applied'],
  ['too-large', false, 'not-applied'],
  ['bad-request', false, 'not-applied'],
  ['session-expired', true, 'not-applied'],
  ['unavailable', true, 'not-applied'],
  ['outcome-unknown', true, 'unknown'],
  ['timeout', true, 'unknown'],
  ['cancelled', true, 'not-applied'],
  ['closed', false, 'not-applied'],
  ['unsupported-version', false, 'not-applied'],
];

describe('errors', () => {
  it('have their codes in the order of the wire', () => {
    expect(errorCodes.slice(0, table.length)).toEqual(table.map(([code]) => code));
    expect(errorCodes).toHaveLength(table.length);
  });

  it.each(table)('%s: retryable %s, %s', (code, retryable, outcome) => {
    const error = new KvorumError(code, 'what happened');
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: 'KvorumError', code, retryable, outcome, message: 'what happened' });
    expect('cause' in error).toBe(false);
  });

  it('keep their cause', () => {
    const cause = new Error('the socket was reset');
    expect(new KvorumError('timeout', 'too late', { cause }).cause).toBe(cause);
  });

  it('take another outcome where more is known', () => {
    const error = new KvorumError('timeout', 'nothing was sent', { outcome: 'not-applied' });
    expect(error).toMatchObject({ code: 'timeout', retryable: true, outcome: 'not-applied' });
  });
});
