/** The methods that race: what each asks the library for, and how it is told apart. */
import type { OptimizerInput } from 'downhill';

export interface MethodSettings {
  /** Learning rate of gradient descent, with and without momentum. */
  rate: number;
  /** Learning rate of the methods that scale each parameter by its gradients. */
  adaptiveRate: number;
  momentum: number;
  /** Rows of a mini-batch. */
  batchSize: number;
}

/** The mark at the head of a path: shapes differ for those who see colours alike. */
export type Mark = 'circle' | 'square' | 'diamond' | 'up' | 'down' | 'cross' | 'star' | 'ring';

export interface Method {
  id: string;
  label: string;
  mark: Mark;
  /** Rows per update. */
  batch: 'full' | 'mini' | 1;
  optimizer(settings: MethodSettings): OptimizerInput;
}

const descent = ({ rate }: MethodSettings): OptimizerInput => ({ type: 'sgd', learningRate: rate });
const heavy = (settings: MethodSettings, nesterov: boolean): OptimizerInput => {
  const { rate: learningRate, momentum } = settings;
  return momentum === 0 ? descent(settings) : { type: 'sgd', learningRate, momentum, nesterov };
};

export const METHODS: readonly Method[] = [
  { id: 'batch', label: 'Batch', mark: 'circle', batch: 'full', optimizer: descent },
  { id: 'mini', label: 'Mini-batch', mark: 'square', batch: 'mini', optimizer: descent },
  { id: 'single', label: 'Single sample', mark: 'cross', batch: 1, optimizer: descent },
  { id: 'momentum', label: 'Momentum', mark: 'diamond', batch: 'mini', optimizer: (s) => heavy(s, false) },
  { id: 'nesterov', label: 'Nesterov', mark: 'ring', batch: 'mini', optimizer: (s) => heavy(s, true) },
  {
    id: 'adagrad',
    label: 'AdaGrad',
    mark: 'up',
    batch: 'mini',
    optimizer: ({ adaptiveRate }) => ({ type: 'adagrad', learningRate: adaptiveRate }),
  },
  {
    id: 'rmsprop',
    label: 'RMSProp',
    mark: 'down',
    batch: 'mini',
    optimizer: ({ adaptiveRate }) => ({ type: 'rmsprop', learningRate: adaptiveRate, rho: 0.9 }),
  },
  {
    id: 'adam',
    label: 'Adam',
    mark: 'star',
    batch: 'mini',
    optimizer: ({ adaptiveRate }) => ({ type: 'adam', learningRate: adaptiveRate }),
  },
];

const corners = (count: number, turn: number, inner = 1): [number, number][] =>
  Array.from({ length: count }, (_, i) => {
    const angle = turn + (2 * Math.PI * i) / count;
    const radius = i % 2 === 0 ? 1 : inner;
    return [radius * Math.sin(angle), -radius * Math.cos(angle)];
  });

const OUTLINES: Readonly<Record<Exclude<Mark, 'circle' | 'ring'>, [number, number][]>> = {
  square: corners(4, Math.PI / 4),
  diamond: corners(4, 0),
  up: corners(3, 0),
  down: corners(3, Math.PI),
  star: corners(10, 0, 0.5),
  cross: corners(8, Math.PI / 4, 0.45),
};

/** Draws a mark around a point in this colour, with a halo that lifts it from what lies behind. */
export function drawMark(
  context: CanvasRenderingContext2D,
  mark: Mark,
  [x, y]: readonly [number, number],
  size: number,
  color: string,
  halo: string,
): void {
  context.beginPath();
  if (mark === 'circle' || mark === 'ring') context.arc(x, y, size * 0.85, 0, 2 * Math.PI);
  else {
    for (const [dx, dy] of OUTLINES[mark]) context.lineTo(x + dx * size * 1.15, y + dy * size * 1.15);
    context.closePath();
  }
  context.lineJoin = 'round';
  context.lineWidth = 3;
  context.strokeStyle = halo;
  context.stroke();
  context.fillStyle = mark === 'ring' ? halo : color;
  context.fill();
  if (mark !== 'ring') return;
  context.lineWidth = size * 0.55;
  context.strokeStyle = color;
  context.stroke();
}
