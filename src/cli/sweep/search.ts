/** The search of a sweep: ranges as they are written in flags, and the configurations and models drawn from them. */
import { randomSource, STREAM } from '../../math/random.ts';
import { UsageError } from '../errors.ts';

/** What can be searched, in the order of tables and draws. */
export const SEARCHED = ['learningRate', 'weightDecay', 'momentum'] as const;
export type Searched = (typeof SEARCHED)[number];

/** The flags behind the names. */
export const FLAGS: Record<Searched, string> = {
  learningRate: '--learning-rate',
  weightDecay: '--weight-decay',
  momentum: '--momentum',
};

/** Where a value may lie: between two ends, or among the values of a list; a list of one is a fixed value. */
export type Range = { scale: 'log' | 'lin'; from: number; to: number } | { scale: 'list'; values: readonly number[] };
export type Ranges = Partial<Record<Searched, Range>>;

/** The values that one trial trains with; what is not there is as the spec has it. */
export type Configuration = Partial<Record<Searched, number>>;

/** One model of the sweep: a configuration with a seed. */
export interface TrialModel extends Configuration {
  /** Position in the list of configurations. */
  configuration: number;
  seed: number;
}

export interface SearchOptions {
  /** Draw so many configurations … */
  trials?: number;
  /** … or take every combination, with so many points of a range; `true` for the default. */
  grid?: number | true;
  /** Of the draws; default 0. */
  searchSeed?: number;
}

/** Configurations where neither their number nor a grid is asked for, and points of a range in a grid. */
export const DEFAULT_TRIALS = 32;
export const DEFAULT_GRID = 5;
/** More models than this are one slip of a key, not a search. */
export const MAX_MODELS = 65_535;
/** Significant digits of a drawn value, so that what a table prints is exactly what was trained with. */
const DIGITS = 4;
export const MAX_SEED = 0xffff_ffff;

const EXAMPLES = 'a number, a list such as 1e-3,1e-2, or a range such as log:1e-4..1e-1 or lin:0..0.9';

/**
 * `0.1`, `1e-3,1e-2`, `log:1e-4..1e-1` (even in the logarithm) or `lin:0..0.9` (even in the value).
 * @throws UsageError
 */
export function parseRange(text: string, name: Searched): Range {
  const got = `${FLAGS[name]}: got "${text}"`;
  const refuse = (expected: string) => new UsageError('cli/usage', `${got}, expected ${expected}.`);
  const value = (part: string) => {
    const number = Number(part);
    if (part.trim() === '' || Number.isNaN(number)) throw refuse(EXAMPLES);
    if (name === 'momentum' && !(number >= 0 && number < 1)) throw refuse('numbers in [0, 1)');
    if (!(number >= 0) || !Number.isFinite(Math.fround(number))) throw refuse('finite numbers ≥ 0');
    return number;
  };
  const [, scale, first, last] = /^(?:(\w+):)?(.+?)\.\.(.+)$/.exec(text) ?? [];
  if (first === undefined || last === undefined) {
    const values = text.split(',').map(value);
    const twice = values.find((one, i) => values.indexOf(one) < i);
    if (twice !== undefined) throw refuse(`different values, but ${twice} is there twice`);
    return { scale: 'list', values };
  }
  if (scale === undefined) throw refuse(`the scale of the range: log:${text} or lin:${text}`);
  if (scale !== 'log' && scale !== 'lin') throw refuse(EXAMPLES);
  const [from, to] = [value(first), value(last)];
  if (from >= to) throw refuse('a range FROM..TO with FROM below TO');
  if (scale === 'log' && from === 0)
    throw refuse(`a log range that starts above 0; lin:${first}..${last} may start there`);
  return { scale, from, to };
}

/** The names with more than one value. */
export const searchedIn = (ranges: Ranges): Searched[] =>
  SEARCHED.filter((name) => {
    const range = ranges[name];
    return range && (range.scale !== 'list' || range.values.length > 1);
  });

const listsAlone = (ranges: Ranges): boolean => Object.values(ranges).every(({ scale }) => scale === 'list');

/** Whether every combination is taken: where a grid is asked for, and where there are only lists. */
export const takesAll = (ranges: Ranges, { trials, grid }: SearchOptions): boolean =>
  grid !== undefined || (trials === undefined && listsAlone(ranges));

