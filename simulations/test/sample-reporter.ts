/** The last words of a run of the tests: what was run as a sample only, and how to run all of it. */
import type { Reporter, TestModule } from 'vitest/node';
import type { SampleNote } from './sample.ts';

export default class SampleReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const notes = tests.filter((test) => test.result().state !== 'skipped').map((test) => test.meta().sample);
    for (const line of sampleLines(notes)) process.stdout.write(`${line}\n`);
  }
}

export function sampleLines(notes: readonly (SampleNote | undefined)[]): string[] {
  const samples = new Map(notes.filter((note) => note !== undefined).map((note) => [note.what, note]));
  const partial = [...samples.values()].filter(({ chosen, of }) => chosen < of);
  const [first] = partial;
  if (first === undefined) return [];
  const figures = partial.map(({ what, chosen, of }) => `${chosen} of ${of} ${what}`).join(', ');
  return [
    `Only a sample was run: ${figures}.`,
    `It was sample ${first.name}, by the commit or by SAMPLE: SAMPLE=${first.name} npm test repeats it, SAMPLE=all npm test runs all.`,
    '',
  ];
}
