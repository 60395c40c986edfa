/** What a line looks like, to people and to programs. In a process of its own, since it is its standard error that counts. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const module = fileURLToPath(new URL('../../dist/adapters/logs/winston-logger.js', import.meta.url));

function written(options: Record<string, unknown>, calls: string): string {
  const script = `import { createLogger } from ${JSON.stringify(module)};
    const logger = createLogger(${JSON.stringify({ level: 'info', color: false, ...options })});
    ${calls}
    logger.end(() => process.exit());`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  expect(stdout).toBe('');
  return stderr;
}

const CALLS = `
  logger.debug('not at this level');
  logger.info('listens on 127.0.0.1:1', undefined);
  logger.warn('n3 is suspected', { event: 'peer.suspected', peer: 'n3' });
  logger.error('a fault', { stack: 'Error: a fault\\n    at somewhere' });`;

it('text is for people: time, level and what happened, and no stack', () => {
  expect(written({ format: 'text' }, CALLS).replaceAll(/\d\d:\d\d:\d\d\.\d{3}/g, 'TIME')).toBe(
    'TIME info listens on 127.0.0.1:1\nTIME warn n3 is suspected\nTIME error a fault\n',
  );
});

it('text at level debug has the stack below', () => {
  const text = written({ format: 'text', level: 'debug' }, CALLS);
  expect(text).toContain('debug not at this level\n');
  expect(text).toMatch(/error a fault\nError: a fault\n {4}at somewhere\n$/);
});

it('text in colour has the level coloured', () => {
  expect(written({ format: 'text', color: true }, CALLS)).toContain('\u001b[');
});

it('json is for programs: one object per line, with all fields', () => {
  const lines = written({ format: 'json' }, CALLS).trim().split('\n');
  const [first, second, third] = lines.map((line) => JSON.parse(line) as Record<string, string>);
  expect(first).toEqual({ level: 'info', message: 'listens on 127.0.0.1:1', timestamp: first?.['timestamp'] });
  expect(first?.['timestamp']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  expect(second).toMatchObject({ level: 'warn', event: 'peer.suspected', peer: 'n3' });
  expect(third).toMatchObject({ message: 'a fault', stack: 'Error: a fault\n    at somewhere' });
  expect(lines.length).toBe(3);
});
