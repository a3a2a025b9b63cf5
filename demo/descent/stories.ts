/** Settings that each show one thing. */

import { LANDSCAPE_NAMES, type LandscapeName } from './landscapes.ts';

export interface Story {
  title: string;
  /** What one sees. */
  text: string;
  landscape: LandscapeName;
  start: number[];
  rate: number;
  adaptiveRate: number;
  batchSize: number;
  momentum: number;
  noise: number;
  /** Methods that race; default all. */
  methods?: string[];
}

export const STORIES: Readonly<Record<string, Story>> = {
  bowl: {
    title: 'A bowl',
    text: 'Points around 0 give a round bowl: every method finds the bottom. Momentum runs past it and comes back; single samples tremble.',
    landscape: 'line',
    start: [-2, -2.5],
    rate: 0.05,
    adaptiveRate: 0.2,
    batchSize: 8,
    momentum: 0.9,
    noise: 0.4,
  },
  valley: {
    title: 'A narrow valley',
    text: 'Points far from 0 tie weight and bias together: a long, narrow valley. Plain descent falls in quickly and then creeps; momentum gathers speed along the floor.',
    landscape: 'shifted',
    start: [-2, 2.5],
    rate: 0.1,
    adaptiveRate: 0.1,
    batchSize: 24,
    momentum: 0.9,
    noise: 0.3,
    methods: ['batch', 'momentum', 'nesterov', 'adagrad', 'rmsprop', 'adam'],
  },
  zigzag: {
    title: 'Oscillation',
    text: 'Close to the largest stable learning rate, plain descent jumps from wall to wall of the valley and hardly moves along it.',
    landscape: 'shifted',
    start: [-1.5, 3],
    rate: 0.23,
    adaptiveRate: 0.1,
    batchSize: 24,
    momentum: 0.5,
    noise: 0.3,
    methods: ['batch', 'momentum', 'adam'],
  },
  divergence: {
    title: 'Divergence',
    text: 'A learning rate a little too large: each jump lands higher on the other wall than the last, until the loss is no number any more. Methods that scale the gradient survive.',
    landscape: 'shifted',
    start: [0.2, 0.4],
    rate: 0.27,
    adaptiveRate: 0.1,
    batchSize: 24,
    momentum: 0.9,
    noise: 0.3,
    methods: ['batch', 'adagrad', 'rmsprop', 'adam'],
  },
  noise: {
    title: 'Noise',
    text: 'Noisy points and one surface for each of them: the smaller the mini-batch, the more a path trembles, and a constant learning rate never lets it rest.',
    landscape: 'line',
    start: [-2, -2.5],
    rate: 0.15,
    adaptiveRate: 0.1,
    batchSize: 4,
    momentum: 0.9,
    noise: 1.5,
    methods: ['batch', 'mini', 'single'],
  },
  saddle: {
    title: 'A saddle point',
    text: 'In the middle the ground is flat, but no minimum: it falls to both sides. Plain descent lingers there for a hundred steps; the others leave sooner.',
    landscape: 'saddle',
    start: [-2, 0.001],
    rate: 0.05,
    adaptiveRate: 0.05,
    batchSize: 24,
    momentum: 0.9,
    noise: 0,
    methods: ['batch', 'momentum', 'nesterov', 'adagrad', 'rmsprop', 'adam'],
  },
  minima: {
    title: 'Several minima',
    text: 'One start, four minima, and each method has its own way: where one ends depends on the step, not on the surface alone.',
    landscape: 'himmelblau',
    start: [-0.3, -0.3],
    rate: 0.01,
    adaptiveRate: 0.3,
    batchSize: 24,
    momentum: 0.9,
    noise: 0,
    methods: ['batch', 'momentum', 'nesterov', 'adagrad', 'rmsprop', 'adam'],
  },
  rosenbrock: {
    title: 'Rosenbrock’s valley',
    text: 'A curved valley whose floor hardly falls, and walls a hundred times as steep: the walls allow only small steps, the floor asks for large ones.',
    landscape: 'rosenbrock',
    start: [-1.5, -0.5],
    rate: 0.0008,
    adaptiveRate: 0.05,
    batchSize: 24,
    momentum: 0.9,
    noise: 0,
    methods: ['batch', 'momentum', 'nesterov', 'adagrad', 'rmsprop', 'adam'],
  },
  plateau: {
    title: 'A plateau',
    text: 'A saturated neuron has hardly a slope: the gradient vanishes, and plain descent stands still. Methods that divide by the gradient’s size walk on.',
    landscape: 'neuron',
    start: [-4, -3],
    rate: 0.3,
    adaptiveRate: 0.1,
    batchSize: 24,
    momentum: 0.9,
    noise: 0.05,
    methods: ['batch', 'momentum', 'adagrad', 'rmsprop', 'adam'],
  },
  ball: {
    title: 'One parameter',
    text: 'The textbook picture: a ball on the curve of the cost. With this learning rate plain descent jumps across the valley at each step and still comes to rest.',
    landscape: 'slope',
    start: [-1.7],
    rate: 0.6,
    adaptiveRate: 0.1,
    batchSize: 24,
    momentum: 0.5,
    noise: 0.3,
    methods: ['batch', 'momentum', 'adam'],
  },
  hills: {
    title: 'Over the hills',
    text: 'Plain descent rests in the first hollow it meets. With momentum the ball rolls over the hills between, down to the deepest valley.',
    landscape: 'wavy',
    start: [-5.2],
    rate: 0.02,
    adaptiveRate: 0.3,
    batchSize: 24,
    momentum: 0.9,
    noise: 0,
    methods: ['batch', 'momentum', 'nesterov', 'adagrad', 'rmsprop', 'adam'],
  },
};

/** Where the page begins. */
const FIRST = 'valley';
const NUMBERS = ['rate', 'adaptiveRate', 'batchSize', 'momentum', 'noise'] as const;

/** What an address asks for: a story by its name, or settings of one's own, which differ from the first story's. */
export function storyOf(asked: Readonly<Record<string, string>>): { id: string | undefined; story: Story } {
  const landscape = LANDSCAPE_NAMES.find((name) => name === asked.on);
  if (!landscape) {
    const id = Object.hasOwn(STORIES, asked.story ?? '') ? asked.story! : FIRST;
    return { id, story: STORIES[id]! };
  }
  const story: Story = { ...STORIES[FIRST]!, text: '', landscape };
  for (const name of NUMBERS) {
    const value = Number(asked[name]);
    if (asked[name] !== undefined && Number.isFinite(value)) story[name] = value;
  }
  story.start = (asked.start ?? '').split(',').map(Number).filter(Number.isFinite);
  if (asked.methods !== undefined) story.methods = asked.methods.split(',');
  return { id: undefined, story };
}
