/** What the papers say is so: the README's lines compile and train, its names and links exist, the catalogue is whole. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import ts from 'typescript';
import { describe, expect, test, vi } from 'vitest';
import { GENERATOR_OPTIONS, GENERATORS } from '../src/data/generate/index.ts';
import { TEST_FUNCTIONS } from '../src/math/test_functions.ts';
import { ACTIVATIONS, parseActivation } from '../src/spec/activations.ts';
import { INITIALIZERS } from '../src/spec/initializers.ts';
import { LOSSES, parseLoss } from '../src/spec/losses.ts';
import { OPTIMIZERS, parseOptimizer } from '../src/spec/optimizers.ts';
import { SCHEDULES } from '../src/spec/schedules.ts';
import { README, type ReadmeResult, readmeCode, readmeModule } from './support/readme.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const formulas = read('docs/formulas.md');

const PAPERS = [
  ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md', 'examples/mnist-recipe/README.md'],
  ...readdirSync(join(root, 'docs')).flatMap((name) => (name.endsWith('.md') ? [`docs/${name}`] : [])),
];
/** What takes flags, as text: the command, the scripts, the benchmark. */
const PROGRAMS = ['src/cli', 'scripts', 'bench']
  .flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => `${folder}/${name}`),
  )
  .filter((path) => /\.(ts|mjs|py)$/.test(path) && !path.includes('node_modules'))
  .map(read)
  .join('\n');
/** The places of a page that a link can name: its titles in lower case, without signs, with hyphens between the words. */
const placesOf = (text: string) =>
  [...text.matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

describe('the lines of the README', () => {
  test('are few', () => {
    expect(readmeCode().trim().split('\n').filter(Boolean).length).toBeLessThanOrEqual(15);
  });

  test('pass the type check, and a wrong word in them would not', { timeout: 60_000 }, () => {
    const code = readmeCode();
    const [errors, errorsOfWrong] = typeErrors(code, code.replace("'softmaxCrossEntropy'", "'softmaxCrossEntropi'"));
    expect(errors).toEqual([]);
    expect(errorsOfWrong!.join()).toContain('softmaxCrossEntropi');
  });

  test('train on the CPU, and the loss falls', async () => {
    const { backend, losses, metrics, probabilities, bytes } = await runOnCpu();
    expect(backend).toBe('cpu');
    expect(losses).toHaveLength(30);
    expect(losses.at(-1)!).toBeLessThan(losses[0]! / 2);
    expect(metrics.accuracy).toBeGreaterThan(0.9);
    expect(probabilities).toHaveLength(2);
    expect(probabilities[0]! + probabilities[1]!).toBeCloseTo(1, 5);
    expect(bytes).toBeGreaterThan(4 * (2 * 32 + 32 + 32 * 32 + 32 + 32 * 2 + 2));
  });
});

describe('the README', () => {
  test.each(PAPERS)('links of %s lead somewhere', (path) => {
    const links = [...read(path).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)]+))?\)/g)];
    const dead = links.filter(([, file, place]) => {
      const target = file === '' ? path : join(dirname(path), file!);
      return !existsSync(join(root, target)) || (place !== undefined && !placesOf(read(target)).includes(place));
    });
    expect(dead.map(([link]) => link)).toEqual([]);
  });

  test.each(PAPERS)('commands and flags of %s exist', (path) => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const text = read(path);
    const named = [...text.matchAll(/(?:`|^)npm (?:run )?([a-z:]+)/gm)].map((match) => match[1]!);
    expect(named.filter((name) => !(name in scripts) && name !== 'install')).toEqual([]);
    const flags = [...text.matchAll(/(?<=[\s`])--[a-z][a-z0-9-]+/g)].map(([flag]) => flag);
    expect(flags.filter((flag) => !PROGRAMS.includes(flag))).toEqual([]);
    if (path === 'README.md') expect([named.length > 0, flags.length > 20]).toEqual([true, true]);
  });

  test('its map has every room', () => {
    const map = /## The map\n(.*?)\n## /s.exec(README)![1]!;
    const rooms = readdirSync(join(root, 'src'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(rooms.map(({ name }) => name).filter((name) => !map.includes(` ${name}/`))).toEqual([]);
  });

  test('files that it names exist', () => {
    const named = [...README.matchAll(/`((?:src|shaders|test)\/[\w./-]+\.\w+)`/g)].map((match) => match[1]!);
    const files = named.filter((path) => !path.includes('NAME'));
    expect(files.filter((path) => !existsSync(join(root, path)))).toEqual([]);
    expect(files).toContain('src/spec/optimizers.ts');
  });

  test('says which versions the tests use', () => {
    const { devDependencies } = JSON.parse(read('package.json')) as { devDependencies: Record<string, string> };
    expect(README).toContain(`\`webgpu\` ${devDependencies.webgpu!.replace('^', '')}`);
    expect(README).toContain(`Deno ${devDependencies.deno!.replace('^', '')}`);
  });
});

