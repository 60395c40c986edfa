import { describe, expect, it } from 'vitest';
import { sampleLines } from './sample-reporter.ts';
import { sampleName, sampleOf } from './sample.ts';

const all = Array.from({ length: 73 }, (_, place) => place);

describe('a sample', () => {
  it.each([3, 8])('is one of %i parts, and all samples together are everything, each as often', (parts) => {
    const samples = Array.from({ length: 24 }, (_, name) => sampleOf('things', all, parts, `${name}`).chosen);
    const times = all.map((thing) => samples.filter((chosen) => chosen.includes(thing)).length);
    expect(new Set(times)).toEqual(new Set([24 / parts]));
    for (const chosen of samples) expect(chosen.length).toBeLessThanOrEqual(Math.ceil(all.length / parts));
  });

  it('is everything if so told', () => {
    expect(sampleOf('things', all, 8, 'all').chosen).toEqual(all);
  });

  it('is chosen by the commit, and otherwise by SAMPLE', () => {
    expect(sampleName('', { commit: '0017958', changes: '' })).toBe(String(0x0017958 % 24));
    expect(sampleName('', { commit: undefined, changes: 'x' })).toBe('0');
    expect(sampleName('17')).toBe('17');
    expect(sampleName('all')).toBe('all');
    for (const wrong of ['24', '-1', '3/8', 'most', '1.5']) expect(() => sampleName(wrong)).toThrow(`not "${wrong}"`);
  });

  it('is told at the end, and how to run all', () => {
    const bugs = sampleOf('planted bugs', all, 8, '17').meta.sample;
    const points = sampleOf('crash points', all.slice(0, 16), 8, '17').meta.sample;
    expect(sampleLines([bugs, undefined, bugs, points])).toEqual([
      'Only a sample was run: 9 of 73 planted bugs, 2 of 16 crash points.',
      'It was sample 17, by the commit or by SAMPLE: SAMPLE=17 npm test repeats it, SAMPLE=all npm test runs all.',
      '',
    ]);
    expect(sampleLines([undefined, sampleOf('planted bugs', all, 8, 'all').meta.sample])).toEqual([]);
  });
});
