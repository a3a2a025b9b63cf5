/** Puts the WGSL module of a kernel together: the shared parts in the order they need each other, then the kernel. */
import { loaded } from '../errors.ts';
import {
  KERNEL_SHADERS,
  type KernelName,
  type OverrideName,
  PREFIXES,
  type ShaderChoices,
} from './shaders.generated.ts';

/** What this file reads of a generated entry; each entry's own literal type is narrower. */
interface Description {
  readonly file: string;
  readonly family: keyof typeof FAMILIES;
  readonly uses: readonly string[];
  readonly overrides: readonly string[];
  readonly onlyWith: { readonly [override: string]: Partial<ShaderChoices> };
}

/** The text of the files in `shaders/`, by their names. */
export type ShaderTexts = Readonly<Record<string, string>>;

/** The texts of kernels that run in one program; `common` are parts that most of them use. */
const FAMILIES = {
  common: () => import('./shaders.common.generated.ts'),
  layered: () => import('./shaders.layered.generated.ts'),
  whole: () => import('./shaders.whole.generated.ts'),
  layers: () => import('./shaders.layers.generated.ts'),
  plain: () => import('./shaders.plain.generated.ts'),
};

/** The texts that a kernel is made of, and others. @throws LoadError where they are not there yet and do not come */
export async function textsOf(kernel: KernelName): Promise<ShaderTexts> {
  const { family }: Description = KERNEL_SHADERS[kernel];
  const [common, own] = await loaded(Promise.all([FAMILIES.common(), FAMILIES[family]()]));
  return { ...common.TEXTS, ...own.TEXTS };
}

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

/** The text of a file without its directives, with a line end behind its last line. */
function textOf(texts: ShaderTexts, file: string): string {
  return texts[file]!.replace(DIRECTIVE, '').replace(/\n?$/, '\n');
}

/** What stands before the first file. */
function headOf(texts: ShaderTexts, names: readonly string[], { real }: ShaderChoices): string {
  const needed = names.flatMap((file) => texts[file]!.match(DIRECTIVE) ?? []);
  const directives = new Set([...(real === 'f16' ? ['enable f16;'] : []), ...needed]);
  return [...directives].map((line) => `${line}\n`).join('') + PREFIXES[real];
}

/** The WGSL text of `kernel`, ready for `createShaderModule`. */
export function assemble(texts: ShaderTexts, kernel: KernelName, choices: ShaderChoices): string {
  const names = files(kernel, choices);
  return headOf(texts, names, choices) + names.map((file) => textOf(texts, file)).join('');
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
export function locate(
  texts: ShaderTexts,
  kernel: KernelName,
  choices: ShaderChoices,
  line: number,
): { file: string; line: number } {
  const names = files(kernel, choices);
  let before = headOf(texts, names, choices).split('\n').length - 1;
  for (const file of names) {
    const lines = textOf(texts, file).split('\n').length - 1;
    if (line <= before + lines) return { file, line: Math.max(1, line - before) };
    before += lines;
  }
  return { file: KERNEL_SHADERS[kernel].file, line: 1 };
}
