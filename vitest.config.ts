import { defineConfig } from 'vitest/config';

/** Where `.ci/run` wants the counts. */
const junit = process.env.VITEST_JUNIT;

export default defineConfig({
  test: {
    reporters: junit === undefined ? ['default'] : ['default', ['junit', { outputFile: junit }]],
    include: ['tests/**/*.test.ts'],
    // Two cores: more files at once would only make the ones that start servers slow.
    maxWorkers: 2,
    pool: 'forks',
    testTimeout: 20_000,
    hookTimeout: 30_000,
  },
});
