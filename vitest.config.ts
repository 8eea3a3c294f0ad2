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
    // Files share a process, and what they import is read once: what a file changes about it, it puts back.
    isolate: false,
    // Far more than any test takes: a machine that is busy with other things fails none.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 30_000 } },
  },
});
