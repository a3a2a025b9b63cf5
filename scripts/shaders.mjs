/**
 * Reads `shaders/`, and writes the typed module by which the rest of the program knows them, and modules of their texts,
 * of which a page loads those that it needs.
 *
 * A kernel is a file right below `shaders/`; the parts it shares with others lie in folders. Its first comment lines
 * name the parts (`// uses: lib/step.wgsl, lib/activation.wgsl`), parts may name parts, and `lib/input_{u8,f32}.wgsl`
 * is one of two, taken at run time by the choice `input`.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { asProgram, root } from './process.mjs';
import { ensurePackages } from './setup.mjs';

/** Where the module lies, from the root of the repository; the texts lie beside it. */
export const generatedModule = 'src/kernels/shaders.generated.ts';

/** Whether a file is one of those that are made of others. */
export const isGenerated = (path) => /\.generated\.ts$/.test(path);

/** Kernels that run in one program, and whose texts are loaded together; those that no other takes are `plain`. */
const families = {
  common: /^reduce_metrics$/,
  whole: /^(resident|fused_rows)$/,
  layered: /^fused_/,
  layers: /^(activation|add$|batch_norm|dropout|embedding|gather|gaussian|row_norm)/,
  plain: /^/,
};
const familyOf = (file) => Object.keys(families).find((family) => families[family].test(basename(file, '.wgsl')));

/** What every assembled module begins with: the type that activations and deltas are stored as. */
const prefixes = { f32: 'alias real = f32;\n', f16: 'alias real = f16;\n' };

/** A mistake in a shader, with the place where it stands. */
export class ShaderError extends Error {
  constructor(file, line, message) {
    super(`shaders/${file}:${line}: ${message}`);
    this.name = 'ShaderError';
  }
}

function readSources(folder) {
  const names = readdirSync(folder, { recursive: true }).map((name) => name.replaceAll('\\', '/'));
  const shaders = names.filter((name) => name.endsWith('.wgsl')).sort();
  return new Map(shaders.map((name) => [name, readFileSync(join(folder, name), 'utf8').replaceAll('\r\n', '\n')]));
}

/** The parts a file names in its first comment lines: `{ name, line }`. */
function namedParts(text) {
  const parts = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (!/^\s*(\/\/|$)/.test(line)) break;
    const list = /^\s*\/\/\s*uses:\s*(.*)$/.exec(line)?.[1] ?? '';
    // A comma inside braces belongs to a choice.
    for (const name of list.split(/,(?![^{]*\})/)) {
      if (name.trim()) parts.push({ name: name.trim(), line: index + 1 });
    }
  }
  return parts;
}

/** `lib/input_{u8,f32}.wgsl` → its key, values and files; undefined for a plain name. */
function readChoice(name) {
  const match = /^(.*?([A-Za-z0-9]+))_\{([^}]*)\}(\.wgsl)$/.exec(name);
  if (!match) return undefined;
  const [, stem, key, list, end] = match;
  const values = list.split(',').map((value) => value.trim());
  return { key, values, files: values.map((value) => `${stem}_${value}${end}`) };
}

/** All parts of a kernel, each once, a part behind the parts it uses itself. */
function orderedParts(sources, kernel) {
  const ordered = [];
  const open = [];
  const visit = (file) => {
    for (const { name, line } of namedParts(sources.get(file))) {
      const files = readChoice(name)?.files ?? [name];
      for (const part of files) {
        if (!sources.has(part)) throw new ShaderError(file, line, `uses "${part}", but there is no such file`);
        if (!part.includes('/')) throw new ShaderError(file, line, `uses "${part}", which is a kernel and not a part`);
        if (open.includes(part)) throw new ShaderError(file, line, `uses "${part}", which uses this file`);
        open.push(part);
        visit(part);
        open.pop();
      }
      if (!ordered.includes(name)) ordered.push(name);
    }
  };
  visit(kernel);
  return ordered;
}

/** Every way to choose: `[{ input: 'u8' }, { input: 'f32' }]`. */
function combinations(choices) {
  return choices.reduce(
    (all, { key, values }) => all.flatMap((one) => values.map((value) => ({ ...one, [key]: value }))),
    [{}],
  );
}

/** The text of one module, and the file and line from which a line of it comes. */
function assemble(sources, kernel, uses, chosen) {
  const files = uses.map((name) => {
    const choice = readChoice(name);
    return choice ? choice.files[choice.values.indexOf(chosen[choice.key])] : name;
  });
  files.push(kernel);
  const origin = [{ file: kernel, line: 1 }];
  // The reader needs no directives, and takes them nowhere but in the first lines.
  let text = prefixes.f32;
  for (const file of files) {
    const lines = sources
      .get(file)
      .replace(/^enable .*;$/gm, '')
      .replace(/\n?$/, '\n');
    text += lines;
    for (let line = 1; line < lines.split('\n').length; line++) origin.push({ file, line });
  }
  const place = (line) => origin[Math.min(Math.max(line, 1), origin.length) - 1];
  const find = (pattern) => place(text.slice(0, text.search(pattern)).split('\n').length);
  return { text, place, find };
}

