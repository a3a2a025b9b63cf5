/** z = x W + b with x [rows, in], W [in, out], b [out]; `torch.nn.Linear`, whose weight is Wᵀ. */
import { multiply } from '../math/product.ts';
import { argument, at, fours, groups, type Kernel, layerNumber, view } from './kernel.ts';

export const dense_forward: Kernel = {
  overrides: (step, find) => {
    const weight = argument(step, find, 'weight');
    return {
      LAYER: layerNumber(step.writes.z!),
      ROWS: step.batch,
      IN_FOURS: fours(weight.rows),
      OUT_FOURS: fours(weight.columns),
      X_OFFSET: at(argument(step, find, 'x')),
      WEIGHT_OFFSET: at(weight),
      BIAS: 'bias' in step.reads,
      BIAS_OFFSET: 'bias' in step.reads ? at(argument(step, find, 'bias')) : 0,
      Z_OFFSET: at(argument(step, find, 'z')),
    };
  },
  workgroups: (step, find) => groups(step.batch * fours(argument(step, find, 'z').columns)),
  flops: (step, find) => {
    const { rows, columns } = argument(step, find, 'weight');
    return 2 * step.batch * rows * columns;
  },
  watches: { z: 'activation' },
  reference: (step, find, { slabs, tiles }) => {
    const tensor = argument(step, find, 'weight');
    const input = argument(step, find, 'x');
    const z = argument(step, find, 'z');
    const x = { values: view(input, slabs), line: input.stride, term: 1 };
    const weight = { values: view(tensor, slabs), line: 1, term: tensor.stride };
    const bias = 'bias' in step.reads ? view(argument(step, find, 'bias'), slabs) : undefined;
    const out = { values: view(z, slabs), rows: step.batch, columns: tensor.columns, stride: z.stride };
    return () => multiply(x, weight, tensor.rows, bias, out, tiles);
  },
};
