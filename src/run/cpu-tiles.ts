/** Chooses what sums the tiles of a program's matrix products on the CPU; the bits are the same. */
import { KERNELS } from '../kernels/index.ts';
import type { TensorName } from '../kernels/kernel.ts';
import { PlainTiles, type Tiles } from '../math/product.ts';
import { SimdTiles } from '../math/simd_tiles.ts';
import { baseSteps, type Program, tensorOf } from '../plan/program.ts';

/**
 * Where the products of a training step take fewer floating-point operations, calls and packing are most of its time, and
 * no WebAssembly is compiled. Measured: 2-16-16-2, batch 32 (0.07 million) gains nothing, 8-32-32-4 (0.3) a third.
 */
const SIMD_FROM = 100_000;

/** `before`: what summed them so far, which is taken again where it will do. Numbers of 64 bits keep to plain loops. */
export async function tilesFor(program: Program, precision: 'f32' | 'f64', before?: Tiles): Promise<Tiles> {
  const wanted = precision === 'f32' && productFlops(program) >= SIMD_FROM;
  if (before && isSimd(before) === wanted) return before;
  return (wanted && (await SimdTiles.make())) || new PlainTiles();
}

export const isSimd = (tiles: Tiles): boolean => tiles instanceof SimdTiles;

function productFlops(program: Program): number {
  const find = (name: TensorName) => tensorOf(program, name);
  return baseSteps(program.lists.train.steps)
    .filter(({ kernel }) => kernel.startsWith('dense_'))
    .reduce((sum, step) => sum + KERNELS[step.kernel].flops(step, find), 0);
}
