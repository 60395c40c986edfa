/** The ShiViz log: it parses with its own expression, and its clocks are vector clocks. */
import { describe, expect, it } from 'vitest';
import type { ShivizOptions } from '../../src/report/index.ts';
import { shiviz } from '../../src/report/index.ts';
import { leaderChange } from './sample-recordings.ts';

interface ParsedEvent {
  readonly event: string;
  readonly host: string;
  readonly clock: Readonly<Record<string, number>>;
}

/** As ShiViz does: the first line is the expression, the second one a delimiter of executions. */
function parse(log: string): ParsedEvent[] {
  const [expression = '', delimiter, ...lines] = log.split('\n');
  expect(delimiter).toBe('');
  const text = lines.join('\n');
  const matches = [...text.matchAll(new RegExp(expression, 'g'))];
  // Nothing of the log is left over.
  expect(text.replaceAll(new RegExp(expression, 'g'), '').trim()).toBe('');
  return matches.map(({ groups }) => ({
    event: groups?.['event'] ?? '',
    host: groups?.['host'] ?? '',
    clock: JSON.parse(groups?.['clock'] ?? '{}') as Record<string, number>,
  }));
}

const parsed = (options?: ShivizOptions): ParsedEvent[] => parse(shiviz(leaderChange(), options));

const dominates = (a: ParsedEvent['clock'], b: ParsedEvent['clock']): boolean =>
  Object.entries(b).every(([host, count]) => (a[host] ?? 0) >= count);

describe('the log for ShiViz', () => {
  it('counts the events of each host from 1, one by one', () => {
    const counts = new Map<string, number>();
    for (const { host, clock } of parsed({ heartbeats: true, clients: true })) {
      const next = (counts.get(host) ?? 0) + 1;
      expect(clock[host]).toBe(next);
      counts.set(host, next);
    }
    expect([...counts.keys()].sort()).toEqual(['client-0', 'n1', 'n2', 'n3']);
  });

  it('gives each receive a clock above that of its send, and of all that its host knew', () => {
    const events = parsed({ heartbeats: true, clients: true });
    const latest = new Map<string, ParsedEvent['clock']>();
    const open = new Map<string, ParsedEvent['clock'][]>();
    let received = 0;
    for (const { event, host, clock } of events) {
      expect(dominates(clock, latest.get(host) ?? {})).toBe(true);
      latest.set(host, clock);
      const [, direction, other = '', what = ''] = /^\S+ (send to|receive from) (\S+): (.*)$/.exec(event) ?? [];
      const name = direction === 'send to' ? `${host} ${other} ${what}` : `${other} ${host} ${what}`;
      if (direction === 'send to') open.set(name, [...(open.get(name) ?? []), clock]);
      if (direction !== 'receive from') continue;
      const sent = open.get(name)?.shift();
      expect(sent).toBeDefined();
      expect(dominates(clock, sent ?? {})).toBe(true);
      expect(dominates(sent ?? {}, clock)).toBe(false);
      received += 1;
    }
    expect(received).toBe(leaderChange().messages.filter(({ fate }) => fate === 'delivered').length);
  });

  it('keeps events apart that know nothing of each other', () => {
    const events = parsed();
    const suspected = events.find(({ event }) => event.includes('prepare 2.n3'));
    const unheard = events.find(({ event }) => event.includes('accept 30 (cut)'));
    expect(dominates(suspected?.clock ?? {}, unheard?.clock ?? {})).toBe(false);
    expect(dominates(unheard?.clock ?? {}, suspected?.clock ?? {})).toBe(false);
  });

  it('leaves heartbeats, clients and other groups out unless asked for', () => {
    expect(parsed().some(({ event }) => event.includes('heartbeat'))).toBe(false);
    expect(parsed().some(({ host }) => host.startsWith('client'))).toBe(false);
    expect(parsed({ group: 2 }).some(({ event }) => event.includes('g1 '))).toBe(false);
    expect(parsed({ group: 2 }).length).toBeGreaterThan(10);
  });
});
