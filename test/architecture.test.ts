/** The shape of the house: which room may import which, and what every file keeps to. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** A room imports from rooms with a smaller number, and from its own number without circles. */
const rooms: Readonly<Record<string, number>> = {
  errors: 0,
  spec: 0,
  math: 1,
  data: 2,
  kernels: 3,
  plan: 4,
  run: 5,
  io: 6,
  train: 7,
  cli: 8,
  worker: 8,
  node: 8,
};

/** Rooms whose code runs in Node alone. */
const nodeRooms = ['cli', 'node'];

/** Files of the kernels' room that are no kernel of their own. */
const kernelHelpers = ['index', 'kernel', 'shader', 'stages', 'variants', 'layers', 'gradient_tiles', 'norm_backward'];

const longest = 350;

function filesBelow(folder: string, end: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter(
      (path) => path.endsWith(end) && !path.split(/[\\/]/).some((part) => part === 'dist' || part === 'node_modules'),
    )
    .filter((path) => statSync(join(root, path)).isFile())
    .sort();
}

function parse(path: string): ts.SourceFile {
  return ts.createSourceFile(path, readFileSync(join(root, path), 'utf8'), ts.ScriptTarget.Latest, true);
}

/** What the file imports, re-exports, or imports later by `import('…')`; types count like values. */
function importsOf(path: string): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    const target =
      ts.isImportDeclaration(node) || ts.isExportDeclaration(node)
        ? node.moduleSpecifier
        : ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword
          ? node.arguments[0]
          : ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)
            ? node.argument.literal
            : undefined;
    if (target && ts.isStringLiteralLike(target)) found.push(target.text);
    ts.forEachChild(node, visit);
  };
  visit(parse(path));
  return found;
}

/** The file an import of `from` means, from the root; undefined for a package. */
function target(from: string, specifier: string): string | undefined {
  return specifier.startsWith('.') ? relative(root, resolve(root, dirname(from), specifier)) : undefined;
}

function roomOf(path: string): string {
  return path.split(/[\\/]/)[1]!.replace(/\.ts$/, '');
}

const sources = filesBelow('src', '.ts').filter((path) => !path.endsWith('.generated.ts'));
const graph = new Map(filesBelow('src', '.ts').map((path) => [path, importsOf(path)]));

/** Imports of files of `src`, as pairs. */
function edges(): [from: string, to: string][] {
  return [...graph].flatMap(([from, specifiers]) =>
    specifiers.flatMap((specifier): [string, string][] => {
      const to = target(from, specifier);
      return to === undefined ? [] : [[from, to]];
    }),
  );
}

/** The first way that leads from a file back to itself. */
function circle(): string[] | undefined {
  const all = edges();
  const done = new Set<string>();
  const walk = (path: string, way: string[]): string[] | undefined => {
    if (way.includes(path)) return [...way.slice(way.indexOf(path)), path];
    if (done.has(path)) return undefined;
    for (const [, to] of all.filter(([from]) => from === path)) {
      const found = walk(to, [...way, path]);
      if (found) return found;
    }
    done.add(path);
    return undefined;
  };
  for (const path of graph.keys()) {
    const found = walk(path, []);
    if (found) return found;
  }
  return undefined;
}

describe('rooms of src', () => {
  test('every file is in a room, or is the door', () => {
    expect(sources.filter((path) => path !== join('src', 'index.ts') && rooms[roomOf(path)] === undefined)).toEqual([]);
  });

  test('imports run one way', () => {
    const wrong = edges().filter(([from, to]) => {
      if (from === join('src', 'index.ts')) return rooms[roomOf(to)] === undefined || rooms[roomOf(to)]! > 7;
      if (to === join('src', 'index.ts')) return rooms[roomOf(from)] !== 8;
      return !(rooms[roomOf(to)]! <= rooms[roomOf(from)]!);
    });
    expect(wrong.map(([from, to]) => `${from} imports ${to}`)).toEqual([]);
  });

  test('imports name files that exist', () => {
    expect(edges().filter(([, to]) => !existsSync(join(root, to)))).toEqual([]);
  });

  test('there are no circles', () => {
    expect(circle()).toBeUndefined();
  });

  test('rooms that run in a browser import nothing of Node', () => {
    const wrong = [...graph].flatMap(([path, specifiers]) =>
      nodeRooms.includes(roomOf(path))
        ? []
        : specifiers.filter((specifier) => isBuiltin(specifier)).map((specifier) => `${path} imports ${specifier}`),
    );
    expect(wrong).toEqual([]);
  });

  test('the door only re-exports', () => {
    const statements = [...parse(join('src', 'index.ts')).statements];
    const other = statements.filter((node) => !(ts.isExportDeclaration(node) && node.moduleSpecifier));
    expect(other.map((node) => node.getText())).toEqual([]);
    expect(statements.length).toBeGreaterThan(0);
  });
});

describe('files', () => {
  test('each opens with a sentence about itself', () => {
    const silent = sources.filter((path) => !/^\/\*\*\s+(\*\s+)?\S/.test(readFileSync(join(root, path), 'utf8')));
    expect(silent).toEqual([]);
  });

  test(`none is longer than ${longest} lines`, () => {
    const lengths = sources.map(
      (path) => [path, readFileSync(join(root, path), 'utf8').split('\n').length - 1] as const,
    );
    expect(lengths.filter(([, lines]) => lines > longest)).toEqual([]);
  });

  test('each kernel has its shader and its contract under one name', () => {
    const stem = (path: string) =>
      path
        .split(/[\\/]/)
        .at(-1)!
        .replace(/\.(wgsl|ts)$/, '');
    const shaders = readdirSync(join(root, 'shaders'))
      .filter((name) => name.endsWith('.wgsl'))
      .map(stem);
    const kernels = readdirSync(join(root, 'src', 'kernels'))
      .map(stem)
      .filter((name) => !kernelHelpers.includes(name) && !name.endsWith('.generated'));
    expect(kernels.sort()).toEqual(shaders.sort());
    expect(shaders.length).toBeGreaterThan(0);
  });
});

describe('the package', () => {
  test('demo and examples import the library by its name alone', () => {
    const wrong = ['demo', 'examples'].flatMap((folder) =>
      filesBelow(folder, '.ts').flatMap((path) =>
        importsOf(path)
          .filter((specifier) => {
            const to = target(path, specifier);
            if (to !== undefined) return !to.startsWith(folder);
            return /^downhill\/./.test(specifier) && specifier !== 'downhill/node';
          })
          .map((specifier) => `${path} imports ${specifier}`),
      ),
    );
    expect(wrong).toEqual([]);
  });

  test('it depends on nothing at run time', () => {
    const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    expect(Object.keys(dependencies ?? {})).toEqual([]);
  });
});
