/** Repetitions are counted instead of written; time is the clock's. */
import type { LogFields, Logger } from '@kvorum/common';
import { expect, it } from 'vitest';
import { throttledLogger } from '../../src/adapters/logs/throttled-logger.ts';
import { ManualClock } from './manual-clock.ts';

interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: LogFields | undefined;
}

function start(): { log: ReturnType<typeof throttledLogger>; lines: Line[]; clock: ManualClock } {
  const lines: Line[] = [];
  const write = (level: string) => (message: string, fields?: LogFields) => lines.push({ level, message, fields });
  const logger: Logger = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
  const clock = new ManualClock();
  return { log: throttledLogger(logger, clock), lines, clock };
}

const suspected = (peer: string): LogFields => ({ event: 'peer.suspected', peer });

it('the first of its kind is written at once, the rest as a count when ten seconds are over', () => {
  const { log, lines, clock } = start();
  for (let n = 0; n <= 37; n += 1) log.warn(`n3 is suspected, ${n}`, suspected('n3'));
  expect(lines.map(({ message }) => message)).toEqual(['n3 is suspected, 0']);
  clock.advance(9999);
  expect(lines.length).toBe(1);
  clock.advance(1);
  expect(lines.length).toBe(2);
  expect(lines[1]).toEqual({
    level: 'warn',
    message: 'n3 is suspected, 37 … and 37 more like it in the last 10 s',
    fields: { ...suspected('n3'), repeated: 37 },
  });
});

it('what goes on for long is counted every ten seconds, and is written anew after ten quiet ones', () => {
  const { log, lines, clock } = start();
  for (let second = 0; second < 30; second += 1) {
    log.warn('flaps', suspected('n3'));
    clock.advance(1000);
  }
  const counts = lines.map(({ fields }) => fields?.['repeated']);
  expect(counts).toEqual([undefined, 9, 10, 10]);
  clock.advance(10_000);
  expect(lines.length).toBe(4);
  log.warn('flaps again', suspected('n3'));
  expect(lines.at(-1)?.message).toBe('flaps again');
});

it('kinds, peers and groups are told apart', () => {
  const { log, lines } = start();
  log.warn('a', { event: 'one', peer: 'n1' });
  log.warn('b', { event: 'one', peer: 'n2' });
  log.warn('c', { event: 'two', peer: 'n1' });
  log.warn('d', { event: 'one', group: 1 });
  log.warn('e', { event: 'one' });
  log.warn('never', { event: 'one', peer: 'n1', ballot: 7 });
  log.warn('never', { event: 'one', group: 1 });
  expect(lines.map(({ message }) => message).join('')).toBe('abcde');
});

it('lines without an event are all written', () => {
  const { log, lines } = start();
  for (let n = 0; n < 3; n += 1) log.info('the same');
  for (let n = 0; n < 3; n += 1) log.error('the same', { peer: 'n1' });
  expect(lines.length).toBe(6);
});

it('what is counted when the process ends is not lost', () => {
  const { log, lines } = start();
  for (let n = 0; n < 3; n += 1) log.info('lost', { event: 'peer.lost', peer: 'n2' });
  log.flush();
  expect(lines.map(({ message }) => message)).toEqual(['lost', 'lost … and 2 more like it in the last 10 s']);
  log.flush();
  expect(lines.length).toBe(2);
});

it('remembers no more subjects than it must, whatever it is given', () => {
  const { log, lines, clock } = start();
  for (let n = 0; n < 10_000; n += 1) log.warn('x', { event: 'peer.suspected', peer: `n${n}` });
  expect(lines.length).toBeLessThanOrEqual(4097);
  expect(clock.timers).toBeLessThanOrEqual(4097);
  clock.advance(10_000);
  expect(lines.at(-1)?.message).toMatch(/… and \d+ more like it/);
  clock.advance(10_000);
  expect(clock.timers).toBe(0);
});
