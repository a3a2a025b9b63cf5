/**
 * The variants of a matrix product: how large a tile an invocation or a workgroup computes, and how many invocations share
 * one. They change the order of sums and nothing else; which is fastest depends on the shapes and the adapter.
 */
import type { ShaderChoices } from './shaders.generated.ts';

/** Invocations of a workgroup, if its variant says nothing else. */
export const WORKGROUP = 64;

/** Rows by columns: of an invocation that reads its factors from memory, or of a workgroup that copies them first. */
export const TILES = ['4x4', '8x8', '64x64', '128x128'] as const;

export interface Variant {
  readonly tile: (typeof TILES)[number];
  /** How many invocations share the terms of a tile: a power of two up to 64; 1 for the tiles of a workgroup. */
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
  /** Rows and columns / 4. */
  readonly fours: number;
  /** Invocations along a side of the workgroup, for tiles of a workgroup. */
  readonly side?: number;
}

const TILE: Record<Variant['tile'], Tile> = {
  '4x4': { product: '4x4', fours: 1 },
  '8x8': { product: '8x8', fours: 2 },
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
  const fits = Number.isInteger(Math.log2(slices)) && slices >= 1 && slices <= (TILE[tile].side ? 1 : WORKGROUP);
  return fits && variantText(variant) === text ? variant : undefined;
}

export const variantChoices = ({ tile }: Variant): Pick<ShaderChoices, 'product'> => ({ product: TILE[tile].product });

/** @param least vec4s of the workgroup's memory that the kernel takes for itself, at other times */
export function variantOverrides({ tile, slices }: Variant, inner: number, least = 1): Record<string, number> {
  const { fours, side } = TILE[tile];
  if (side) {
    return { INNER_FOURS: inner, WORKGROUP: side * side, SIDE: side, MEMORY_FOURS: 2 * 4 * SLAB_FOURS * fours };
  }
  const sums = slices === 1 ? 1 : 4 * fours * fours * WORKGROUP;
  return { INNER_FOURS: inner, SLICES: slices, MEMORY_FOURS: Math.max(sums, least) };
}

export function variantWorkgroups({ tile, slices }: Variant, { rows, columns }: Product): number {
  const { fours, side } = TILE[tile];
  const tiles = Math.ceil(rows / fours) * Math.ceil(columns / fours);
  return side ? tiles : Math.ceil((tiles * slices) / WORKGROUP);
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

/**
 * The variant of a step that takes these products, by rule. A GPU wants many invocations first, then large tiles; an
 * adapter that is emulated on the CPU has few threads, and barriers are dear there.
 */
export function fixedVariant(products: readonly Product[], software: boolean): Variant {
  if (software) return { tile: '8x8', slices: 1 };
  if (groupsOf({ tile: '64x64', slices: 1 }, products) >= BUSY) return { tile: '64x64', slices: 1 };
  const tile = groupsOf({ tile: '8x8', slices: 1 }, products) >= BUSY ? '8x8' : '4x4';
  return { tile, slices: slicesFor(tile, products) };
}

/** What may be faster than `fixedVariant` on some GPU, that one first. */
export function candidateVariants(products: readonly Product[]): Variant[] {
  const found: Variant[] = [fixedVariant(products, false)];
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
