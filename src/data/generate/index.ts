/** The built-in data sets by name. */
import { digits } from './digits.ts';
import type { GenerateOptions } from './draws.ts';
import { moons, sine, spirals, xor } from './planar.ts';

export type { GenerateOptions } from './draws.ts';
export { digits, moons, sine, spirals, xor };

export interface Generator {
  make(options: GenerateOptions): { x: Float32Array | Uint8Array; y: Float32Array | Uint8Array };
  readonly task: 'classes' | 'regression';
  readonly inputs: number;
  readonly outputs: number;
  readonly describe: string;
  readonly defaultRows: number;
}

export const GENERATORS = {
  digits: {
    make: digits,
    task: 'classes',
    inputs: 784,
    outputs: 10,
    describe: 'handwritten-looking digits, 28 × 28 bytes',
    defaultRows: 10_000,
  },
  spirals: {
    make: spirals,
    task: 'classes',
    inputs: 2,
    outputs: 2,
    describe: 'two interleaved spirals',
    defaultRows: 1000,
  },
  moons: { make: moons, task: 'classes', inputs: 2, outputs: 2, describe: 'two half circles', defaultRows: 1000 },
  xor: {
    make: xor,
    task: 'classes',
    inputs: 2,
    outputs: 2,
    describe: 'four quadrants, opposite ones alike',
    defaultRows: 1000,
  },
  sine: {
    make: sine,
    task: 'regression',
    inputs: 1,
    outputs: 1,
    describe: 'a sine curve with noise',
    defaultRows: 500,
  },
} as const satisfies Record<string, Generator>;

export type GeneratorName = keyof typeof GENERATORS;
