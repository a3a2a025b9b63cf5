/** The data room in a browser: it bundles without Node, needs no `eval`, and CSV costs only those who read CSV. */
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';

const bundle = (entry: string) =>
  build({
    entryPoints: [fileURLToPath(new URL(`../../src/data/${entry}.ts`, import.meta.url))],
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'browser', // an import of a Node module is an error here
    logLevel: 'silent',
  });

describe('data in the browser', () => {
  it.each(['csv', 'idx', 'npy', 'source', 'match', 'split', 'rows', 'encode'])(
    '%s.ts bundles, free of eval',
    async (entry) => {
      const { outputFiles, warnings } = await bundle(entry);
      expect(warnings).toEqual([]);
      expect(outputFiles[0]!.text).not.toMatch(/\beval\s*\(|\bnew Function\b|\bFunction\s*\(/);
    },
  );

  it.each(['encode', 'source', 'match', 'idx'])('%s.ts does without the CSV parser', async (entry) => {
    const { metafile } = await bundle(entry);
    expect(Object.keys(metafile.inputs).filter((path) => path.includes('csv-parse'))).toEqual([]);
  });
});