/** An option with its default as the page has it. */
const written = ([key, value]: [string, unknown]) => `\`${key}\` ${typeof value === 'string' ? `'${value}'` : value}`;

describe('the catalogue', () => {
  const section = (title: string) => new RegExp(`^## ${title}\n(.*?)(?=^## |$(?![\\s\\S]))`, 'ms').exec(formulas)![1]!;

  test.each([
    ['Activations', Object.keys(ACTIVATIONS)],
    ['Losses', Object.keys(LOSSES)],
    ['Optimizers', Object.keys(OPTIMIZERS)],
    ['Schedules', Object.keys(SCHEDULES)],
    ['Initialisers', Object.keys(INITIALIZERS)],
    ['Data sets', Object.keys(GENERATORS)],
  ])('%s: every name is there, and no other', (title, names) => {
    const rows = section(title).match(/^(\| `.*|### `.*)$/gm) ?? [];
    const named = (row: string) => row.split('|').at(row.startsWith('|') ? 1 : 0)!;
    // A name may have a row for each of its forms, and a table of its own below it.
    const listed = rows.flatMap((row) => [...named(row).matchAll(/`(\w+)`/g)]).map((match) => match[1]!);
    const forms = title === 'Losses' ? Object.keys(TEST_FUNCTIONS) : [];
    expect([...new Set(listed)].filter((name) => !forms.includes(name)).sort()).toEqual([...names].sort());
  });

  test.each(Object.keys(OPTIMIZERS))('the defaults of %s', (name) => {
    const own = section('Optimizers')
      .split(/^### /m)
      .find((text) => text.startsWith(`\`${name}\``))!;
    const { type: _, learningRate, ...options } = parseOptimizer(name, 'test');
    const rate = learningRate.type === 'constant' ? learningRate.learningRate : Number.NaN;
    const expected = Object.entries({ learningRate: rate, ...options }).map(written);
    expect(
      /^Options: (.*?)\.$/ms
        .exec(own)![1]!
        .split(/,\s/)
        .map((option) => option.replace('\n', ' '))
        .sort(),
    ).toEqual(expected.sort());
  });

  test.each(Object.entries(GENERATOR_OPTIONS))('the options of the set %s', (name, options) => {
    const row = section('Data sets')
      .split('\n')
      .find((line) => line.startsWith(`| \`${name}\``))!;
    const expected = Object.entries(options).map(written);
    expect(row.split('|').at(-2)!.trim()).toBe(expected.join(', '));
  });

  test.each([
    ...Object.keys(ACTIVATIONS).map((name) => ['Activations', parseActivation(name, 'test')] as const),
    ...Object.keys(LOSSES).map((name) => ['Losses', parseLoss(name, 'test')] as const),
  ])('%s: options and defaults of %o', (title, { type: _, ...options }) => {
    for (const option of Object.entries(options)) expect(section(title)).toContain(written(option));
  });
});

/** What TypeScript says to each module, at the root of the repository and under the settings of the rest. */
function typeErrors(...codes: string[]): string[][] {
  const config = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile).config;
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: ['src/index.ts'] }, ts.sys, root);
  const modules = new Map(codes.map((code, i) => [join(root, `readme-${i}.ts`).replaceAll('\\', '/'), code]));
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (name) => modules.has(name) || fileExists(name);
  host.getSourceFile = (name, ...rest) => {
    const code = modules.get(name);
    return code === undefined ? getSourceFile(name, ...rest) : ts.createSourceFile(name, code, ts.ScriptTarget.ES2022);
  };
  const program = ts.createProgram([...modules.keys()], { ...options, noUnusedLocals: false }, host);
  return [...modules.keys()].map((name) => {
    const source = program.getSourceFile(name);
    const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    return found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
  });
}

/** Runs the lines as they are; there is no WebGPU in Node, so that `auto` takes the CPU. */
async function runOnCpu(): Promise<ReadmeResult> {
  const folder = mkdtempSync(join(tmpdir(), 'downhill-readme-'));
  const log = vi.spyOn(console, 'log').mockImplementation(() => {});
  try {
    const { outputFiles } = await build({
      stdin: { contents: await readmeModule('./src/index.ts'), resolveDir: root },
      bundle: true,
      write: false,
      format: 'esm',
      target: 'es2022',
    });
    const file = join(folder, 'readme.mjs');
    writeFileSync(file, outputFiles[0]!.text);
    await import(/* @vite-ignore */ pathToFileURL(file).href);
    expect(log).toHaveBeenCalledTimes(30);
    return (globalThis as unknown as { readme: ReadmeResult }).readme;
  } finally {
    log.mockRestore();
    rmSync(folder, { recursive: true });
  }
}
