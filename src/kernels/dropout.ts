/** Dropout: a = x / (1 − rate), or 0 where a draw of the step lies below rate; on the way down the same of deltas. */
import { drawBlock, STREAM } from '../math/random.ts';
import { argument, at, groups, type Kernel, layerNumber, type Step, view } from './kernel.ts';

/** Draws are compared by their upper 24 bits, which f32 has too. */
const UNIT = 2 ** 24;

export const dropout: Kernel = {
  overrides: (step, find) => {
    const x = argument(step, find, 'x');
    const { threshold, scale } = dropOf(step);
    return {
      FOURS: (step.batch * x.stride) / 4,
      ROW_FOURS: x.stride / 4,
      X_OFFSET: at(x),
      A_OFFSET: at(argument(step, find, 'a')),
      DOWN: x.slab === 'deltas',
      THRESHOLD: threshold,
      SCALE: scale,
      STREAM: STREAM.dropout,
      LAYER: step.number!,
      BELOW_LAYER: layerNumber(step.writes.a!),
    };
  },
  workgroups: (step, find) => groups((step.batch * argument(step, find, 'x').stride) / 4),
  flops: (step, find) => 16 * step.batch * argument(step, find, 'x').columns,
  watches: { a: 'delta' },
  reference: (step, find, { slabs }) => {
    const { stride } = argument(step, find, 'x');
    const [x, a] = ['x', 'a'].map((name) => view(argument(step, find, name), slabs));
    const { threshold, scale } = dropOf(step);
    const draws = new Uint32Array(4);
    const n = step.batch * stride;
    return ({ seed, finishedSteps, firstRow }) => {
      const before = (firstRow * stride) / 4;
      for (let i = 0; i < n; i++) {
        if (i % 4 === 0) drawBlock(draws, before + i / 4, finishedSteps, seed, STREAM.dropout, step.number!);
        a![i] = draws[i % 4]! >>> 8 < threshold ? 0 : x![i]! * scale;
      }
    };
  },
};

/** What the layer says of its draws: those of 24 bits below `threshold` are dropped, the rest is scaled. */
export function dropOf({ layer }: Step): { threshold: number; scale: number } {
  if (layer?.type !== 'dropout') throw new Error(`${layer?.type} drops nothing`);
  return { threshold: Math.round(layer.rate * UNIT), scale: 1 / (1 - layer.rate) };
}
