/** Layer norm and RMS norm: every row of x normalised, times weight, plus bias; the formula is in `math/norms.ts`. */
import { momentsOf, normalize } from '../math/norms.ts';
import { argument, at, type Find, fours, type Kernel, layerNumber, type Step, view, WORKGROUP } from './kernel.ts';

/** A workgroup takes every so manieth row; as many dispatches allow. */
const MOST_WORKGROUPS = 4096;

export const row_norm_forward: Kernel = {
  overrides: (step, find) => ({
    LAYER: layerNumber(step.writes.a!),
    ...rowNormOverrides(step, find),
    BIAS: 'bias' in step.reads,
    BIAS_OFFSET: 'bias' in step.reads ? at(argument(step, find, 'bias')) : 0,
    A_OFFSET: at(argument(step, find, 'a')),
  }),
  workgroups: (step) => rowGroups(step),
  flops: (step, find) => 8 * step.batch * argument(step, find, 'x').columns,
  watches: { a: 'activation' },
  reference: (step, find, { slabs }) => {
    const [x, a] = ['x', 'a'].map((name) => view(argument(step, find, name), slabs));
    const [weight, bias] = ['weight', 'bias'].map((name) =>
      name in step.reads ? view(argument(step, find, name), slabs) : undefined,
    );
    const { centered, epsilon } = rowNormOf(step);
    const line = rowLine(step, find);
    const { stride } = argument(step, find, 'x');
    return () => {
      for (let row = 0; row < step.batch; row++) {
        line.start = row * stride;
        normalize(x!, line, momentsOf(x!, line, centered), epsilon, weight, bias, a!);
      }
    };
  },
};

/** What the layer says of its norm. */
export function rowNormOf({ layer }: Step): { centered: boolean; epsilon: number } {
  if (layer?.type !== 'layerNorm' && layer?.type !== 'rmsNorm') throw new Error(`${layer?.type} normalises no rows`);
  return { centered: layer.type === 'layerNorm', epsilon: layer.epsilon };
}

/** The first row as numbers to normalise. */
export const rowLine = (step: Step, find: Find) => {
  const { columns } = argument(step, find, 'x');
  return { start: 0, step: 1, count: columns, parameter: 0, parameterStep: 1 };
};

export const rowGroups = ({ batch }: Step): number => Math.min(batch, MOST_WORKGROUPS);

/** The overrides by which `lib/row_norm.wgsl` is told its rows. */
export function rowNormOverrides(step: Step, find: Find) {
  const x = argument(step, find, 'x');
  const { centered, epsilon } = rowNormOf(step);
  let invocations = 1;
  while (invocations < WORKGROUP && invocations < fours(x.columns)) invocations *= 2;
  return {
    WORKGROUP: invocations,
    MEMORY_FOURS: invocations,
    ROWS: step.batch,
    GROUPS: rowGroups(step),
    COLUMNS: x.columns,
    FOURS: fours(x.columns),
    X_OFFSET: at(x),
    WEIGHT: 'weight' in step.reads,
    WEIGHT_OFFSET: 'weight' in step.reads ? at(argument(step, find, 'weight')) : 0,
    CENTERED: centered,
    EPSILON: epsilon,
  };
}
