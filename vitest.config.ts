import { defineConfig } from 'vitest/config';

// Workspace packages are tested from source, found by an export condition of their own.
const conditions = ['kvorum-source'];

const PROCESS_TESTS = 'packages/*/test/process/**/*.test.ts';
/** Of those, the ones with bounds on real time, which would tell nothing beside others. */
const TIMED_TESTS = ['failover', 'formation', 'many-connections', 'six-nodes', 'slow-consumer'].map(
  (name) => `packages/server/test/process/${name}.test.ts`,
);
/** It replaces a module, which must not be seen by others: they share one process and what it has loaded. */
const REPLACES_MODULES = 'packages/server/test/acceptance/peer-transport.test.ts';
/** Many runs of one kind, of which `npm test` makes a sample: see simulations/test/sample.ts. */
const SAMPLED_TESTS = [
  'simulations/test/planted-bugs/planted-bugs.test.ts',
  'simulations/test/crash-points.test.ts',
  'simulations/test/scenarios.test.ts',
  'simulations/test/chaos.test.ts',
  'simulations/test/exhaustive/exhaustive.test.ts',
];

export default defineConfig({
  ssr: { resolve: { conditions } },
  resolve: { conditions },
  test: {
    pool: 'forks',
    isolate: false,
    testTimeout: 30_000,
    reporters: ['default', './simulations/test/sample-reporter.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'core',
          include: ['packages/*/test/**/*.test.ts', 'simulations/test/**/*.test.ts'],
          exclude: [PROCESS_TESTS, REPLACES_MODULES, ...SAMPLED_TESTS],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: { name: 'sampled', include: SAMPLED_TESTS, maxWorkers: 2, sequence: { groupOrder: 0 } },
      },
      {
        extends: true,
        test: {
          name: 'isolated',
          include: [REPLACES_MODULES],
          isolate: true,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'processes',
          include: [PROCESS_TESTS],
          exclude: TIMED_TESTS,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: { name: 'timed', include: TIMED_TESTS, maxWorkers: 1, sequence: { groupOrder: 2 } },
      },
    ],
  },
});
