/** a = x + stddev · a standard normal number for every element and step. */
import { drawBlock, normalPair, STREAM } from '../math/random.ts';
import { argument, at, fours, groups, type Kernel, type Step, view } from './kernel.ts';

export const gaussian_noise: Kernel = {
  overrides: (step, find) => {
    const x = argument(step, find, 'x');
    return {
      FOURS: (step.batch * x.stride) / 4,
      COLUMNS: x.columns,
      COLUMN_FOURS: fours(x.columns),
      X_OFFSET: at(x),
      A_OFFSET: at(argument(step, find, 'a')),
      STDDEV: deviationOf(step),
      STREAM: STREAM.noise,
      LAYER: step.number!,
    };
  },
  workgroups: (step, find) => groups((step.batch * argument(step, find, 'x').stride) / 4),
  flops: (step, find) => 32 * step.batch * argument(step, find, 'x').columns,
  reference: (step, find, { slabs }) => {
    const { stride, columns } = argument(step, find, 'x');
    const [x, a] = ['x', 'a'].map((name) => view(argument(step, find, name), slabs));
    const stddev = deviationOf(step);
    const draws = new Uint32Array(4);
    return ({ seed, finishedSteps, firstRow }) => {
      const before = (firstRow * stride) / 4;
      for (let i = 0; i < step.batch * stride; i += 4) {
        drawBlock(draws, before + i / 4, finishedSteps, seed, STREAM.noise, step.number!);
        const noise = [...normalPair(draws[0]!, draws[1]!), ...normalPair(draws[2]!, draws[3]!)];
        for (let j = 0; j < 4 && (i % stride) + j < columns; j++) a![i + j] = x![i + j]! + stddev * noise[j]!;
      }
    };
  },
};

/** What the layer says of its noise. */
export function deviationOf({ layer }: Step): number {
  if (layer?.type !== 'gaussianNoise') throw new Error(`${layer?.type} has no noise`);
  return layer.stddev;
}
