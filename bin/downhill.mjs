#!/usr/bin/env node
/** The command. In a clone it first makes what a published package brings along: the packages and `dist/`. */
import { existsSync } from 'node:fs';

try {
  if (existsSync(new URL('../scripts/build.mjs', import.meta.url))) {
    const { ensurePackages } = await import('../scripts/setup.mjs');
    const { build, buildIsStale } = await import('../scripts/build.mjs');
    await ensurePackages();
    if (buildIsStale()) await build();
  }
  const { main } = await import('../dist/cli.js');
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
