import { defineConfig } from 'vitest/config';

/** `npm run test:deploy`: what needs more than npm's packages, or minutes. `.ci/run` installs it and runs this. */
const junit = process.env.VITEST_JUNIT;

export default defineConfig({
  test: {
    reporters: junit === undefined ? ['default'] : ['default', ['junit', { outputFile: junit }]],
    include: ['tests/deploy/*.suite.ts'],
    pool: 'forks',
    // One file at a time: each starts servers.
    fileParallelism: false,
    testTimeout: 180_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 30_000 } },
  },
});
