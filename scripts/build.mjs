/** Builds `dist/`: the entries of the package, one self-contained file for a page, the types, the licences. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { ensureGenerated } from './generated.mjs';
import { asProgram, root, say } from './process.mjs';
import { ensurePackages } from './setup.mjs';
import { generate, isGenerated } from './shaders.mjs';

const dist = join(root, 'dist');
const stampFile = join(dist, '.build');

/** Asked for by name when a door needs them, never bundled. */
const optionalPeers = ['puppeteer', 'puppeteer-core', 'webgpu'];

/** The shaders without comments and blanks. */
export const releaseShaders = {
  name: 'release-shaders',
  setup(build) {
    let modules;
    build.onStart(() => {
      modules = generate({ release: true });
    });
    build.onLoad({ filter: /shaders\.(\w+\.)?generated\.ts$/ }, async ({ path }) => ({
      contents: (await modules)[basename(path)],
      loader: 'ts',
    }));
  },
};

const common = {
  absWorkingDir: root,
  outdir: 'dist',
  bundle: true,
  format: 'esm',
  target: 'es2022',
  sourcemap: true,
  legalComments: 'linked',
  metafile: true,
  logLevel: 'warning',
  external: ['node:*', ...optionalPeers],
  plugins: [releaseShaders],
};

/** What applications import. */
export const doors = {
  index: 'src/index.ts',
  node: 'src/node/index.ts',
  plan: 'src/plan/index.ts',
  stream: 'src/data/stream/index.ts',
  parquet: 'src/data/stream/parquet.ts',
};

/**
 * Three builds: the entries that applications import share chunks, so that a class is the same class behind each of
 * them; the page's file and the command stand alone.
 */
const builds = [
  {
    entryPoints: doors,
    platform: 'neutral',
    mainFields: ['module', 'main'],
    splitting: true,
    chunkNames: 'chunk-[hash]',
  },
  { entryPoints: { downhill: 'src/index.ts', 'cli-page': 'src/cli/page.ts' }, platform: 'browser', minify: true },
  {
    entryPoints: { cli: 'src/cli/main.ts' },
    platform: 'node',
    // Bundled CommonJS packages ask for Node's own modules this way.
    banner: { js: "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);" },
  },
];

/** What the build is made of: a change in any of these files makes `dist/` stale. */
function fingerprint() {
  const hash = createHash('sha256');
  const add = (path) => {
    const { mtimeMs, size } = statSync(join(root, path));
    hash.update(`${path}\n${mtimeMs}\n${size}\n`);
  };
  for (const folder of ['src', 'shaders', 'wasm', 'scripts']) {
    if (!existsSync(join(root, folder))) continue;
    for (const name of readdirSync(join(root, folder), { recursive: true }).sort()) {
      const path = join(folder, name);
      if (!isGenerated(path) && statSync(join(root, path)).isFile()) add(path);
    }
  }
  add('package.json');
  add('package-lock.json');
  return hash.digest('hex');
}

/** Whether `dist/` is missing or older than what it is made of. */
export function buildIsStale() {
  return !existsSync(stampFile) || readFileSync(stampFile, 'utf8') !== fingerprint();
}

/** The declarations of the entries and of what they reach, importing each other as `.js`. */
async function writeTypes(entries) {
  const { default: ts } = await import('typescript');
  const config = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile).config;
  const { options } = ts.parseJsonConfigFileContent({ ...config, files: entries, include: [] }, ts.sys, root);
  const program = ts.createProgram(
    entries.map((entry) => join(root, entry)),
    {
      ...options,
      incremental: false,
      tsBuildInfoFile: undefined,
      noEmit: false,
      declaration: true,
      emitDeclarationOnly: true,
      rootDir: join(root, 'src'),
      outDir: join(dist, 'types'),
      noEmitOnError: false,
    },
  );
  const written = [];
  const { diagnostics } = program.emit(undefined, (path, text) => {
    // A declaration file imports its neighbours as the modules that exist at run time.
    const published = text.replace(/((?:from|import\()\s*['"]\.{1,2}\/[^'"]*)\.ts(['"])/g, '$1.js$2');
    if (/^\/\/\/\s*<reference types/m.test(published))
      throw new Error(`${path} refers to types by name; users may lack them`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, published);
    written.push(path);
  });
  if (diagnostics.length > 0) {
    const host = { getCurrentDirectory: () => root, getCanonicalFileName: (name) => name, getNewLine: () => '\n' };
    throw new Error(ts.formatDiagnostics(diagnostics, host));
  }
  return written;
}

/** The packages whose code went into the outputs, each with the entries that hold it. */
function bundledPackages(metafiles) {
  const packages = new Map();
  for (const { outputs } of metafiles) {
    for (const [output, { inputs }] of Object.entries(outputs)) {
      for (const [input, { bytesInOutput }] of Object.entries(inputs)) {
        const folder = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1];
        if (folder && bytesInOutput > 0)
          packages.set(folder, (packages.get(folder) ?? new Set()).add(basename(output)));
      }
    }
  }
  return packages;
}

/** One text with name, version, licence and the licence's own words for each bundled package. */
function thirdParty(metafiles) {
  const parts = [...bundledPackages(metafiles)].sort().map(([folder, outputs]) => {
    const { name, version, license } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
    const file = readdirSync(join(root, folder)).find((entry) => /^licen[cs]e/i.test(entry));
    if (!file) throw new Error(`build: ${name} is bundled, but has no licence file to hand on`);
    const words = readFileSync(join(root, folder, file), 'utf8').trim();
    return `${name} ${version} (${license}), in ${[...outputs].sort().join(', ')}\n\n${words}\n`;
  });
  return `Code of others that is part of these files.\n\n${parts.join(`\n${'-'.repeat(80)}\n\n`)}`;
}

/** Removes what earlier builds left in `dist/`. */
function sweep(kept) {
  for (const name of readdirSync(dist, { recursive: true })) {
    const path = join(dist, name);
    if (existsSync(path) && statSync(path).isFile() && !kept.has(path)) rmSync(path);
  }
}

/** Builds everything. Throws on the first mistake. */
export async function build() {
  const esbuild = await import('esbuild');
  await ensureGenerated();
  const results = await Promise.all(builds.map((options) => esbuild.build({ ...common, ...options })));
  const metafiles = results.map(({ metafile }) => metafile);
  const written = await writeTypes(Object.values(doors));
  writeFileSync(join(dist, 'THIRD_PARTY.txt'), thirdParty(metafiles));
  const outputs = metafiles.flatMap((metafile) => Object.keys(metafile.outputs)).map((path) => join(root, path));
  sweep(new Set([...outputs, ...written, join(dist, 'THIRD_PARTY.txt')]));
  writeFileSync(stampFile, fingerprint());
  return outputs;
}

await asProgram(import.meta.url, async () => {
  await ensurePackages();
  for (const path of await build()) {
    if (path.endsWith('.js')) say(`${relative(root, path)}  ${(statSync(path).size / 1024).toFixed(1)} KiB`);
  }
});