/** The reader takes these words for keywords everywhere; in WGSL they are names outside of `<…>`. */
const addressSpaces = /(?<!<\s*)\b(workgroup|private|function|storage|uniform)\b/g;

function reflect(WgslReflect, module) {
  try {
    return new WgslReflect(module.text.replace(addressSpaces, '$1_'));
  } catch (error) {
    const line = Number(/Line:\s*(\d+)/.exec(error.message)?.[1] ?? 1);
    const { file, line: own } = module.place(line);
    throw new ShaderError(file, own, error.message.replace(/\.*\s*Line:.*$/s, ''));
  }
}

/** What one assembled module declares. */
function describeModule(WgslReflect, module) {
  const found = reflect(WgslReflect, module);
  const fail = (pattern, message) => {
    const { file, line } = module.find(pattern);
    throw new ShaderError(file, line, message);
  };
  const [entry, second] = found.entry.compute;
  if (!entry || second) fail(/$/, `a kernel has one @compute function, here are ${found.entry.compute.length}`);
  const used = new Set(entry.resources.map((resource) => resource.name));
  const bindings = [...found.uniforms, ...found.storage].map(({ name, group, binding, access, resourceType }) => {
    const declaration = new RegExp(`\\bvar\\s*<[^>]*>\\s*${name}\\b`);
    if (!used.has(name)) fail(declaration, `binding "${name}" is declared, but ${entry.name} never uses it`);
    return { name, group, binding, type: resourceType === 0 ? 'uniform' : access };
  });
  bindings.sort((a, b) => a.group - b.group || a.binding - b.binding);
  for (const [i, { name, group, binding }] of bindings.entries()) {
    const before = bindings[i - 1];
    if (before?.group === group && before.binding === binding) {
      fail(
        new RegExp(`>\\s*${name}\\s*:`),
        `"${name}" and "${before.name}" share @group(${group}) @binding(${binding})`,
      );
    }
  }
  for (const { name, attributes } of found.overrides) {
    if (attributes?.some((attribute) => attribute.name === 'id')) {
      fail(new RegExp(`override\\s+${name}\\b`), `override "${name}" has an @id, so it cannot be set by its name`);
    }
  }
  const structs = {};
  for (const struct of found.structs) addStruct(structs, found, struct);
  return { entry: entry.name, bindings, overrides: found.overrides.map(({ name }) => name), structs };
}

/** Puts the layout of a struct, and of the structs inside it, into `structs`. */
function addStruct(structs, found, type) {
  if (type.isArray) addStruct(structs, found, type.format);
  const struct = found.structs.find(({ name }) => name === type.name);
  if (!struct || structs[struct.name]) return;
  const members = {};
  structs[struct.name] = { size: struct.size, members };
  for (const member of struct.members) {
    const array = member.type.isArray ? { count: member.type.count, stride: member.type.stride } : {};
    members[member.name] = { offset: member.offset, type: member.type.getTypeName(), ...array };
    addStruct(structs, found, member.type);
  }
}

/** One kernel over all its choices; what they declare must agree, only overrides may come with one choice alone. */
function describeKernel(WgslReflect, sources, file) {
  const uses = orderedParts(sources, file);
  const choices = uses.map(readChoice).filter((choice) => choice !== undefined);
  const variants = combinations(choices).map((chosen) => {
    const module = assemble(sources, file, uses, chosen);
    return { chosen, ...describeModule(WgslReflect, module) };
  });
  const [first] = variants;
  for (const variant of variants) {
    for (const part of ['entry', 'bindings', 'structs']) {
      if (JSON.stringify(variant[part]) === JSON.stringify(first[part])) continue;
      const choice = JSON.stringify(variant.chosen);
      throw new ShaderError(
        file,
        1,
        `with ${choice} its ${part} differ from those with ${JSON.stringify(first.chosen)}`,
      );
    }
  }
  const overrides = [...new Set(variants.flatMap((variant) => variant.overrides))];
  const onlyWith = {};
  for (const name of overrides) {
    const having = variants.filter((variant) => variant.overrides.includes(name));
    if (having.length === variants.length) continue;
    const keys = choices
      .map(({ key }) => key)
      .filter((key) => new Set(having.map(({ chosen }) => chosen[key])).size === 1);
    onlyWith[name] = Object.fromEntries(keys.map((key) => [key, having[0].chosen[key]]));
  }
  const { bindings, entry, structs } = first;
  const family = familyOf(file);
  return { kernel: { file, family, uses, entry, bindings, overrides, onlyWith }, choices, structs };
}

/** A template literal holding exactly `text`. */
function literal(text) {
  return `\`${text.replace(/[\\`]|\$(?=\{)/g, '\\$&')}\``;
}

