/** The built-in data sets by name. */
import { bumps, friedman, plane, polynomial, sawtooth, sine } from './curves.ts';
import { digits } from './digits.ts';
import type { GenerateOptions } from './draws.ts';
import type { GeneratorName } from './options.ts';
import { blobs, circles, moons, rings, spirals, xor } from './planar.ts';

export type { GenerateOptions } from './draws.ts';
export { GENERATOR_OPTIONS, type GeneratorName } from './options.ts';

/** Name → a function that makes so many rows of the set. `y` is class numbers, or values where they are floats. */
export const GENERATORS = {
  digits,
  spirals,
  moons,
  xor,
  circles,
  blobs,
  rings,
  sine,
  polynomial,
  sawtooth,
  plane,
  bumps,
  friedman,
} as const satisfies Record<
  GeneratorName,
  (options: GenerateOptions) => { x: Float32Array | Uint8Array; y: Float32Array | Uint8Array }
>;
