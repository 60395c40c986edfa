/**
 * The process that runs tasks for the command line: one task in, one outcome out. What it throws ends it, and the other
 * side reports that as the failure of the seed.
 */
import { scenarios } from '../scenarios/index.ts';
import type { Task } from './task.ts';
import { performTask } from './task.ts';

process.on('message', (task: Task) => {
  const scenario = scenarios.find(({ name }) => name === task.scenario);
  if (scenario === undefined) throw new Error(`there is no scenario ${task.scenario}`);
  process.send?.(performTask(scenario, task));
});

// Ctrl-C reaches every process of the terminal; the one that started this one decides what happens.
process.on('SIGINT', () => undefined);

process.send?.('ready');
