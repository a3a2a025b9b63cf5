/** z = x W + b with x [rows, in], W [in, out], b [out]; `torch.nn.Linear`, whose weight is Wᵀ. */
import { argument, at, fours, groups, type Kernel, view } from './kernel.ts';

export const dense_forward: Kernel = {
  overrides: (step, find) => {
    const weight = argument(step, find, 'weight');
    return {
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
  reference: (step, find, { slabs }) => {
    const weight = argument(step, find, 'weight');
    const [x, w, z] = ['x', 'weight', 'z'].map((name) => view(argument(step, find, name), slabs)) as [
      never,
      never,
      never,
    ];
    const bias = 'bias' in step.reads ? view(argument(step, find, 'bias'), slabs) : undefined;
    multiply(x, w, z, bias, step.batch, weight.rows, weight.columns, weight.stride, argument(step, find, 'x').stride);
  },
};

/** Row by row; four inputs at a time, each output still summed in the order of the inputs, in f64. */
function multiply(
  x: Float32Array,
  w: Float32Array,
  z: Float32Array,
  bias: ArrayLike<number> | undefined,
  rows: number,
  inputs: number,
  outputs: number,
  stride: number,
  xStride: number,
): void {
  const sum = new Float64Array(outputs);
  for (let row = 0; row < rows; row++) {
    if (bias) for (let j = 0; j < outputs; j++) sum[j] = bias[j]!;
    else sum.fill(0);
    const start = row * xStride;
    let k = 0;
    for (; k + 4 <= inputs; k += 4) {
      const x0 = x[start + k]!;
      const x1 = x[start + k + 1]!;
      const x2 = x[start + k + 2]!;
      const x3 = x[start + k + 3]!;
      const a = k * stride;
      const b = a + stride;
      const c = b + stride;
      const d = c + stride;
      for (let j = 0; j < outputs; j++) {
        sum[j] = sum[j]! + x0 * w[a + j]! + x1 * w[b + j]! + x2 * w[c + j]! + x3 * w[d + j]!;
      }
    }
    for (; k < inputs; k++) {
      const xk = x[start + k]!;
      const a = k * stride;
      for (let j = 0; j < outputs; j++) sum[j] = sum[j]! + xk * w[a + j]!;
    }
    z.set(sum, row * stride);
  }
}