/**
 * Without comments, and without blanks that mean nothing: not before `=`, where a `>` may stand. Lines keep their numbers,
 * so that a compiler's message still points right.
 */
function strip(text) {
  return text
    .replace(/[ \t]*\/\/.*$/gm, '')
    .replace(/^[ \t]+/gm, '')
    .replace(/ *([,;:{}()[\]*/<]) */g, '$1')
    .replace(/([=+]) +(?=[\w(])/g, '$1')
    .replace(/(?<=[\w)\]]) +(?=[=+])/g, '');
}

/** The texts by the modules that they go into: what most families use is `common`, all else lies beside its kernels. */
function textModules(sources, kernels, release) {
  const filesOf = (kernel) => [...kernel.uses.flatMap((name) => readChoice(name)?.files ?? [name]), kernel.file];
  const modules = {};
  for (const family of Object.keys(families)) {
    const own = Object.values(kernels).filter((kernel) => kernel.family === family);
    modules[family] = new Set(own.flatMap(filesOf));
  }
  const rare = (name) => Object.values(modules).filter((files) => files.has(name)).length <= 2;
  for (const name of [...sources.keys()].filter((name) => !rare(name))) {
    for (const files of Object.values(modules)) files.delete(name);
    modules.common.add(name);
  }
  return Object.entries(modules).map(([family, files]) => {
    const texts = [...files].sort().map((name) => {
      const text = sources.get(name);
      return `  '${name}': ${literal(release ? strip(text) : text)},`;
    });
    return [family, `${header}\n\nexport const TEXTS = {\n${texts.join('\n')}\n};\n`];
  });
}

const header = `/** Made by scripts/shaders.mjs from shaders/, never edited: their text, or what each declares. */`;

const types = `
export type KernelName = keyof typeof KERNEL_SHADERS;
export type BindingName<K extends KernelName> = (typeof KERNEL_SHADERS)[K]['bindings'][number]['name'];
export type OverrideName<K extends KernelName> = (typeof KERNEL_SHADERS)[K]['overrides'][number];
export type StructName = keyof typeof STRUCTS;
export type MemberName<S extends StructName> = keyof (typeof STRUCTS)[S]['members'];
`;

/**
 * The typed module and those of the texts, by their files' names. `release` leaves comments and blanks out of the shaders.
 * @returns {Promise<Record<string, string>>}
 */
export async function generate(options = {}) {
  const { folder = join(root, 'shaders'), release = false, name = basename(generatedModule) } = options;
  const { WgslReflect } = await import('wgsl_reflect/wgsl_reflect.module.js');
  const sources = existsSync(folder) ? readSources(folder) : new Map();
  const kernels = {};
  const structs = {};
  const choices = {};
  for (const file of sources.keys()) {
    if (file.includes('/')) continue;
    const described = describeKernel(WgslReflect, sources, file);
    kernels[file.replace(/\.wgsl$/, '')] = described.kernel;
    for (const { key, values } of described.choices) choices[key] = values;
    for (const [name, struct] of Object.entries(described.structs)) {
      if (structs[name] && JSON.stringify(structs[name]) !== JSON.stringify(struct)) {
        throw new ShaderError(file, 1, `its struct "${name}" differs from the struct of that name of another kernel`);
      }
      structs[name] = struct;
    }
  }
  // Layouts do not depend on the last: it is the type of nothing but the elements of whole buffers.
  const chosen = Object.entries({ ...choices, real: Object.keys(prefixes) }).map(
    ([key, values]) => `  readonly ${key}: ${values.map((value) => `'${value}'`).join(' | ')};`,
  );
  const typed = [
    header,
    `export const PREFIXES = ${JSON.stringify(prefixes, null, 2)} as const;`,
    `export const KERNEL_SHADERS = ${JSON.stringify(kernels, null, 2)} as const;`,
    `export const STRUCTS = ${JSON.stringify(structs, null, 2)} as const;`,
    `/** What is decided at run time: which of several parts a module takes. */\nexport interface ShaderChoices {\n${chosen.join('\n')}\n}`,
    types.trim(),
    '',
  ].join('\n\n');
  const texts = textModules(sources, kernels, release);
  const nameOf = (family) => name.replace(/(\.generated)?\.ts$/, `.${family}.generated.ts`);
  return { [name]: typed, ...Object.fromEntries(texts.map(([family, text]) => [nameOf(family), text])) };
}

/** Writes the modules where they differ from those that are there. */
export async function ensureShaders({ folder, target = join(root, generatedModule) } = {}) {
  const modules = await generate({ ...(folder !== undefined && { folder }), name: basename(target) });
  mkdirSync(dirname(target), { recursive: true });
  for (const [name, text] of Object.entries(modules)) {
    const path = join(dirname(target), name);
    if (!existsSync(path) || readFileSync(path, 'utf8') !== text) writeFileSync(path, text);
  }
}

await asProgram(import.meta.url, async () => {
  await ensurePackages();
  await ensureShaders();
});
