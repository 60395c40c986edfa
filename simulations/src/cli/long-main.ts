/**
 * `npm run simulate:long`: very many seeds, with the figures kept in docs/evidence.md.
 */
import { scenarios } from '../scenarios/index.ts';
import { interruption, terminalOutput, warnOfJobs } from './console.ts';
import { longRun } from './long-run.ts';
import { longRunCommand, readLongRunFlags } from './long-run-flags.ts';
import { ROOT, sourceNow } from './source.ts';
import { withWorkers } from './worker-process.ts';

const flags = readLongRunFlags(longRunCommand(scenarios), process.argv.slice(2));
const output = terminalOutput();
warnOfJobs(flags.jobs, output);
const interrupted = interruption();
process.exitCode = await withWorkers(flags.jobs, interrupted, (lanes) =>
  longRun(flags, {
    scenarios,
    lanes,
    interrupted,
    output,
    source: sourceNow(),
    stateFile: new URL('.simulate-long.json', ROOT),
    evidenceFile: new URL('docs/evidence.md', ROOT),
  }),
);