/**
 * The configurations that the flags ask for. Trial t of a random search depends on the search seed and its range alone:
 * more trials begin with the same ones, and another range beside it changes nothing.
 * @throws UsageError
 */
export function configurations(ranges: Ranges, options: SearchOptions): Configuration[] {
  const { trials, grid, searchSeed = 0 } = options;
  if (trials !== undefined && grid !== undefined) {
    throw new UsageError('cli/usage', '--grid: got --trials too, expected one of them.');
  }
  const searched = searchedIn(ranges);
  if (trials !== undefined && searched.length === 0) {
    const expected = Object.values(FLAGS).join(', ');
    throw new UsageError(
      'cli/usage',
      `--trials: got nothing to draw from, expected a range or a list for one of ${expected}.`,
    );
  }
  if (takesAll(ranges, options)) return combinations(ranges, typeof grid === 'number' ? grid : DEFAULT_GRID);
  const count = trials ?? DEFAULT_TRIALS;
  const all = listsAlone(ranges) ? countCombinations(ranges, 1) : Number.POSITIVE_INFINITY;
  if (count > all) {
    throw new UsageError(
      'cli/usage',
      `--trials: got ${count}, but the lists have ${all} combinations; use --grid for all.`,
    );
  }
  checkCount(count, '--trials');
  const draws = SEARCHED.map((_, dimension) => randomSource(searchSeed, STREAM.search, dimension));
  return Array.from({ length: count }, (_, trial) => {
    const configuration: Configuration = {};
    for (const [dimension, name] of SEARCHED.entries()) {
      const range = ranges[name];
      if (range) configuration[name] = pick(range, draws[dimension]!.uniform(trial));
    }
    return configuration;
  });
}

/** Every configuration with every seed: `seeds` of them from `seed` on, a configuration's models side by side. */
export function trialModels(all: readonly Configuration[], seeds: number, seed: number): TrialModel[] {
  checkCount(all.length * seeds, '--seeds');
  if (seed + seeds - 1 > MAX_SEED) {
    throw new UsageError(
      'cli/usage',
      `--seeds: got ${seeds} from ${seed} on, expected the last to be at most ${MAX_SEED}.`,
    );
  }
  return all.flatMap((values, configuration) =>
    Array.from({ length: seeds }, (_, i) => ({ configuration, seed: seed + i, ...values })),
  );
}

function checkCount(count: number, who: string): void {
  if (count <= MAX_MODELS) return;
  throw new UsageError(
    'cli/usage',
    `${who}: got ${count} models in all, expected at most ${MAX_MODELS}; ask for fewer.`,
  );
}

const pointsOf = (range: Range, grid: number): number => (range.scale === 'list' ? range.values.length : grid);

const countCombinations = (ranges: Ranges, grid: number): number =>
  Object.values(ranges).reduce((product, range) => product * pointsOf(range, grid), 1);

/** The last name moves fastest. */
function combinations(ranges: Ranges, grid: number): Configuration[] {
  checkCount(countCombinations(ranges, grid), '--grid');
  let all: Configuration[] = [{}];
  for (const name of SEARCHED) {
    const range = ranges[name];
    if (!range) continue;
    const points = range.scale === 'list' ? range.values : gridPoints(range, grid);
    all = all.flatMap((configuration) => points.map((value) => ({ ...configuration, [name]: value })));
  }
  return all;
}

/** `count` points, both ends among them. */
const gridPoints = (range: Exclude<Range, { scale: 'list' }>, count: number): number[] =>
  Array.from({ length: count }, (_, i) => between(range, i / (count - 1)));

/** The value at `part` of the way, 0 ≤ part < 1. */
const pick = (range: Range, part: number): number =>
  range.scale === 'list' ? range.values[Math.floor(part * range.values.length)]! : between(range, part);

function between({ scale, from, to }: Exclude<Range, { scale: 'list' }>, part: number): number {
  if (part === 0) return from;
  if (part === 1) return to;
  const value = scale === 'log' ? from * (to / from) ** part : from + part * (to - from);
  return Math.min(to, Math.max(from, Number(value.toPrecision(DIGITS))));
}
