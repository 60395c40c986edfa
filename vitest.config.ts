import { defineConfig } from 'vitest/config';

// Workspace packages are tested from source, found by an export condition of their own.
const conditions = ['kvorum-source'];

export default defineConfig({
  ssr: { resolve: { conditions } },
  resolve: { conditions },
  test: {
    include: ['packages/*/test/**/*.test.ts', 'simulations/test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    reporters: ['default'],
  },
});
