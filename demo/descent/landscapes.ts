/** What is descended: networks of one or two parameters on points, and classic surfaces, with the cost that is trained on. */
import {
  dense,
  type LayerInput,
  type LossInput,
  type NamedTensor,
  TEST_FUNCTIONS,
  type TestFunctionName,
} from 'downhill';
import { isTiny, type Position, type Range, type Sample, TINY, TINY_NAMES, type Tiny, type TinyName } from './tiny.ts';

export type { Position, Range, Sample };

/** A surface to descend. The position is [w] or [w, b]. */
export interface Landscape {
  readonly id: string;
  readonly title: string;
  /** Names of the parameters: one or two. */
  readonly names: readonly string[];
  readonly domain: readonly Range[];
  readonly inputs: number;
  readonly layers: readonly LayerInput[];
  readonly loss: LossInput;
  readonly data: { x: Float32Array; y: Float32Array };
  /** The mean loss over all rows. */
  cost(position: Position): number;
  /** The layers' parameters at a position, and back. */
  weightsAt(position: Position): Map<string, NamedTensor>;
  positionOf(weights: ReadonlyMap<string, NamedTensor>): number[];
  /** Where it is least, as far as that is known. */
  readonly minima?: readonly Position[];
  /** Of a network on points: what it says at x. */
  answer?(position: Position, x: number): number;
  /** The points, where there are some to see. */
  readonly samples?: readonly Sample[];
}

/** The library's classic surfaces. */
export const FUNCTION_TITLES: Readonly<Record<TestFunctionName, string>> = {
  bowl: 'A long bowl',
  rosenbrock: 'Rosenbrock’s valley',
  himmelblau: 'Himmelblau’s four minima',
  beale: 'Beale’s plain',
  saddle: 'A saddle',
  rastrigin: 'Rastrigin’s egg box',
  sixHumpCamel: 'The six-hump camel',
  quadratic: 'A parabola',
  doubleWell: 'Two valleys',
  wavy: 'Many valleys',
};
export type LandscapeName = TinyName | TestFunctionName;
export const LANDSCAPE_NAMES: readonly LandscapeName[] = [
  ...TINY_NAMES,
  ...(Object.keys(FUNCTION_TITLES) as TestFunctionName[]),
];
export const parametersOf = (name: LandscapeName): number =>
  (isTiny(name) ? TINY[name].names : TEST_FUNCTIONS[name].domain).length;
export const titleOf = (name: LandscapeName): string => (isTiny(name) ? TINY[name].title : FUNCTION_TITLES[name]);

/** A tiny network on these points, with squared errors. */
export function onPoints(name: TinyName, samples: readonly Sample[]): Landscape {
  const { title, names, domain, layers, tensors, answer }: Tiny = TINY[name];
  return {
    id: name,
    title,
    names,
    domain,
    inputs: 1,
    layers,
    loss: 'meanSquaredError',
    data: { x: Float32Array.from(samples, ({ x }) => x), y: Float32Array.from(samples, ({ y }) => y) },
    samples,
    answer,
    cost: (position) => {
      let sum = 0;
      for (const { x, y } of samples) sum += (answer(position, x) - y) ** 2;
      return sum / samples.length;
    },
    weightsAt: (position) =>
      new Map(tensors.map(([tensor, shape], i) => [tensor, { shape, values: Float32Array.of(position[i]!) }])),
    positionOf: (weights) => tensors.map(([tensor]) => weights.get(tensor)!.values[0]!),
  };
}

/** A classic surface f, moved about a little by each row: the row's loss is f(position − shift). */
export function onFunction(name: TestFunctionName, shifts: readonly Position[]): Landscape {
  const { domain, minima, value } = TEST_FUNCTIONS[name];
  const still = shifts.every((shift) => shift.every((part) => part === 0));
  return {
    id: name,
    title: FUNCTION_TITLES[name],
    names: ['x', 'y'].slice(0, domain.length),
    domain,
    ...(still && { minima }),
    inputs: 1,
    layers: [dense(domain.length, { bias: false })],
    loss: { type: 'testFunction', name },
    data: { x: new Float32Array(shifts.length).fill(1), y: Float32Array.from(shifts.flat()) },
    cost: ([x = 0, y = 0]) => {
      if (still) return value(x, y);
      let sum = 0;
      for (const [a = 0, b = 0] of shifts) sum += value(x - a, y - b);
      return sum / shifts.length;
    },
    weightsAt: (position) =>
      new Map([['layers.0.weight', { shape: [domain.length, 1], values: Float32Array.from(position) }]]),
    positionOf: (weights) => [...weights.get('layers.0.weight')!.values],
  };
}
