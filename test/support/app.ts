/** An app that trains with the built package, bundled and minified as its users would, and what of it a page loads. */
import { execFile } from 'node:child_process';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface BuiltApp {
  /** Text by file name; the app begins with `app.js`. */
  readonly files: ReadonlyMap<string, string>;
  /** The files that `app.js` imports, and those import in turn, before any of the app's own lines runs. */
  readonly first: readonly string[];
}

/** Bundles an app with esbuild, everything behind an `import()` in files of its own. `downhill` is `dist/`, made anew if stale. */
export async function buildApp(code: string): Promise<BuiltApp> {
  const script = `import { build, buildIsStale } from './scripts/build.mjs'; if (buildIsStale()) await build();`;
  await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { cwd: root });
  const { outputFiles, metafile } = await build({
    stdin: { contents: code, resolveDir: root, sourcefile: 'app.js' },
    alias: { downhill: join(root, 'dist/index.js') },
    entryNames: 'app',
    outdir: 'app',
    write: false,
    bundle: true,
    splitting: true,
    minify: true,
    metafile: true,
    format: 'esm',
    platform: 'browser',
    logLevel: 'silent',
  });
  const files = new Map(outputFiles.map(({ path, text }) => [basename(path), text]));
  const imports = new Map(Object.entries(metafile.outputs).map(([path, output]) => [basename(path), output.imports]));
  const first = new Set<string>();
  const visit = (file: string): void => {
    if (first.has(file)) return;
    first.add(file);
    for (const { kind, path } of imports.get(file)!) if (kind === 'import-statement') visit(basename(path));
  };
  visit('app.js');
  return { files, first: [...first] };
}

/** Bytes of some files, each gzipped by itself, as a server sends them. */
export const gzipped = ({ files }: BuiltApp, names: Iterable<string>): number =>
  [...names].reduce((sum, name) => sum + gzipSync(files.get(name)!, { level: 9 }).length, 0);
