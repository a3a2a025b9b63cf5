/** What is descended: networks of one or two parameters on points, with the cost that the library trains on, drawn exactly. */
import { dense, type LayerInput, type LossInput, type NamedTensor } from 'downhill';

export type Range = readonly [low: number, high: number];
export type Position = readonly number[];

export interface Sample {
  x: number;
  y: number;
}

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
  /** Of a network on points: what it says at x. */
  answer?(position: Position, x: number): number;
  /** The points, where there are some to see. */
  readonly samples?: readonly Sample[];
}

/** A network of so few parameters that its cost can be drawn. */
interface Tiny {
  title: string;
  names: string[];
  domain: Range[];
  layers: LayerInput[];
  /** Name and shape of each parameter's tensor, in the order of `names`. */
  tensors: [string, number[]][];
  answer(position: Position, x: number): number;
  /** The points it starts with. */
  points: { count: number; x: Range; slope: number; offset: number; bend?: (x: number) => number };
}

const TINY = {
  line: {
    title: 'A line: w·x + b',
    names: ['w', 'b'],
    domain: [
      [-3, 4],
      [-3.5, 3.5],
    ],
    layers: [dense(1)],
    tensors: [
      ['layers.0.weight', [1, 1]],
      ['layers.0.bias', [1]],
    ],
    answer: ([w = 0, b = 0], x) => w * x + b,
    points: { count: 24, x: [-2, 2], slope: 0.9, offset: 0.5 },
  },
  shifted: {
    title: 'A line, points far from 0',
    names: ['w', 'b'],
    domain: [
      [-3, 4],
      [-3.5, 3.5],
    ],
    layers: [dense(1)],
    tensors: [
      ['layers.0.weight', [1, 1]],
      ['layers.0.bias', [1]],
    ],
    answer: ([w = 0, b = 0], x) => w * x + b,
    points: { count: 24, x: [0.4, 2.9], slope: 1.1, offset: -1.2 },
  },
  chain: {
    title: 'Two layers: v·tanh(w·x)',
    names: ['w', 'v'],
    domain: [
      [-3, 3],
      [-3, 3],
    ],
    layers: [dense(1, { bias: false, activation: 'tanh' }), dense(1, { bias: false })],
    tensors: [
      ['layers.0.weight', [1, 1]],
      ['layers.1.weight', [1, 1]],
    ],
    answer: ([w = 0, v = 0], x) => v * Math.tanh(w * x),
    points: { count: 24, x: [-2.5, 2.5], slope: 0, offset: 0, bend: (x) => 1.4 * Math.tanh(1.2 * x) },
  },
  neuron: {
    title: 'A neuron: tanh(w·x + b)',
    names: ['w', 'b'],
    domain: [
      [-5, 5],
      [-5, 5],
    ],
    layers: [dense(1, { activation: 'tanh' })],
    tensors: [
      ['layers.0.weight', [1, 1]],
      ['layers.0.bias', [1]],
    ],
    answer: ([w = 0, b = 0], x) => Math.tanh(w * x + b),
    points: { count: 24, x: [-2.5, 2.5], slope: 0, offset: 0, bend: (x) => Math.tanh(2 * x - 1) },
  },
  slope: {
    title: 'One parameter: w·x',
    names: ['w'],
    domain: [[-2, 4]],
    layers: [dense(1, { bias: false })],
    tensors: [['layers.0.weight', [1, 1]]],
    answer: ([w = 0], x) => w * x,
    points: { count: 24, x: [-2, 2], slope: 1, offset: 0 },
  },
} satisfies Record<string, Tiny>;

export type TinyName = keyof typeof TINY;
export const TINY_NAMES = Object.keys(TINY) as TinyName[];
export const titleOf = (name: TinyName): string => TINY[name].title;

/** The points that a network starts with; `noise` is their deviation. The same seed gives the same points. */
export function startingPoints(name: TinyName, noise: number, seed: number): Sample[] {
  const { count, x: range, slope, offset, bend }: Tiny['points'] = TINY[name].points;
  const random = randomNumbers(seed);
  return Array.from({ length: count }, (_, i) => {
    const x = range[0] + ((i + 0.2 + 0.6 * random()) / count) * (range[1] - range[0]);
    const bell = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return { x, y: slope * x + offset + (bend?.(x) ?? 0) + noise * bell };
  });
}

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

/** Uniform in [0, 1): Mulberry32. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
