/**
 * `npm run simulate`: runs scenarios by name and seed, and prints what replays a failure.
 */
import { interruption, terminalOutput, warnOfJobs } from './cli/console.ts';
import { readFlags, simulateCommand } from './cli/flags.ts';
import { simulate } from './cli/simulate.ts';
import { sourceNow, sourceText } from './cli/source.ts';
import { withWorkers } from './cli/worker-process.ts';
import { scenarios } from './scenarios/index.ts';

const flags = readFlags(simulateCommand(scenarios), process.argv.slice(2), scenarios);
const output = terminalOutput();
const interrupted = interruption();

if (flags.list) {
  output.print(scenarios.map(({ name, summary }) => `${name.padEnd(24)} ${summary}`));
} else {
  warnOfJobs(flags.jobs, output);
  const commit = sourceText(sourceNow());
  process.exitCode = await withWorkers(flags.jobs, interrupted, (lanes) =>
    simulate(flags, { lanes, interrupted, output, commit }),
  );
}
