/** The module made of the shaders: what it says about them, and where it points when they are wrong. */
import { mkdir, mkdtemp, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

interface ShaderScript {
  generate(options: { folder: string; release?: boolean }): Promise<Record<string, string>>;
  ensureShaders(options: { folder: string; target: string }): Promise<void>;
}

const { generate, ensureShaders } = (await import(
  new URL('../../scripts/shaders.mjs', import.meta.url).href
)) as ShaderScript;

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'downhill-shaders-'));
});
afterAll(() => rm(folder, { recursive: true }));

const parts = {
  'lib/scale.wgsl': `// A number by which all is multiplied.
struct Scale { rows: u32, factor: f32, tiles: array<vec4<u32>, 3> }

@group(0) @binding(0) var<uniform> scale: Scale;
`,
  'lib/input_f32.wgsl': 'fn value(i: u32) -> f32 { return f32(values[i]); }\n',
  'lib/input_u8.wgsl': 'override UNIT: f32;\nfn value(i: u32) -> f32 { return f32(values[i]) * UNIT; }\n',
};

const kernel = `// Multiplies; \`quoted\`, \${not} filled in.
// uses: lib/scale.wgsl, lib/input_{u8,f32}.wgsl

override WORKGROUP: u32 = 64;

@group(0) @binding(2) var<storage, read_write> out: array<real>;
@group(0) @binding(1) var<storage, read> values: array<u32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>) {
  let i = workgroup.x;
  if (i < scale.rows) { out[i] = value(i) * scale.factor; }
}
`;

/** Writes shaders into a folder of their own. */
async function shaders(files: Record<string, string>): Promise<string> {
  const own = await mkdtemp(join(folder, 'case-'));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(own, name)), { recursive: true });
    await writeFile(join(own, name), text);
  }
  return own;
}

/** Makes the module and loads it. */
async function load(files: Record<string, string>) {
  const target = join(await shaders(files), 'made.ts');
  await ensureShaders({ folder: dirname(target), target });
  return { ...(await import(target)), ...(await import(target.replace('.ts', '.plain.generated.ts'))) };
}

test('bindings, overrides, choices and layouts are read from the shaders', async () => {
  const { KERNEL_SHADERS, STRUCTS, TEXTS } = await load({ ...parts, 'multiply.wgsl': kernel });
  expect(KERNEL_SHADERS).toEqual({
    multiply: {
      file: 'multiply.wgsl',
      family: 'plain',
      uses: ['lib/scale.wgsl', 'lib/input_{u8,f32}.wgsl'],
      entry: 'main',
      bindings: [
        { name: 'scale', group: 0, binding: 0, type: 'uniform' },
        { name: 'values', group: 0, binding: 1, type: 'read' },
        { name: 'out', group: 0, binding: 2, type: 'read_write' },
      ],
      overrides: ['UNIT', 'WORKGROUP'],
      onlyWith: { UNIT: { input: 'u8' } },
    },
  });
  expect(STRUCTS).toEqual({
    Scale: {
      size: 64,
      members: {
        rows: { offset: 0, type: 'u32' },
        factor: { offset: 4, type: 'f32' },
        tiles: { offset: 16, type: 'array<vec4u, 3>', count: 3, stride: 16 },
      },
    },
  });
  expect(TEXTS['multiply.wgsl']).toBe(kernel);
});

test('the release leaves comments and blanks out, and keeps line numbers', async () => {
  const files = { ...parts, 'multiply.wgsl': kernel };
  const modules = await generate({ folder: await shaders(files), release: true });
  const text = modules['shaders.plain.generated.ts'];
  expect(text).not.toContain('Multiplies');
  expect(text).toContain(`\n\noverride WORKGROUP:u32=64;\n`);
});

test('an unchanged module is not written again', async () => {
  const own = await shaders({ ...parts, 'multiply.wgsl': kernel });
  const target = join(own, 'made.ts');
  await ensureShaders({ folder: own, target });
  await utimes(target, 1, 1);
  await ensureShaders({ folder: own, target });
  expect((await stat(target)).mtimeMs).toBe(1000);
  await writeFile(join(own, 'multiply.wgsl'), kernel.replace('64', '32'));
  await ensureShaders({ folder: own, target });
  expect(await readFile(join(own, 'made.plain.generated.ts'), 'utf8')).toContain('u32 = 32');
});

test.each([
  [
    'a part that does not exist',
    { 'a.wgsl': '// One.\n// uses: lib/gone.wgsl\n' },
    /shaders\/a\.wgsl:2: .*lib\/gone\.wgsl/,
  ],
  [
    'parts that use each other',
    {
      'a.wgsl': '// uses: lib/x.wgsl\n',
      'lib/x.wgsl': '// uses: lib/y.wgsl\n',
      'lib/y.wgsl': '\n// uses: lib/x.wgsl\n',
    },
    /shaders\/lib\/y\.wgsl:2: .*lib\/x\.wgsl/,
  ],
  [
    'bad grammar in a part',
    { ...parts, 'a.wgsl': kernel, 'lib/scale.wgsl': '\n\nstruct Scale { rows u32 }\n' },
    /shaders\/lib\/scale\.wgsl:3: /,
  ],
  ['bad grammar in the kernel', { ...parts, 'a.wgsl': `${kernel}\nfn (\n` }, /shaders\/a\.wgsl:15: /],
  [
    'a binding nobody uses',
    { ...parts, 'a.wgsl': `${kernel}@group(0) @binding(3) var<storage, read> more: array<u32>;\n` },
    /shaders\/a\.wgsl:14: .*"more".*never uses/,
  ],
  [
    'two bindings in one place',
    { ...parts, 'a.wgsl': kernel.replace('binding(2)', 'binding(1)') },
    /shaders\/a\.wgsl:\d+: .*share @group\(0\) @binding\(1\)/,
  ],
  [
    'an override with a number',
    { ...parts, 'a.wgsl': kernel.replace('override W', '@id(3) override W') },
    /a\.wgsl:4: .*@id/,
  ],
  ['no entry', { 'a.wgsl': 'fn f() {}\n' }, /shaders\/a\.wgsl:1: .*@compute/],
  [
    'one struct name with two layouts',
    {
      ...parts,
      'a.wgsl': kernel,
      'b.wgsl': kernel.replace('lib/scale', 'lib/other'),
      'lib/other.wgsl': parts['lib/scale.wgsl'].replace(', factor: f32', ', zero: u32, factor: f32'),
    },
    /shaders\/b\.wgsl:1: .*"Scale"/,
  ],
])('%s is refused with its place', async (_, files, message) => {
  await expect(generate({ folder: await shaders(files) })).rejects.toThrow(message);
});
