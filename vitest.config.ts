import { defineConfig } from 'vitest/config';

// Workspace packages are tested from source, found by an export condition of their own.
const conditions = ['kvorum-source'];

const PROCESS_TESTS = 'packages/*/test/process/**/*.test.ts';

export default defineConfig({
  ssr: { resolve: { conditions } },
  resolve: { conditions },
  test: {
    pool: 'forks',
    testTimeout: 30_000,
    reporters: ['default'],
    projects: [
      {
        extends: true,
        test: {
          name: 'core',
          include: ['packages/*/test/**/*.test.ts', 'simulations/test/**/*.test.ts'],
          exclude: [PROCESS_TESTS],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        // Real servers, with bounds on real time: nothing else runs beside them.
        extends: true,
        test: { name: 'processes', include: [PROCESS_TESTS], maxWorkers: 1, sequence: { groupOrder: 1 } },
      },
    ],
  },
});
