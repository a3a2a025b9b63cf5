/** Two sets of tests: `unit` needs Node alone; `machine` starts browsers, GPU runtimes, built packages, processes. */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** Tests that need more of the machine than Node: the four runtimes, and the doors (command, page, package). */
const machine = ['test/runtimes/**/*.test.ts', 'test/doors/**/*.test.ts'];

export default defineConfig({
  resolve: {
    alias: [
      { find: /^downhill$/, replacement: path('src/index.ts') },
      { find: /^downhill\/node$/, replacement: path('src/node/index.ts') },
    ],
  },
  test: {
    pool: 'forks', // native modules do not live in worker threads
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: machine,
          globalSetup: ['scripts/vitest-unit.mjs'],
          testTimeout: 20_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'machine',
          include: machine,
          globalSetup: ['scripts/vitest-machine.mjs'],
          // One after the other, behind the unit tests: they share the GPU, and some measure time.
          fileParallelism: false,
          sequence: { groupOrder: 1 },
          testTimeout: 300_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
