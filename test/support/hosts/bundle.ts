/** Bundles the contract cases into one text of JavaScript for a runtime that is no Node. */
import { build } from 'esbuild';

/** The text of the module at `entry`, a path from the root of the repository, with all it imports. */
export async function bundle(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    platform: 'browser',
    sourcemap: 'inline',
    logLevel: 'silent',
  });
  return outputFiles[0]!.text;
}
