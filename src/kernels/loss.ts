/** Per row: the loss, its metrics and delta = d loss / d z · 1 / rows of the update; the losses are in `math/losses.ts`. */
import { LOSS_MATH, lossParameter, type Real } from '../math/losses.ts';
import { type Loss, targetsOf } from '../spec/losses.ts';
import { argument, at, type CpuData, fours, groups, type Kernel, layerNumber, view } from './kernel.ts';

export const loss: Kernel = {
  overrides: (step, find) => {
    const z = argument(step, find, 'z');
    return {
      LAYER: layerNumber(z.name),
      ROWS: step.batch,
      OUT_FOURS: fours(z.columns),
      Z_OFFSET: at(z),
      TRAIN: step.train!,
      DELTA_OFFSET: step.train ? at(argument(step, find, 'delta')) : 0,
      METRICS_OFFSET: at(argument(step, find, 'row_metrics')),
      ...lossOverrides(step.loss!, z.columns),
    };
  },
  workgroups: (step) => groups(step.batch),
  flops: (step, find) => 8 * step.batch * argument(step, find, 'z').columns,
  watches: { row_metrics: 'loss', delta: 'delta' },
  reference: (step, find, { slabs }) => {
    const { columns, stride } = argument(step, find, 'z');
    const z = view(argument(step, find, 'z'), slabs);
    const rowMetrics = view(argument(step, find, 'row_metrics'), slabs);
    const delta = step.train ? view(argument(step, find, 'delta'), slabs) : undefined;
    const { row } = LOSS_MATH[step.loss!.type];
    const parameter = lossParameter(step.loss!);
    const [logits, gradient] = [0, 0].map(() => new Float64Array(columns)) as [Real, Real];
    let y = new Float64Array(columns);
    const own = new Float64Array(4);
    return ({ data, indices, rows, updateRows }) => {
      if (y.length !== data.targets) y = new Float64Array(data.targets);
      for (let r = 0; r < rows; r++) {
        const from = r * stride;
        for (let j = 0; j < columns; j++) logits[j] = z[from + j]!;
        readTarget(data, indices[r]!, y);
        row(logits, y, gradient, own, parameter);
        for (let i = 0; i < 4; i++) rowMetrics[r * 4 + i] = own[i]!;
        if (delta) for (let j = 0; j < columns; j++) delta[from + j] = gradient[j]! / updateRows;
      }
      rowMetrics.fill(0, rows * 4, step.batch * 4);
      delta?.fill(0, rows * stride, step.batch * stride);
    };
  },
};

/** The overrides by which `lib/loss.wgsl` is told its loss. */
export function lossOverrides(loss: Loss, outputs: number) {
  return {
    LOSS: LOSS_MATH[loss.type].id,
    LOSS_PARAMETER: lossParameter(loss),
    OUTPUTS: outputs,
    TARGETS: targetsOf(loss, outputs),
  };
}

/** The target of a data row: a class number is one-hot, or itself where there is one output. */
export function readTarget({ y, targets }: Pick<CpuData, 'y' | 'targets'>, index: number, target: Real): void {
  if (y instanceof Uint32Array) {
    target.fill(0);
    if (targets === 1) target[0] = y[index]!;
    else target[y[index]!] = 1;
  } else {
    for (let j = 0; j < targets; j++) target[j] = y![index * targets + j]!;
  }
}
