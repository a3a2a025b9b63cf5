/** Networks of so few parameters that their cost can be drawn. */
import { dense, type LayerInput } from 'downhill';

export type Range = readonly [low: number, high: number];
export type Position = readonly number[];

export interface Sample {
  x: number;
  y: number;
}

/** A network of so few parameters that its cost can be drawn. */
export interface Tiny {
  title: string;
  names: string[];
  domain: Range[];
  layers: LayerInput[];
  /** Name and shape of each parameter's tensor, in the order of `names`. */
  tensors: [string, number[]][];
  answer(position: Position, x: number): number;
  /** The points it starts with. */
  points: { x: Range; slope: number; offset: number; bend?: (x: number) => number };
}

const LINE: Omit<Tiny, 'title' | 'points'> = {
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
};

export const TINY = {
  line: {
    title: 'A line: w·x + b',
    ...LINE,
    points: { x: [-2, 2], slope: 0.9, offset: 0.5 },
  },
  shifted: {
    title: 'A line, points far from 0',
    ...LINE,
    points: { x: [0.4, 2.9], slope: 1.1, offset: -1.2 },
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
    points: { x: [-2.5, 2.5], slope: 0, offset: 0, bend: (x) => 1.4 * Math.tanh(1.2 * x) },
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
    points: { x: [-2.5, 2.5], slope: 0, offset: 0, bend: (x) => Math.tanh(2 * x - 1) },
  },
  slope: {
    title: 'One parameter: w·x',
    names: ['w'],
    domain: [[-2, 4]],
    layers: [dense(1, { bias: false })],
    tensors: [['layers.0.weight', [1, 1]]],
    answer: ([w = 0], x) => w * x,
    points: { x: [-2, 2], slope: 1, offset: 0 },
  },
} satisfies Record<string, Tiny>;

export type TinyName = keyof typeof TINY;
export const TINY_NAMES = Object.keys(TINY) as TinyName[];
export const isTiny = (name: string): name is TinyName => name in TINY;
