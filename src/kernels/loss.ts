/** Per row: the loss, its metrics and delta = d loss / d z · weight / weights of the update, times the loss scale; the losses are in `math/losses.ts`. */
import { LOSS_MATH, type LossMath, lossParameter, type Real } from '../math/losses.ts';
import { type Loss, targetsOf } from '../spec/losses.ts';
import { argument, at, type CpuData, fours, groups, type Kernel, layerNumber, view } from './kernel.ts';
import { lossScale } from './round_weights.ts';

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
    const scaleOf = lossScale(step, find, slabs);
    const [logits, gradient] = [0, 0].map(() => new Float64Array(columns)) as [Real, Real];
    let y = new Float64Array(columns);
    const own = new Float64Array(4);
    return ({ data, indices, rows, weight: sum }) => {
      if (y.length !== data.targets) y = new Float64Array(data.targets);
      const scale = scaleOf();
      for (let r = 0; r < rows; r++) {
        const from = r * stride;
        const weight = weightOf(data, indices[r]!, step.train!);
        if (weight === 0) {
          rowMetrics.fill(0, r * 4, r * 4 + 4);
          delta?.fill(0, from, from + columns);
          continue;
        }
        for (let j = 0; j < columns; j++) logits[j] = z[from + j]!;
        readTarget(data, indices[r]!, y);
        if (data.weights && y.some(Number.isNaN)) maskedRow(row, logits, y, gradient, own, parameter);
        else row(logits, y, gradient, own, parameter);
        for (let i = 0; i < 4; i++) rowMetrics[r * 4 + i] = weight * own[i]!;
        if (delta) for (let j = 0; j < columns; j++) delta[from + j] = ((gradient[j]! * weight) / sum) * scale;
      }
      rowMetrics.fill(0, rows * 4, step.batch * 4);
      delta?.fill(0, rows * stride, step.batch * stride);
    };
  },
};

/** How much a data row counts. */
export function weightOf({ weights, y, targets }: CpuData, index: number, train: boolean): number {
  if (!weights) return 1;
  const columns = (weights.length * (y instanceof Uint32Array ? 1 : targets)) / y!.length;
  return weights[index * columns + (train ? 0 : columns - 1)]!;
}

/** A row of which some targets, those that are NaN, count 0 in its mean. */
function maskedRow(row: LossMath['row'], z: Real, y: Real, delta: Real, metrics: Real, parameter: number): void {
  const counted = Array.from(y.keys()).filter((j) => !Number.isNaN(y[j]!));
  // A target has one output, or two in two halves.
  const places = Array.from({ length: z.length / y.length }, (_, half) =>
    counted.map((j) => half * y.length + j),
  ).flat();
  const own = Float64Array.from(places, (j) => z[j]!);
  row(
    own,
    Float64Array.from(counted, (j) => y[j]!),
    own,
    metrics,
    parameter,
  );
  const share = counted.length / y.length;
  delta.fill(0);
  for (const [i, j] of places.entries()) delta[j] = own[i]! * share;
  for (let i = 0; i < 4; i++) metrics[i] = metrics[i]! * share;
}

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
