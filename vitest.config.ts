/** Three sets of tests: `unit` needs Node alone; `contract` starts GPU runtimes; `machine` browsers, packages, processes. */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** Tests that need more of the machine than Node: the four runtimes, and the doors (command, page, package). */
const machine = ['test/runtimes/**/*.test.ts', 'test/doors/**/*.test.ts'];
/** Of these, the contract cases: no clock decides about them, so that they may share the machine. */
const contract = ['cpu', 'dawn', 'dawn-fused', 'chromium', 'deno'].map((name) => `test/runtimes/${name}.test.ts`);

export default defineConfig({
  resolve: {
    alias: [
      { find: /^downhill$/, replacement: path('src/index.ts') },
      { find: /^downhill\/node$/, replacement: path('src/node/index.ts') },
      { find: /^downhill\/plan$/, replacement: path('src/plan/index.ts') },
      { find: /^downhill\/stream$/, replacement: path('src/data/stream/index.ts') },
      { find: /^downhill\/parquet$/, replacement: path('src/data/stream/parquet.ts') },
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
          name: 'contract',
          include: contract,
          globalSetup: ['scripts/vitest-machine.mjs'],
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
          testTimeout: 300_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'machine',
          include: machine,
          exclude: contract,
          globalSetup: ['scripts/vitest-machine.mjs'],
          // One after the other, behind all others: some measure time.
          fileParallelism: false,
          sequence: { groupOrder: 2 },
          testTimeout: 300_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
