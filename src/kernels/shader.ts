/** Puts the WGSL module of a kernel together: the shared parts in the order they need each other, then the kernel. */
import {
  KERNEL_SHADERS,
  type KernelName,
  type OverrideName,
  PREFIXES,
  type ShaderChoices,
  SOURCES,
} from './shaders.generated.ts';

/** What this file reads of a generated entry; each entry's own literal type is narrower. */
interface Description {
  readonly file: string;
  readonly uses: readonly string[];
  readonly overrides: readonly string[];
  readonly onlyWith: { readonly [override: string]: Partial<ShaderChoices> };
}

const texts: { readonly [file: string]: string } = SOURCES;

/** The files of the module, in order; `lib/input_{u8,f32}.wgsl` becomes the one that was chosen. */
function files(kernel: KernelName, choices: ShaderChoices): string[] {
  const { uses, file }: Description = KERNEL_SHADERS[kernel];
  const chosen: { readonly [key: string]: string } = { ...choices };
  return [...uses, file].map((name) =>
    name.replace(/([A-Za-z0-9]+)_\{[^}]*\}/, (_, key: string) => `${key}_${chosen[key]}`),
  );
}

/** A directive such as `enable subgroups;`: in the file that needs it, while WGSL wants it in the first lines of a module. */
const DIRECTIVE = /^enable .*;$/gm;

const directives = (names: readonly string[], { real }: ShaderChoices): string[] => [
  ...new Set([
    ...(real === 'f16' ? ['enable f16;'] : []),
    ...names.flatMap((file) => texts[file]!.match(DIRECTIVE) ?? []),
  ]),
];

/** The text of a file without its directives, with a line end behind its last line. */
function textOf(file: string): string {
  return texts[file]!.replace(DIRECTIVE, '').replace(/\n?$/, '\n');
}

/** What stands before the first file. */
const headOf = (names: readonly string[], choices: ShaderChoices): string =>
  directives(names, choices)
    .map((line) => `${line}\n`)
    .join('') + PREFIXES[choices.real];

/** The WGSL text of `kernel`, ready for `createShaderModule`. */
export function assemble(kernel: KernelName, choices: ShaderChoices): string {
  const names = files(kernel, choices);
  return headOf(names, choices) + names.map(textOf).join('');
}

/** The names of the overrides the assembled module has: some come with one choice alone. */
export function overridesOf<K extends KernelName>(kernel: K, choices: ShaderChoices): OverrideName<K>[] {
  const { overrides, onlyWith }: Description = KERNEL_SHADERS[kernel];
  const present = overrides.filter((name) => {
    const needed = Object.entries(onlyWith[name] ?? {}) as [keyof ShaderChoices, string][];
    return needed.every(([key, value]) => choices[key] === value);
  });
  return present as OverrideName<K>[];
}

/** Where line `line` (from 1) of the assembled module stands in `shaders/`: what a compiler's message means. */
export function locate(kernel: KernelName, choices: ShaderChoices, line: number): { file: string; line: number } {
  const names = files(kernel, choices);
  let before = headOf(names, choices).split('\n').length - 1;
  for (const file of names) {
    const lines = textOf(file).split('\n').length - 1;
    if (line <= before + lines) return { file, line: Math.max(1, line - before) };
    before += lines;
  }
  return { file: KERNEL_SHADERS[kernel].file, line: 1 };
}
