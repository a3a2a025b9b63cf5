/** What the built-in sets can be told beside rows and seed: every option with its default, and one check for all. */
import { DataError, suggest } from '../../errors.ts';
import { checkOptions, checkRange, type GenerateOptions } from './draws.ts';

/** Set → options. `noise` is the deviation of a bell-shaped error: of both coordinates of classes, of y of a regression. */
export const GENERATOR_OPTIONS = {
  digits: {},
  spirals: { noise: 0.03, arms: 2 },
  moons: { noise: 0.1 },
  xor: { noise: 0.05 },
  circles: { noise: 0.05, factor: 0.5 },
  blobs: { noise: 0.2, classes: 3 },
  rings: { noise: 0.02, classes: 3 },
  sine: { noise: 0.05 },
  polynomial: { noise: 0.05, degree: 3 },
  sawtooth: { noise: 0.05, teeth: 2 },
  plane: { noise: 0.05 },
  bumps: { noise: 0.05 },
  friedman: { noise: 1 },
};

type Table = typeof GENERATOR_OPTIONS;
export type GeneratorName = keyof Table;
/** The options of a set as a user gives them. */
export type OptionsOf<N extends GeneratorName> = GenerateOptions & Partial<Table[N]>;

/** The most classes, arms, teeth, and the highest degree. */
const MOST = 10;
const MAX_NOISE = 10;

/**
 * The options with their defaults.
 * @throws DataError `data/generate` for an unknown option, or a value out of range
 */
export function complete<N extends GeneratorName>(name: N, options: OptionsOf<N>): GenerateOptions & Table[N] {
  checkOptions(options, name);
  const defaults = GENERATOR_OPTIONS[name];
  const complete = { ...defaults, ...options };
  for (const [key, value] of Object.entries(complete) as [string, number][]) {
    const who = `${name}.${key}`;
    if (key === 'rows' || key === 'seed') continue;
    if (!Object.hasOwn(defaults, key)) {
      const known = ['rows', 'seed', ...Object.keys(defaults)];
      throw new DataError(
        'data/generate',
        `${name}: unknown option "${key}"${suggest(key, known)}; known options: ${known.join(', ')}.`,
      );
    }
    if (key === 'noise') checkNumber(value, MAX_NOISE, who);
    else if (key === 'factor') checkNumber(value, 1, who);
    else checkRange(value, key === 'arms' || key === 'classes' ? 2 : 1, MOST, who);
  }
  return complete;
}

function checkNumber(value: number, max: number, who: string): void {
  if (value >= 0 && value <= max) return;
  throw new DataError('data/generate', `${who}: expected a number from 0 to ${max}, got ${value}.`);
}
