/** The base program: forward through the layers, the loss, the same layers backwards, the update; one kernel a step. */
import { type DenseRow, fours, type Role, type Step, type TensorName } from '../kernels/kernel.ts';
import { AVERAGE, stateOf } from '../math/optimizers.ts';
import { hasPenalty } from '../math/penalties.ts';
import { clipOf, togetherOf } from '../spec/clip.ts';
import { type Parameter, parametersOf, placeLayers, rulesOf } from '../spec/network.ts';
import { outputs, type Spec } from '../spec/spec.ts';
import type { Declarations } from './declarations.ts';
import { LOSS_SCALE, Lowering, lowerAll, nameInProgram, PARTIAL_SQUARES } from './lower.ts';
import { measure } from './measure.ts';
import type { BaseList } from './program.ts';

/** Rows and columns of a parameter of PyTorch's shape. */
const PLACED: Record<Parameter['kind'], (shape: readonly [number, number]) => readonly [number, number]> = {
  matrix: ([outputs, inputs]) => [inputs, outputs],
  table: (shape) => shape,
  vector: ([columns]) => [1, columns],
  statistic: ([columns]) => [1, columns],
};

/** Declares all parameters and their optimizer state, and the scale of the loss in mixed precision. */
export function declareParameters(spec: Spec, tensors: Declarations, mixed: boolean): void {
  for (const { name, shape, kind } of parametersOf(spec)) {
    const [rows, columns] = PLACED[kind](shape as [number, number]);
    const [role, slab] = kind === 'statistic' ? (['statistic', 'statistics'] as const) : (['param', 'params'] as const);
    tensors.declare(nameInProgram(name, 'param'), role, slab, rows, columns);
  }
  for (const state of stateOf(spec.optimizer)) {
    for (const { name, rows, columns } of [...tensors.all.values()].filter(({ role }) => role === 'param')) {
      tensors.declare(name.replace('param', `state/${state}`), 'state', 'state', rows, columns);
    }
  }
  if (mixed) tensors.declare(LOSS_SCALE, 'scale', 'state', 1, 2);
}

/** The base steps of one list. */
export function baseProgram(
  spec: Spec,
  list: BaseList,
  batch: number,
  tensors: Declarations,
  mixed: boolean,
): { steps: Step[]; output: TensorName } {
  const to = new Lowering(list, batch, tensors, mixed);
  const layers = placeLayers(spec);
  const x = to.declare('batch/x', 'batch', 'acts', spec.inputs);
  to.push('gather_rows', 'gather', 'batch', {}, { x }, { data: ['inputs'] });
  const { out, back } = lowerAll(to, layers, x);
  if (mixed) to.round();
  if (list === 'infer') return { steps: to.steps, output: out };

  const { loss } = spec;
  const row_metrics = to.declare('row_metrics', 'metric', 'deltas', 4);
  const above = to.train ? to.delta(`d_act/${layers.length - 1}`, outputs(spec)) : undefined;
  const writes = { ...(above && { delta: above }), row_metrics };
  to.push('loss', 'loss', loss.type, { z: out, ...to.scale }, writes, { data: ['targets'], loss, train: to.train });
  if (above) {
    back(above, undefined);
    to.steps.push(...updateSteps(spec, tensors, to.dense, batch, to.scale));
  }
  to.push('reduce_metrics', 'metrics', 'metrics', { row_metrics }, {});
  if (list === 'evaluate') measure(to, tensors, spec, out, batch);
  return { steps: to.steps, output: out };
}

/** The optimizer on all parameters: reads the gradients, reads and writes parameters and state; before it their norms. */
function updateSteps(
  spec: Spec,
  tensors: Declarations,
  dense: readonly DenseRow[],
  batch: number,
  scale: Lowering['scale'],
): Step[] {
  const names = [...tensors.all.values()];
  const record = (role: Role) =>
    Object.fromEntries(names.filter((t) => t.role === role).map(({ name }) => [name, name]));
  const moved = { ...record('param'), ...record('state') };
  const grads = record('grad');
  const clip = clipOf(spec);
  const squares = clip && clip.by !== 'value' ? { squares: declareSquares(tensors, dense) } : {};
  const rules = Object.fromEntries([...rulesOf(spec)].map(([name, rule]) => [nameInProgram(name, 'param'), rule]));
  const together = togetherOf(spec);
  const common = { phase: 'update', batch, data: [], dense, rules } as const;
  const update: Step = {
    ...common,
    kernel: 'optimizer_update',
    label: spec.optimizer.type,
    reads: { ...moved, ...grads, ...squares, ...scale },
    writes: { ...moved, ...scale },
    optimizer: spec.optimizer,
    ...(clip && { clip }),
    ...(together && { together }),
    ...(spec.gradientNorms && { moves: true }),
  };
  const told: Step = { ...common, kernel: 'step_norms', label: 'gradients', reads: grads, writes: {} };
  const moving = [update, ...limitSteps(update)];
  const steps = spec.gradientNorms ? [told, ...moving, { ...told, label: 'updates', moves: true }] : moving;
  if (!squares.squares) return steps;
  // The norm is of the gradient with its penalties.
  const penalised = Object.values(rules).some(hasPenalty) ? record('param') : {};
  return [
    { ...common, kernel: 'gradient_squares', label: 'norms', reads: { ...grads, ...penalised }, writes: squares },
    ...steps,
  ];
}

/** The max-norm constraint behind an update, where there is one: on the weights, on what was moved, before the averages. */
function limitSteps(update: Step): Step[] {
  const dense = update.dense!.flatMap(({ bias: _, ...row }): DenseRow[] =>
    row.weight && update.rules![row.weight]!.maxNorm > 0 ? [row] : [],
  );
  if (dense.length === 0) return [];
  const own = (kinds: readonly string[]) =>
    Object.entries(update.reads).filter(([name]) =>
      dense.some(({ weight }) => kinds.some((kind) => name === weight!.replace('param', kind))),
    );
  const writes = Object.fromEntries(own(['param', `state/${AVERAGE}`]));
  const reads = { ...writes, ...(update.moves && Object.fromEntries(own(['grad']))) };
  const { clip: _, together: __, ...common } = update;
  return [{ ...common, kernel: 'max_norm', label: 'max-norm', dense, reads, writes }];
}

/**
 * Sums of squares of gradients: one a row of the update's table, and those that a fused step leaves, one a workgroup, of
 * which there are at most as many as vec4s in four rows of a tensor.
 */
function declareSquares(tensors: Declarations, dense: readonly DenseRow[]): TensorName {
  const size = (name: TensorName | undefined) => {
    const { rows = 0, columns = 0 } = (name && tensors.all.get(name)) || {};
    return fours(rows) * fours(columns);
  };
  const most = dense.reduce((sum, { weight, bias }) => sum + size(weight) + size(bias), 0);
  tensors.declare(PARTIAL_SQUARES, 'norm', 'grads', most, 4);
  return tensors.declare('squares', 'norm', 'grads', dense.length, 4);
}
