import { expect, test } from 'vitest';
import { shellWord } from '../src/words.ts';

test('of what the shell has split only \\xHH is special', () => {
  expect(Buffer.from(shellWord('a "b" \\n \\x00').bytes).toString()).toBe('a "b" \\n \0');
});
