import { defineConfig } from 'vitest/config';

export default defineConfig({
  // Packages are tested from their sources; only child processes and worker threads run the built files.
  ssr: { resolve: { conditions: ['source', 'module', 'node', 'development|production'] } },
  resolve: { conditions: ['source'] },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'apps/*/src/**/*.test.ts', 'tests/**/*.{test,e2e,chaos}.ts'],
    // A bound for a loaded machine, not an expectation.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 15_000 } },
    pool: 'forks',
    maxWorkers: 2,
  },
});
