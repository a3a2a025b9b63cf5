/** The built-in data sets by name. */
import { digits } from './digits.ts';
import type { GenerateOptions } from './draws.ts';
import { moons, sine, spirals, xor } from './planar.ts';

export type { GenerateOptions } from './draws.ts';

/** Name → a function that makes so many rows of the set. `y` is class numbers, or values where they are floats. */
export const GENERATORS = { digits, spirals, moons, xor, sine } as const satisfies Record<
  string,
  (options: GenerateOptions) => { x: Float32Array | Uint8Array; y: Float32Array | Uint8Array }
>;
