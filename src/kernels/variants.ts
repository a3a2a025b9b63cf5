/**
 * The variants of a matrix product: how large a tile an invocation or a workgroup computes, and how many invocations share
 * one. They change the order of sums and nothing else; which is fastest depends on the shapes and the adapter.
 */
import type { ShaderChoices } from './shaders.generated.ts';

/** Invocations of a workgroup, if its variant says nothing else. */
export const WORKGROUP = 64;

/**
 * Rows by columns: of an invocation that reads its factors from memory, of four invocations of a subgroup that share
 * what they read (32x16), or of a workgroup that copies its factors first.
 */
export const TILES = ['4x4', '8x8', '32x16', '64x64', '128x128'] as const;

export interface Variant {
  readonly tile: (typeof TILES)[number];
  /** How many invocations share the terms of a tile: a power of two up to 64; 1 for tiles of several invocations. */
  readonly slices: number;
}

/** The shape of a product, in vec4s: rows and columns of the result, terms of each sum. */
export interface Product {
  readonly rows: number;
  readonly columns: number;
  readonly inner: number;
}

interface Tile {
  readonly product: ShaderChoices['product'];
  /** Rows / 4, and columns / 4 where they differ. */
  readonly fours: number;
  readonly columnFours?: number;
  /** Invocations of a subgroup that share a tile, and of a workgroup then: few, so that small results make several. */
  readonly sharers?: number;
  readonly workgroup?: number;
  /** Invocations along a side of the workgroup, for tiles of a workgroup. */
  readonly side?: number;
}

const TILE: Record<Variant['tile'], Tile> = {
  '4x4': { product: '4x4', fours: 1 },
  '8x8': { product: '8x8', fours: 2 },
  '32x16': { product: 'shared', fours: 8, columnFours: 4, sharers: 4, workgroup: 8 },
  '64x64': { product: 'staged', fours: 16, side: 8 },
  '128x128': { product: 'staged', fours: 32, side: 16 },
};
/** Terms / 4 that a workgroup copies at a time. */
const SLAB_FOURS = 4;

/** `8x8`, and `4x4/16` for 16 slices. */
export const variantText = ({ tile, slices }: Variant): string => (slices === 1 ? tile : `${tile}/${slices}`);

/** What `variantText` wrote, or undefined for other text. */
export function parseVariant(text: string): Variant | undefined {
  const [name, count = '1', ...rest] = text.split('/');
  const tile = TILES.find((known) => known === name);
  const slices = Number(count);
  if (!tile || rest.length > 0) return undefined;
  const variant = { tile, slices };
  const fits =
    Number.isInteger(Math.log2(slices)) &&
    slices >= 1 &&
    slices <= (TILE[tile].side || TILE[tile].sharers ? 1 : WORKGROUP);
  return fits && variantText(variant) === text ? variant : undefined;
}

export const variantChoices = ({ tile }: Variant): Pick<ShaderChoices, 'product'> => ({ product: TILE[tile].product });

/**
 * @param terms of each sum
 * @param least vec4s of the workgroup's memory that the kernel takes for itself, at other times
 */
export function variantOverrides({ tile, slices }: Variant, terms: number, least = 1): Record<string, number> {
  const { fours, side, workgroup } = TILE[tile];
  const inner = { INNER: terms, INNER_FOURS: Math.ceil(terms / 4) };
  if (side) {
    return { ...inner, WORKGROUP: side * side, SIDE: side, MEMORY_FOURS: 2 * 4 * SLAB_FOURS * fours };
  }
  if (workgroup) return { ...inner, WORKGROUP: workgroup, MEMORY_FOURS: least };
  const sums = slices === 1 ? 1 : 4 * fours * fours * WORKGROUP;
  return { ...inner, SLICES: slices, MEMORY_FOURS: Math.max(sums, least) };
}

export function variantWorkgroups({ tile, slices }: Variant, { rows, columns }: Product): number {
  const { fours, columnFours = fours, side, sharers = 1, workgroup = WORKGROUP } = TILE[tile];
  const tiles = Math.ceil(rows / fours) * Math.ceil(columns / columnFours);
  return side ? tiles : Math.ceil((tiles * slices * sharers) / workgroup);
}

/** Workgroups that keep a GPU busy. */
const BUSY = 128;
/** Terms / 4 that an invocation should have at least. */
const LEAST_TERMS = 4;

/** Slices that make `BUSY` workgroups of the products, as far as there are terms for them. */
function slicesFor(tile: Variant['tile'], products: readonly Product[]): number {
  const most = Math.max(...products.map(({ inner }) => inner)) / LEAST_TERMS;
  let slices = 1;
  while (slices * 2 <= Math.min(most, WORKGROUP) && groupsOf({ tile, slices }, products) < BUSY) slices *= 2;
  return slices;
}

const groupsOf = (variant: Variant, products: readonly Product[]): number =>
  products.reduce((sum, product) => sum + variantWorkgroups(variant, product), 0);

/** What the rules are told of an adapter. */
export interface Adapter {
  /** Whether it is emulated on the CPU. */
  readonly software: boolean;
  /** Invocations of a subgroup, 0 where shaders may not use them or their number varies. */
  readonly subgroups: number;
}

/** Whether the adapter can run the variant. */
export const fits = ({ tile }: Variant, { subgroups }: Adapter): boolean =>
  TILE[tile].sharers === undefined || TILE[tile].sharers === subgroups;

/**
 * The variant of a step that takes these products, by rule. A GPU wants many invocations first, then large tiles; an
 * adapter that is emulated on the CPU has few threads, and barriers are dear there.
 */
export function fixedVariant(products: readonly Product[], adapter: Adapter): Variant {
  if (adapter.software) return { tile: adapter.subgroups === TILE['32x16'].sharers ? '32x16' : '8x8', slices: 1 };
  if (groupsOf({ tile: '64x64', slices: 1 }, products) >= BUSY) return { tile: '64x64', slices: 1 };
  const tile = groupsOf({ tile: '8x8', slices: 1 }, products) >= BUSY ? '8x8' : '4x4';
  return { tile, slices: slicesFor(tile, products) };
}

/** A GPU of which nothing else is known. */
const REAL: Adapter = { software: false, subgroups: 0 };

/** What may be faster than `fixedVariant` on some GPU, that one first. */
export function candidateVariants(products: readonly Product[]): Variant[] {
  const found: Variant[] = [fixedVariant(products, REAL)];
  for (const tile of ['4x4', '8x8'] as const) {
    const slices = slicesFor(tile, products);
    found.push({ tile, slices }, { tile, slices: Math.min(slices * 4, WORKGROUP) });
    if (slices > 1) found.push({ tile, slices: Math.max(1, slices / 4) });
  }
  for (const tile of ['64x64', '128x128'] as const) {
    // Smaller results would leave most of the tile empty.
    if (products.some(({ rows, columns }) => Math.min(rows, columns) * 2 > TILE[tile].fours)) {
      found.push({ tile, slices: 1 });
    }
  }
  return [...new Map(found.map((variant) => [variantText(variant), variant])).values()];
}
